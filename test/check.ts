/** npm run check: types, lint and format of both languages, proto lint and compatibility, generated code. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const STEPS: [string, string[], string?][] = [
  ['TypeScript types', ['node_modules/.bin/tsc', '-p', 'orchestrator']],
  ['TypeScript types of the tests', ['node_modules/.bin/tsc', '-p', 'test']],
  ['Biome: lint and format', ['node_modules/.bin/biome', 'check', '--error-on-warnings']],
  ['ruff: lint', ['executor/.venv/bin/ruff', 'check', 'executor', 'test/executor']],
  ['ruff: format', ['executor/.venv/bin/ruff', 'format', '--check', 'executor', 'test/executor']],
  ['pyright: Python types', ['node_modules/.bin/pyright', '-p', 'executor']],
  ['buf: lint', ['node_modules/.bin/buf', 'lint'], 'proto'],
  ['generated code', ['node_modules/.bin/node', 'test/generate.ts', '--check']],
]

// Nothing may break a peer of the last release; before the first there is nothing to compare with.
const base = spawnSync('git', ['describe', '--tags', '--abbrev=0'], { cwd: ROOT, encoding: 'utf8' })
if (base.status === 0)
  STEPS.push([
    'buf: breaking changes',
    ['node_modules/.bin/buf', 'breaking', '--against', `../.git#tag=${base.stdout.trim()},subdir=proto`],
    'proto',
  ])

let failed = 0
for (const [title, [program, ...args], cwd = '.'] of STEPS) {
  const path = `${ROOT}${program}`
  const { status, stdout, stderr } = spawnSync(path, args, { cwd: `${ROOT}${cwd}`, encoding: 'utf8' })
  console.log(`${status === 0 ? '✓' : '✗'} ${title}`)
  if (status !== 0) {
    failed++
    console.log(`${stdout}${stderr}`)
  }
}
console.log(failed === 0 ? 'check: clean' : `check: ${failed} of ${STEPS.length} steps failed`)
process.exit(failed === 0 ? 0 : 1)
