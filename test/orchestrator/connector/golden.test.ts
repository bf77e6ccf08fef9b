/** Bad connector.yaml files and exactly what is said about them. UPDATE_GOLDEN=1 writes the answers anew. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadConnector } from '../../../orchestrator/connector/load.ts'
import { DefinitionError } from '../../../orchestrator/errors.ts'

const GOLDEN = fileURLToPath(new URL('../../golden/connector', import.meta.url))
const UPDATE = process.env['UPDATE_GOLDEN'] === '1'
const names = readdirSync(GOLDEN)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length))

describe('a bad connector.yaml', () => {
  it.for(names)('%s: every problem, each with its place', (name) => {
    const said = saidAbout(join(GOLDEN, `${name}.yaml`))
    const answer = join(GOLDEN, `${name}.txt`)
    if (UPDATE) writeFileSync(answer, said)
    expect(said).toBe(readFileSync(answer, 'utf8'))
  })
})

function saidAbout(yaml: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'rowcast-connector-'))
  try {
    copyFileSync(yaml, join(dir, 'connector.yaml'))
    writeFileSync(join(dir, 'connector.py'), '')
    const connector = loadConnector(dir)
    return `no problem: ${connector.name}\n`
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error
    return `${error.message.replaceAll(dir, 'DIR')}\n`
  } finally {
    rmSync(dir, { recursive: true })
  }
}
