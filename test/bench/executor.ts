/** The executor alone: child ▸ supervisor ▸ the project's own client, each figure beside the one that is asked of it. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { readBundle } from '../../orchestrator/connector/bundle.ts'
import type { Connector } from '../../orchestrator/connector/definition.ts'
import { loadConnector } from '../../orchestrator/connector/load.ts'
import { codeOf } from '../../orchestrator/errors.ts'
import { createExecutorClient, type ExecutorClient } from '../../orchestrator/executor/client.ts'
import type { Session } from '../../orchestrator/refresh/ports.ts'
import { childrenOf } from '../support/process.ts'
import { median, privateMemory, spread, usage } from './meter.ts'
import { end, folder, startExecutor, TOKEN } from './rig.ts'

const never = new AbortController().signal
const GIB = 2 ** 30
const LARGE = 2048
const TINY = 4_194_304
const FRAGMENTS = 100_000
const PER_CALL = 500
const ITEMS = 1_000_000
const OPENINGS = 5

/** What each kind of death must be called. */
const DEATHS: Record<string, string> = {
  exit: 'read.exited',
  crash: 'read.crashed',
  SIGKILL: 'read.crashed',
  memory: 'read.memory',
  corrupt: 'read.corrupt',
}

interface Figure {
  label: string
  unit: string
  asked: number
  /** What is good. */
  sense: '≥' | '≤'
  values: number[]
}

class Table {
  readonly #figures = new Map<string, Figure>()

  add(label: string, unit: string, sense: Figure['sense'], asked: number, value: number): void {
    const figure = this.#figures.get(label) ?? { label, unit, asked, sense, values: [] }
    figure.values.push(value)
    this.#figures.set(label, figure)
  }

  print(): void {
    for (const { label, unit, asked, sense, values } of this.#figures.values()) {
      const middle = median(values)
      const reached = asked === 0 ? ' ' : (sense === '≥' ? middle >= asked : middle <= asked) ? '✓' : '✗'
      const digits = middle < 10 ? 2 : 0
      const wanted = asked === 0 ? '' : `${sense} ${asked.toLocaleString('en-US')}`
      console.log(`${reached} ${label.padEnd(52)} ${wanted.padStart(10)} ${unit.padEnd(12)} ${spread(values, digits)}`)
    }
  }
}

interface Bench {
  client: ExecutorClient
  connector: Connector
  /** Pid of the supervisor. */
  supervisor: number
  table: Table
}

export async function benchExecutor(rounds: number): Promise<void> {
  const table = new Table()
  console.log(
    `\nexecutor: median (min…max) of ${rounds} rounds; Node ${process.versions.node}, ${cpus().length} cores; MB = 10⁶ bytes`,
  )
  const connector = loadConnector(join(import.meta.dirname, 'connectors', 'executor'))
  for (let round = 0; round < rounds; round++) {
    const dir = folder()
    const { executor, port } = await startExecutor(dir)
    const client = createExecutorClient({
      addresses: [`127.0.0.1:${port}`],
      token: TOKEN,
      bundleOf: readBundle,
      credentialsOf: () => '',
      random: randomUUID,
      warn: (message) => process.stderr.write(`${message}\n`),
    })
    try {
      const bench = { client, connector, supervisor: executor.pid!, table }
      for (const part of [opening, memory, bytes, fragments, listing, deaths]) await part(bench)
    } finally {
      client.close()
      await end(executor)
      rmSync(dir, { recursive: true, force: true })
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`)
  }
  table.print()
}

async function open({ client, connector }: Bench): Promise<Session> {
  return client.open(connector, { note: () => {}, log: () => {} }, never)
}

/** Bytes, fragments that ended well, and the first error of one call. */
async function read(session: Session, names: string[]) {
  let bytes = 0
  let ended = 0
  let error: unknown
  const items = names.map((name) => ({ name, fingerprint: '1', extra: '', traceparent: '' }))
  for await (const pieces of session.read(items, never)) {
    for (const { data, end } of pieces) {
      bytes += data.length
      if (end?.error) error ??= end.error
      else if (end) ended++
    }
  }
  return { bytes, ended, error }
}

function check(right: boolean, what: string): void {
  if (!right) throw new Error(`bench: ${what}`)
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const started = performance.now()
  const result = await work()
  return [result, (performance.now() - started) / 1000]
}

/** CPU seconds of the supervisor and its readers, ended ones included. */
function pythonCpu(supervisor: number): number {
  const pids = [supervisor, ...childrenOf(supervisor, '_child/__main__.py')]
  return pids.reduce((sum, pid) => sum + (usage(pid)?.cpu ?? 0), 0)
}

async function opening(bench: Bench): Promise<void> {
  await (await open(bench)).close() // builds the environment
  for (let times = 0; times < OPENINGS; times++) {
    const [session, seconds] = await timed(() => open(bench))
    bench.table.add('session open, environment cached', 'ms', '≤', 300, seconds * 1000)
    await session.close()
  }
}

async function memory(bench: Bench): Promise<void> {
  const session = await open(bench)
  check((await read(session, ['small'])).bytes === 600, 'a small fragment has 600 bytes')
  const [reader] = childrenOf(bench.supervisor, '_child/__main__.py')
  bench.table.add('idle reader, private memory, interpreter included', 'MiB', '≤', 25, privateMemory(reader!))
  bench.table.add('supervisor, peak resident', 'MiB', '≤', 80, usage(bench.supervisor)!.peak)
  await session.close()
}

async function bytes(bench: Bench): Promise<void> {
  const { table, supervisor } = bench
  const session = await open(bench)
  await read(session, ['small']) // starts the reader
  for (const [label, name, size, asked] of [
    ['1 MiB yields, one reader', `large ${LARGE}`, LARGE * 2 ** 20, 300],
    ['64-byte yields, one reader', `tiny ${TINY}`, TINY * 64, 30],
  ] as const) {
    const before = pythonCpu(supervisor)
    const own = process.cpuUsage()
    const [seen, seconds] = await timed(() => read(session, [name]))
    check(seen.bytes === size && seen.ended === 1, `${name}: ${seen.bytes} of ${size} bytes`)
    table.add(label, 'MB/s', '≥', asked, size / 1e6 / seconds)
    const { user, system } = process.cpuUsage(own)
    const large = name.startsWith('large')
    const perGib = ((pythonCpu(supervisor) - before) * GIB) / size
    table.add(
      `  CPU of both Python processes${large ? '' : ', 64-byte yields'}`,
      'CPU-s/GiB',
      '≤',
      large ? 2.2 : 0,
      perGib,
    )
    if (large) table.add('  CPU of the client', 'CPU-s/GiB', '≤', 0, ((user + system) / 1e6) * (GIB / size))
  }
  await session.close()
}

async function fragments(bench: Bench): Promise<void> {
  const session = await open(bench)
  await Promise.all([read(session, ['small']), read(session, ['small'])])
  let next = 0
  let sum = 0
  const reader = async () => {
    while (next < FRAGMENTS) {
      next += PER_CALL
      const seen = await read(session, Array<string>(PER_CALL).fill('small'))
      check(seen.ended === PER_CALL && seen.bytes === PER_CALL * 600, `${seen.ended} of ${PER_CALL} fragments`)
      sum += seen.ended
    }
  }
  const [, seconds] = await timed(() => Promise.all([reader(), reader()]))
  check(sum === FRAGMENTS, `${sum} fragments`)
  bench.table.add('fragments of 600 bytes, two readers', 'fragments/s', '≥', 10_000, FRAGMENTS / seconds)
  await session.close()
}

async function listing(bench: Bench): Promise<void> {
  const session = await open(bench)
  let items = 0
  const [, seconds] = await timed(async () => {
    for await (const page of session.list({ prefixes: false }, never)) items += page.length
  })
  check(items === ITEMS, `${items} items`)
  bench.table.add('1,000,000 items listed', 's', '≤', 15, seconds)
  await session.close()
}

async function deaths(bench: Bench): Promise<void> {
  for (const [kind, code] of Object.entries(DEATHS)) {
    const session = await open(bench)
    await read(session, ['small'])
    const [seen, seconds] = await timed(() => read(session, [kind]))
    check(codeOf(seen.error) === code, `${kind} is ${codeOf(seen.error)}, not ${code}`)
    bench.table.add(`reader dies (${kind}) → typed error`, 'ms', '≤', 2000, seconds * 1000)
    await session.close()
  }
  const session = await open(bench)
  await read(session, ['small'])
  const [reader] = childrenOf(bench.supervisor, '_child/__main__.py')
  for await (const _ of session.read([{ name: 'endless', fingerprint: '1', extra: '', traceparent: '' }], never)) break
  const [, seconds] = await timed(async () => {
    while (usage(reader!)) await new Promise((resolve) => setTimeout(resolve, 5))
  })
  bench.table.add('read abandoned → its reader is gone', 'ms', '≤', 3000, seconds * 1000)
  await session.close()
}
