/** The parts of a benchmark run, as processes of their own: nats-server (sync_interval: always), executor, orchestrator, consumer. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Line, MAIN, NEEDED, NODE, PYTHON } from '../support/cli.ts'
import { type Usage, usage, watch } from './meter.ts'

export interface Rig {
  dir: string
  natsUrl: string
  server: ChildProcess
  executor: ChildProcess
  close(): Promise<void>
}

export interface Measured {
  summary: Line
  orchestrator: Usage
  executor: Usage
  server: Usage
}

const ROOT = join(import.meta.dirname, '../..')

export async function openRig(): Promise<Rig> {
  const dir = folder()
  const conf = join(dir, 'nats.conf')
  writeFileSync(
    conf,
    `host: 127.0.0.1\nport: -1\nports_file_dir: "${dir}"\nlog_file: "${dir}/nats.log"\njetstream { store_dir: "${dir}/js", sync_interval: always, max_memory_store: 64MB, max_file_store: 64TB }\n`,
  )
  const server = spawn(join(ROOT, 'executor/.venv/bin/nats-server'), ['-c', conf], {
    stdio: 'ignore',
    env: { ...process.env, GOMEMLIMIT: '1500MiB' },
  })
  const ports = join(dir, `nats-server_${server.pid}.ports`)
  while (!existsSync(ports) || !readFileSync(ports, 'utf8').endsWith('}'))
    await new Promise((resolve) => setTimeout(resolve, 20))
  const natsUrl = (JSON.parse(readFileSync(ports, 'utf8')) as { nats: string[] }).nats[0]!
  const { executor, port } = await startExecutor(dir)
  const rig: Rig = {
    dir,
    natsUrl,
    server,
    executor,
    async close() {
      for (const child of [executor, server]) await end(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
  process.env['ROWCAST_EXECUTORS'] = `127.0.0.1:${port}`
  return rig
}

/** Beside the checkout's data, on the same disk; not in /tmp, which may be memory. */
export function folder(): string {
  mkdirSync(join(import.meta.dirname, 'data'), { recursive: true })
  return mkdtempSync(join(import.meta.dirname, 'data', 'run-'))
}

export const TOKEN = 'bench-token'

/** An executor with its home in `dir`, on a port of the loopback that the system chose. */
export async function startExecutor(dir: string): Promise<{ executor: ChildProcess; port: number }> {
  writeFileSync(join(dir, 'token'), `${TOKEN}\n`)
  const executor = spawn(
    PYTHON,
    [
      ...['-m', 'rowcast', '--listen', '127.0.0.1:0', '--home', join(dir, 'executor')],
      ...['--token-file', join(dir, 'token'), '--profile', 'workstation'],
    ],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...NEEDED,
        PYTHONPATH: join(ROOT, 'executor'),
        GRPC_ENABLE_FORK_SUPPORT: '0',
        MALLOC_MMAP_THRESHOLD_: '33554432',
        MALLOC_TRIM_THRESHOLD_: '134217728',
      },
    },
  )
  const first = await createInterface({ input: executor.stdout! })[Symbol.asyncIterator]().next()
  return { executor, port: (JSON.parse(first.value ?? '') as { port: number }).port }
}

/** SIGTERM, and its exit. */
export async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

/** One `rowcast refresh`, measured. */
export async function refresh(rig: Rig, connector: string, source: object): Promise<Measured> {
  const before = { executor: usage(rig.executor.pid!)!, server: usage(rig.server.pid!)! }
  const child = spawn(
    NODE,
    [MAIN, 'refresh', join(import.meta.dirname, 'connectors', connector), '--home', join(rig.dir, 'home'), '--json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        NATS_URL: rig.natsUrl,
        ROWCAST_EXECUTORS: process.env['ROWCAST_EXECUTORS'],
        ROWCAST_EXECUTOR_TOKEN: TOKEN,
        BENCH_SOURCE: JSON.stringify(source),
      },
    },
  )
  const stop = watch(child.pid!)
  let stdout = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  const orchestrator = stop()
  if (code !== 0) throw new Error(`refresh failed: ${stdout}`)
  const after = { executor: usage(rig.executor.pid!)!, server: usage(rig.server.pid!)! }
  const since = (a: Usage, b: Usage): Usage => ({ cpu: b.cpu - a.cpu, peak: b.peak })
  return {
    summary: JSON.parse(stdout.trim().split('\n').at(-1)!),
    orchestrator,
    executor: since(before.executor, after.executor),
    server: since(before.server, after.server),
  }
}

/** Runs one of this folder's scripts as a process of its own; its last line of JSON. */
export async function script(name: string, args: string[]): Promise<Line> {
  return (await lines(name, args)).at(-1)!
}

/** The same; all its lines. */
export async function lines(name: string, args: string[]): Promise<Line[]> {
  const child = spawn(NODE, [join(import.meta.dirname, name), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  if ((await new Promise((resolve) => child.once('close', resolve))) !== 0) throw new Error(`${name} failed: ${stdout}`)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}
