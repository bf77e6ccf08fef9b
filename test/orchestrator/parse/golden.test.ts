/**
 * test/golden/parse: `name.in` and `name.yaml` (parser, schema and rejects of a connector.yaml) against `name.rows.ndjson`
 * and `name.rejects.ndjson`. UPDATE_GOLDEN=1 writes the latter two anew: read the difference before it is committed.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { loadConnector } from '../../../orchestrator/connector/load.ts'
import { type Parsed, parseEveryWayLater } from './support.ts'

const GOLDEN = fileURLToPath(new URL('../../golden/parse/', import.meta.url))
const names = readdirSync(GOLDEN)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length))
const dir = mkdtempSync(join(tmpdir(), 'rowcast-golden-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** Rejects with their raw bytes as text, then the error of a fragment that failed. */
function rejectLines({ rejects, error }: Parsed): string {
  const lines: object[] = rejects.map(({ raw, ...rest }) => ({ ...rest, raw: Buffer.from(raw).toString() }))
  if (error) lines.push({ error })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

describe('golden files', () => {
  it.each(names)('%s', async (name) => {
    writeFileSync(join(dir, 'connector.yaml'), `name: golden\n${readFileSync(join(GOLDEN, `${name}.yaml`), 'utf8')}`)
    writeFileSync(join(dir, 'connector.py'), '')
    const parsed = await parseEveryWayLater(loadConnector(dir), readFileSync(join(GOLDEN, `${name}.in`)))
    const found = { rows: parsed.error ? '' : parsed.text, rejects: rejectLines(parsed) }
    for (const kind of ['rows', 'rejects'] as const) {
      const file = join(GOLDEN, `${name}.${kind}.ndjson`)
      if (process.env['UPDATE_GOLDEN']) writeFileSync(file, found[kind])
      expect(found[kind], `${name}.${kind}.ndjson`).toBe(readFileSync(file, 'utf8'))
    }
  })

  it('has an expectation for every input and no other file', () => {
    const files = readdirSync(GOLDEN).filter((file) => file !== '.gitattributes')
    const wanted = names.flatMap((name) =>
      ['in', 'rejects.ndjson', 'rows.ndjson', 'yaml'].map((end) => `${name}.${end}`),
    )
    expect(files.sort()).toEqual(wanted.sort())
    expect(names.length).toBeGreaterThan(25)
  })
})
