import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecordingError } from '../../../orchestrator/errors.ts'
import {
  fragmentFile,
  type RecordingInfo,
  readInfo,
  readItem,
  writeInfo,
  writeItem,
} from '../../../orchestrator/recording/layout.ts'

const damaged = (what: string) => new RecordingError('recording.damaged', what)

describe('the file of a fragment', () => {
  it('can be recognised by its name', () => {
    expect(fragmentFile('2026/11/north.csv', 'bytes')).toMatch(/^fragments\/2026_11_north-[0-9a-f]{12}\.csv$/)
    expect(fragmentFile('2026/11/north.csv', 'rows')).toMatch(/^fragments\/2026_11_north-[0-9a-f]{12}\.ndjson$/)
    expect(fragmentFile('💥', 'bytes')).toMatch(/^fragments\/[0-9a-f]{12}$/)
  })

  it('is a plain name for any fragment, and another for another', () => {
    const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(names, names, (a, b) => {
        const file = fragmentFile(a, 'bytes')
        expect(file).toMatch(/^fragments\/[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/)
        if (a !== b) expect(fragmentFile(b, 'bytes').toLowerCase()).not.toBe(file.toLowerCase())
      }),
    )
  })
})

describe('an item', () => {
  it('stays digit for digit what the connector yielded (promise 7)', () => {
    const extra =
      '{"name": "a", "fingerprint": "1", "big": 12345678901234567890123, "f": 0.10, "e": 1e+22, "u": "ü\\n\\u2028"}'
    const item = { name: 'a', fingerprint: '1', extra, isPrefix: false, depth: 3 }
    const line = writeItem(item)
    expect(line).toBe(`      ${extra}\n`)
    expect(readItem(line, damaged)).toEqual(item)
  })

  it('comes back as it was, prefixes and line breaks between tokens too', () => {
    const items = [
      { name: 'a\n"b"', fingerprint: '', extra: '', isPrefix: false, depth: 0 },
      { name: 'p/', fingerprint: '', extra: '', isPrefix: true, depth: 1 },
      { name: 'p/', fingerprint: 'f', extra: '', isPrefix: true, depth: 64 },
    ]
    for (const item of items) expect(readItem(writeItem(item), damaged)).toEqual(item)
    const broken = {
      name: 'a',
      fingerprint: '1',
      extra: '{"name":"a",\n"fingerprint":"1","x":1}',
      isPrefix: false,
      depth: 0,
    }
    expect(writeItem(broken)).toBe('{"name":"a", "fingerprint":"1","x":1}\n')
  })

  it('that is none says what is wrong with it', () => {
    for (const [line, says] of [
      ['{', /not JSON/],
      ['null', /no "name"/],
      ['[1]', /no "name"/],
      ['{"name": 5}', /no "name"/],
      ['{"name": "a"}', /no "fingerprint"/],
      ['{"name": "a", "fingerprint": 7}', /no "fingerprint"/],
      ['{"name": "a", "is_prefix": "yes"}', /is_prefix/],
    ] as const)
      expect(() => readItem(line, damaged), line).toThrow(says)
  })
})

describe('recording.json', () => {
  const info: RecordingInfo = {
    connector: 'c',
    recordedAt: '2026-11-25T22:00:00Z',
    versions: { rowcast: '0.1.0', code: 'c0de', packages: '' },
    yields: 'bytes',
    listed: 7,
    fragments: [{ name: 'a', file: 'fragments/a-1', bytes: 3, sha256: 'ab' }],
    leftOut: [{ name: 'b', why: 'too large' }],
  }

  it('comes back as it was', () => {
    expect(readInfo(writeInfo(info), damaged)).toEqual(info)
    const byHand = writeInfo(info).replace(/,\s+"sha256": "ab"/, '')
    expect(readInfo(byHand, damaged).fragments[0]!.sha256).toBeUndefined()
  })

  it('that is damaged, or of a later version, says what is wrong with it', () => {
    const changed = (change: (value: Record<string, unknown>) => void) => {
      const value = JSON.parse(writeInfo(info))
      change(value)
      return JSON.stringify(value)
    }
    const file = (name: string) =>
      changed((value) => Object.assign(value, { fragments: [{ name: 'a', file: name, bytes: 1 }] }))
    for (const [text, says] of [
      ['', /not JSON/],
      ['null', /format undefined/],
      ['[]', /format undefined/],
      [changed((value) => Object.assign(value, { format: 2 })), /format 2; this version of Rowcast reads 1/],
      [changed((value) => delete value['versions']), /no text "rowcast"/],
      [changed((value) => Object.assign(value, { yields: 'cake' })), /"yields": "cake"/],
      [changed((value) => Object.assign(value, { listed: -1 })), /no number "listed"/],
      [changed((value) => Object.assign(value, { fragments: {} })), /no list "fragments"/],
      [changed((value) => Object.assign(value, { fragments: [5] })), /no text "file"/],
      [file('/etc/passwd'), /names the file "\/etc\/passwd"/],
      [file('fragments/../../../etc/passwd'), /names the file/],
      [file('fragments/..'), /names the file/],
      [file('fragments\\..\\x'), /names the file/],
    ] as const)
      expect(() => readInfo(text, damaged), text).toThrow(says)
  })
})
