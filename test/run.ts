/** npm test: every test of both languages. The last line says how many passed; zero tests are a failure. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const SUITES = [
  {
    title: 'executor (pytest)',
    command: ['executor/.venv/bin/python', '-m', 'pytest', '-q', '-c', 'executor/pyproject.toml', 'test/executor'],
    counts: /^=*\s*(?:(\d+) failed,? ?)?(?:(\d+) passed)?.* in [\d.]+s/m,
  },
  {
    title: 'orchestrator, contract, golden, end to end, chaos (vitest)',
    command: ['node_modules/.bin/vitest', 'run', '--config', 'test/vitest.config.ts'],
    counts: /^(\d+) passed, (\d+) failed$/m,
  },
]

let passed = 0
let failed = 0
for (const { title, command, counts } of SUITES) {
  console.log(`\n━━ ${title}`)
  const { code, output } = await run(command)
  const found = stripVTControlCharacters(output).match(counts)
  const [ok, bad] = command[0]!.includes('python') ? [found?.[2], found?.[1]] : [found?.[1], found?.[2]]
  passed += Number(ok ?? 0)
  failed += Number(bad ?? 0)
  // A runner that failed without a failed test, or that ran none, has failed as a whole.
  if ((code !== 0 && Number(bad ?? 0) === 0) || Number(ok ?? 0) === 0) failed++
}
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

function run([program, ...args]: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
    })
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      process.stdout.write(data)
      output += data.toString()
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
