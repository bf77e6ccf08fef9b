import { describe, expect, test } from 'vitest'
import { fragmentToken, subjectsOf } from '../../../orchestrator/publish/subject.ts'

/** The hashes come from Python: base64.b32encode(sha256(name).digest())[:26].lower(). */
describe('the token of a fragment', () => {
  test.for([
    ['DE', 'DE'],
    ['2024-01_x', '2024-01_x'],
    ['a'.repeat(48), 'a'.repeat(48)],
    ['a'.repeat(49), `${'a'.repeat(32)}=`],
    ['', '='],
    ['data/2024/01.csv', 'data-2024-01-csv='],
    ['Zürich & Genève', 'Z-rich-Gen-ve='],
    ['_schema', '-schema='],
    ['-x', '-x='],
    ['a=b', 'a-b='],
    ['😀'.repeat(40), '-='],
    [`${'x'.repeat(31)}😀y`, `${'x'.repeat(31)}-=`],
  ] as const)('of %j', ([name, expected]) => {
    const token = fragmentToken(name)
    if (!expected.endsWith('=')) expect(token).toBe(expected)
    else expect(token).toMatch(new RegExp(`^${expected}[a-z2-7]{26}$`))
  })

  test('has the hash that another language computes', () => {
    expect(fragmentToken('data/2024/01.csv')).toBe('data-2024-01-csv=6aylzu5uvd3dljtql6uyctdeqo')
    expect(fragmentToken('Zürich & Genève')).toBe('Z-rich-Gen-ve=tyzafecl74hrr6xnnjjalnfxml')
  })

  test('differs for names with one slug', () => {
    expect(fragmentToken('a/b')).not.toBe(fragmentToken('a.b'))
  })
})

test('subjects: the public names are under rows, the private ones never', () => {
  const subjects = subjectsOf('air')
  expect(subjects.ingest(subjects.rows('DE'))).toBe('_rowcast.in.air.DE')
  expect(subjects.rejects('DE')).toBe('rows.air._rejects.DE')
  expect(subjects.lease).toBe('_rowcast.ctl.air.lease')
})
