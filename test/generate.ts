/** npm run gen: proto to code, connector.yaml's JSON Schema, C to WebAssembly. `--check` says what is not current. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectorJsonSchemaText } from '../orchestrator/connector/json-schema.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const SCHEMA = 'orchestrator/connector/connector.schema.json'
const KERNELS = 'orchestrator/parse/wasm'

/** Writes everything that is generated below `target`, which has the layout of the checkout. */
function generate(target: string): void {
  const run = (program: string, args: string[], cwd = ROOT) =>
    execFileSync(join(ROOT, program), args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  run('node_modules/.bin/buf', ['generate', '--output', join(target, 'proto')], join(ROOT, 'proto'))
  run('executor/.venv/bin/python', [
    '-m',
    'grpc_tools.protoc',
    '-Iproto',
    ...['python', 'pyi', 'grpc_python'].map((kind) => `--${kind}_out=${join(target, 'executor')}`),
    'proto/rowcast/v1/executor.proto',
  ])
  writeFileSync(join(target, SCHEMA), connectorJsonSchemaText())
  // The same bytes on every machine: the compiler is pinned, and nothing of this one gets into a stripped module.
  run('executor/.venv/bin/python', [
    ...['-m', 'ziglang', 'cc', '--target=wasm32-freestanding', '-mcpu=generic+simd128+bulk_memory'],
    ...['-O3', '-std=c23', '-Wall', '-Wextra', '-Werror', '-nostdlib', '-Wl,--no-entry', '-Wl,--strip-all'],
    ...['-o', join(target, KERNELS, 'kernels.wasm')],
    ...readdirSync(join(ROOT, KERNELS))
      .filter((file) => file.endsWith('.c'))
      .sort()
      .map((file) => join(KERNELS, file)),
  ])
}

function files(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

if (process.argv.includes('--check')) {
  const target = mkdtempSync(join(tmpdir(), 'rowcast-gen-'))
  try {
    for (const dir of ['proto', 'executor', 'orchestrator/gen', 'orchestrator/connector', KERNELS])
      cpSync(join(ROOT, 'LICENSE'), join(target, dir, '.keep'))
    generate(target)
    const made = files(target).filter((file) => !file.endsWith('.keep'))
    const stale = made
      .map((file) => file.slice(target.length + 1))
      .filter((file) => readFileSync(join(target, file), 'latin1') !== tryRead(join(ROOT, file)))
    if (stale.length > 0) {
      console.error(`not current: ${stale.join(', ')}\nrun: npm run gen`)
      process.exitCode = 1
    } else console.log(`generated code is current (${made.length} files)`)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
} else generate(ROOT)

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}
