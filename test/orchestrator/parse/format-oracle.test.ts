/** Formats against Python's strftime: the same texts are the same moments. Seeded: the same every time. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PYTHON } from '../../support/cli.ts'
import { connector, parse, parseEveryWay } from './support.ts'

const ORACLE = fileURLToPath(new URL('format-oracle.py', import.meta.url))

type Line = [kind: string, format: string, text: string, published: string]

describe('formats against strftime', () => {
  const lines = execFileSync(PYTHON, [ORACLE, '20260131'], { encoding: 'utf8', env: { LC_ALL: 'C' } })
    .trim()
    .split('\n')
    .map((line): Line => JSON.parse(line))
  const byFormat = Map.groupBy(lines, ([kind, format]) => JSON.stringify([kind, format]))

  it.each([...byFormat.keys()])('%s', (key) => {
    const [type, format] = JSON.parse(key) as [string, string]
    const found = byFormat.get(key)!
    const words = { name: 'v', type, format: [format] }
    const cells = found.map(([, , text]) => `"${text}",x\n`).join('')
    const strings = found.map(([, , text]) => JSON.stringify({ v: text })).join('\n')
    const published = found.map(([, , , text]) => text)
    expect(published.length).toBe(150)
    const xsv = parseEveryWay(connector({ columns: [words, 'w string'] }), `v,w\n${cells}`)
    expect([xsv.rows.map(({ v }) => v), xsv.rejects]).toEqual([published, []])
    const json = parse(connector({ parser: { type: 'json' }, columns: [words] }), strings)
    expect([json.rows.map(({ v }) => v), json.rejects]).toEqual([published, []])
  })

  it('has all of them', () => {
    expect(byFormat.size).toBe(17)
  })
})
