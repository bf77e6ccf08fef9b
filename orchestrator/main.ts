/** Reads the configuration, wires the parts, forwards signals. Everything else is testable without it. */
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { doctorChecks } from './checks.ts'
import type { Output, Streams } from './cli/output.ts'
import type { Parts, Refresher } from './cli/parts.ts'
import { runProgram } from './cli/program.ts'
import { type Config, readConfig } from './config.ts'
import { hasRecording, isAuthorFile, RECORDING, readBundle } from './connector/bundle.ts'
import { credentialFiles, credentialsOf } from './connector/credentials.ts'
import { discover } from './connector/discover.ts'
import { connectorJsonSchema } from './connector/json-schema.ts'
import { loadConnector } from './connector/load.ts'
import { effectiveVersion, fragmentVersion } from './connector/version.ts'
import { changes } from './consume/read.ts'
import { examine } from './doctor/finding.ts'
import { DefinitionError, messageOf } from './errors.ts'
import { createExecutorClient } from './executor/client.ts'
import { whenNeeded } from './executor/when-needed.ts'
import { both, Closer } from './local/closer.ts'
import { childEnvironment, startExecutor } from './local/executor.ts'
import { FolderWatch } from './local/folder.ts'
import { type Home, openHome } from './local/home.ts'
import { keepServer } from './local/keep.ts'
import { type EmbeddedNats, startNats, streamBytes } from './local/nats.ts'
import { ParsePool } from './parse/pool.ts'
import { type ConnectOptions, connect } from './publish/connect.ts'
import { ORCHESTRATOR_INBOX, orchestratorPermissions, READER_INBOX, readerPermissions } from './publish/permissions.ts'
import { openPublisher } from './publish/publisher.ts'
import { createRecordings } from './recording/recordings.ts'
import type { Clock } from './refresh/clock.ts'
import type { Passing } from './refresh/crash.ts'
import { plan } from './refresh/plan.ts'
import type { Versions } from './refresh/ports.ts'
import { refresh } from './refresh/refresh.ts'
import { tryLockHome } from './state/home-lock.ts'
import { openState, openStateToRead } from './state/open.ts'
import { createQueries, createState } from './state/store.ts'
import { executorSamples } from './telemetry/executors.ts'
import { jsonLog, type Log, plainLog } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { parseListen, serveMetrics } from './telemetry/serve.ts'

const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version

const clock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const end = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end, { once: true })
    }),
}

const versions: Versions = { effective: effectiveVersion, fragment: fragmentVersion }
const randomHex = (bytes: number) => randomBytes(bytes).toString('hex')

const streams: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  tty: process.stderr.isTTY === true,
  color: process.stdout.isTTY === true,
  // A terminal without a size says 0.
  columns: () => process.stderr.columns || 80,
}

// ---------------------------------------------------------------- signals

const drain = new AbortController()
const stop = new AbortController()
let received: NodeJS.Signals | undefined
/** A signal is how the command is meant to end: no failure, and nothing to explain. */
let isMeant = false

function onSignal(signal: NodeJS.Signals): void {
  if (!isMeant) received = signal
  if (!drain.signal.aborted) {
    streams.err(isMeant ? '\n' : `\n${signal}: ending what is under way; once more stops at once\n`)
    drain.abort()
  } else if (!stop.signal.aborted) stop.abort()
  else process.exit(exitOf(signal))
}

const exitOf = (signal: NodeJS.Signals) => 128 + (signal === 'SIGINT' ? 2 : signal === 'SIGHUP' ? 1 : 15)

// ---------------------------------------------------------------- parts

function makeParts(config: Config, log: Log): Parts {
  const warn = (message: string) => log('warn', message)
  const env = childEnvironment(config.env)
  // Two orchestrators on one host are told apart, and one that was restarted is another.
  const owner = `${hostname()}-${process.pid}-${randomHex(4)}`
  /** Where connectors were looked for: their credentials, and those of the ones beside them, are hidden from all. */
  const known = new Set([join(process.cwd(), 'connectors')])
  let home: Home | undefined
  const openedHome = () => (home ??= openHome(config.home))

  async function executorOf(closer: Closer) {
    const own =
      config.executors.length > 0
        ? undefined
        : closer.add(
            await startExecutor({
              home: openedHome(),
              python: config.python,
              executorDir: config.executorDir,
              env,
              hidden: credentialFiles(known, config.env),
              warn,
            }),
            (executor) => executor.stop(),
          )
    const client = createExecutorClient({
      addresses: own ? [own.address] : config.executors,
      token: own ? own.token : config.executorToken,
      ...(own ? {} : { tls: config.executorTls, insecure: config.executorInsecure }),
      warn,
      bundleOf: readBundle,
      credentialsOf: (connector) => credentialsOf(connector, config.env),
      random: randomUUID,
    })
    return closer.add(client, () => client.close())
  }

  /** The server that `NATS_URL` names, or our own. */
  async function natsOf(closer: Closer): Promise<EmbeddedNats | undefined> {
    if (config.natsUrl !== undefined) return undefined
    const nats = await startNats({
      home: openedHome(),
      program: config.natsServer,
      launcher: [config.python, '-I', join(config.executorDir, 'rowcast', '_with_parent.py')],
      permissions: { orchestrator: orchestratorPermissions(), reader: readerPermissions() },
      tryLock: (dir) => tryLockHome(dir, process.pid),
      env,
      warn,
    })
    return closer.add(nats, () => nats.stop())
  }

  function natsAccess(own: EmbeddedNats | undefined, role: 'orchestrator' | 'reader'): ConnectOptions {
    const inboxPrefix = role === 'reader' ? READER_INBOX : ORCHESTRATOR_INBOX
    if (own) return { servers: own.address, inboxPrefix, ...own[role] }
    const { natsUrl, natsUser, natsPassword, natsCreds } = config
    return {
      servers: natsUrl!.split(','),
      inboxPrefix,
      ...(natsUser === undefined ? {} : { user: natsUser, password: natsPassword ?? '' }),
      ...(natsCreds === undefined ? {} : { credentialsFile: natsCreds }),
    }
  }

  const subscribeLine = (own: EmbeddedNats | undefined, connector: string) =>
    own
      ? `nats sub --server nats://${own.reader.user}:${own.reader.password}@${own.address} 'rows.${connector}.>'`
      : `nats sub --server ${config.natsUrl!.replace(/\/\/[^@/]*@/, '//')} 'rows.${connector}.>'`

  const passages = new Map<string, number>()
  const passing: Passing = (point) => {
    const passage = (passages.get(point) ?? 0) + 1
    passages.set(point, passage)
    if (config.crashAt?.point === point && config.crashAt.passage === passage) process.kill(process.pid, 'SIGKILL')
  }
  const stateOptions = { now: clock.now, owner, log: { warn }, fragmentVersion }

  async function stateOf(closer: Closer) {
    const opened = closer.add(await openState(openedHome().dir, { pid: process.pid }), (db) => db.close())
    const state = createState(opened, stateOptions)
    // Whoever has the home's lock is alone: what another left unfinished will not be finished by it.
    await state.takeOver()
    await state.prune()
    return state
  }

  return {
    cwd: process.cwd(),
    home: config.home,
    clock,
    drain: drain.signal,
    stop: stop.signal,
    untilStopped: () => {
      isMeant = true
      return drain.signal
    },
    watchFolder: (dir, { recording }) =>
      new FolderWatch(dir, (path) => isAuthorFile(path) && (recording || path !== RECORDING || !hasRecording(dir))),
    load: (dir) => {
      known.add(dirname(dir))
      return loadConnector(dir)
    },
    discover: (dirs) => {
      for (const dir of dirs) known.add(dir).add(dirname(dir))
      return discover(dirs)
    },
    connectorSchema: connectorJsonSchema,
    openTrial: () =>
      Closer.open(async (closer) => {
        const parse = closer.add(new ParsePool({ threads: config.parseThreads }), (pool) => pool.close())
        return { executor: whenNeeded(() => executorOf(closer)), parse }
      }),
    recordings: createRecordings({
      credentialsOf: (connector) => credentialsOf(connector, config.env),
      version: VERSION,
      now: clock.now,
    }),
    openLocker: () => Closer.open(async (closer) => ({ lock: (await executorOf(closer)).lock })),
    openPlanner: () =>
      Closer.open(async (closer) => {
        const state = await stateOf(closer)
        const executor = await executorOf(closer)
        return {
          plan: (connector, { report, log }) =>
            plan(
              connector,
              { executor, state, versions, clock, report, log, passing, owner, randomHex },
              AbortSignal.any([drain.signal, stop.signal]),
            ),
        }
      }),
    openRefresher: () =>
      Closer.open(async (closer) => {
        const state = await stateOf(closer)
        const [executor, nats] = await both(executorOf(closer), natsOf(closer))
        const publish = closer.add(
          await openPublisher({
            ...natsAccess(nats, 'orchestrator'),
            ...(nats ? { maxBytes: streamBytes(openedHome()) } : {}),
            ...(!nats && config.natsMonitor !== undefined ? { monitor: config.natsMonitor } : {}),
            warn,
          }),
          (publisher) => publisher.close(),
        )
        if (nats) void keepServer(nats, publish.connection, clock.sleep)
        const parse = closer.add(new ParsePool({ threads: config.parseThreads }), (pool) => pool.close())
        const refresher: Omit<Refresher, 'close'> = {
          refresh: (connector, { trigger, allowDeleted }, { report, log }) =>
            refresh(
              connector,
              { executor, parse, publish, state, versions, clock, report, log, passing, owner, randomHex },
              { trigger, allowDeleted, traceId: config.traceId, drain: drain.signal, signal: stop.signal },
            ),
          subscribeLine: (connector) => subscribeLine(nats, connector),
          due: (connector, at) => state.reschedule(connector, at ?? null),
          serveMetrics: async (listen) => {
            const metrics = createMetrics(() => executorSamples(executor, config.executors))
            return closer.add(await serveMetrics(metrics, parseListen(listen)), (server) => server.close()).address
          },
        }
        return refresher
      }),
    openQueries: () =>
      Closer.open(async (closer) => createQueries(closer.add(await openStateToRead(config.home), (db) => db.close()))),
    openReader: () =>
      Closer.open(async (closer) => {
        const nats = await natsOf(closer)
        const nc = closer.add(await connect({ ...natsAccess(nats, 'reader'), name: 'rowcast tail' }), (connection) =>
          connection.close(),
        )
        if (nats) void keepServer(nats, nc, clock.sleep)
        return {
          changes: (connector, options) => changes(nc, connector, options),
          subscribeLine: (connector) => subscribeLine(nats, connector),
        }
      }),
    examine: () =>
      examine(
        doctorChecks({
          config,
          version: VERSION,
          connectors: join(process.cwd(), 'connectors'),
          home: openedHome,
          executorOf,
          natsOf,
          natsAccess: (own) => natsAccess(own, 'orchestrator'),
        }),
      ),
    rebuild: async (connector) => {
      const closer = new Closer()
      try {
        await (await stateOf(closer)).forget(connector)
      } finally {
        await closer.close()
      }
    },
  }
}

// ---------------------------------------------------------------- run

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal(signal))
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

const exitCode = await runProgram(process.argv.slice(2), {
  version: VERSION,
  streams,
  parts: (globals, output: Output) => {
    const config = readConfig({ home: globals.home })
    const log = output.json ? jsonLog(streams.err, config.logLevel) : plainLog((line) => output.note(line.trimEnd()))
    return makeParts(config, log)
  },
}).catch((error: unknown) => {
  streams.err(`${error instanceof DefinitionError ? '' : 'internal: '}${messageOf(error)}\n`)
  return error instanceof DefinitionError ? 2 : 1
})
process.exitCode = received ? exitOf(received) : exitCode
