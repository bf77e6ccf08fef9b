/** Environment and flags become one frozen object here; nothing else reads process.env. */
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DefinitionError } from './errors.ts'

export interface Config {
  /** Absolute path of the folder that embedded mode keeps everything in. */
  home: string
  /** undefined: Rowcast starts a nats-server of its own. */
  natsUrl: string | undefined
  natsUser: string | undefined
  natsPassword: string | undefined
  natsCreds: string | undefined
  /** Monitoring address of an external server, which alone tells whether it syncs each write. */
  natsMonitor: string | undefined
  /** Empty: Rowcast starts an executor of its own. */
  executors: string[]
  executorToken: string | undefined
  /** PEM files for mutual TLS with `executors`: whom we trust, our certificate, its key. */
  executorTls: { ca: string | undefined; cert: string | undefined; key: string | undefined }
  /** Executors on other hosts may be spoken to in plain text. */
  executorInsecure: boolean
  credentialsDir: string | undefined
  /** Threads that parse. */
  parseThreads: number
  /** The checkout's own Python, with the executor and nats-server in it. */
  python: string
  natsServer: string
  executorDir: string
  /** W3C trace id of TRACEPARENT, when it is valid. */
  traceId: string | undefined
  /** For tests: the step and passage at which to kill ourselves. */
  crashAt: { point: string; passage: number } | undefined
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  color: boolean
  env: Readonly<Record<string, string | undefined>>
}

const ROOT = fileURLToPath(new URL('../', import.meta.url))

export interface Flags {
  home?: string | undefined
}

export function readConfig(flags: Flags, env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const venv = join(ROOT, 'executor', '.venv', process.platform === 'win32' ? 'Scripts' : 'bin')
  const threads = Number(env['ROWCAST_PARSE_THREADS'] ?? Math.max(1, availableParallelism() - 1))
  if (!Number.isInteger(threads) || threads < 1 || threads > 64) {
    throw new DefinitionError(
      `ROWCAST_PARSE_THREADS=${env['ROWCAST_PARSE_THREADS']}: expected a whole number from 1 to 64`,
      undefined,
      'config.usage',
    )
  }
  const level = env['ROWCAST_LOG_LEVEL'] ?? 'info'
  if (level !== 'debug' && level !== 'info' && level !== 'warn' && level !== 'error') {
    throw new DefinitionError(
      `ROWCAST_LOG_LEVEL=${level}: expected debug, info, warn or error`,
      undefined,
      'config.usage',
    )
  }
  return Object.freeze({
    home: resolve(flags.home ?? env['ROWCAST_HOME'] ?? '.rowcast'),
    natsUrl: env['NATS_URL'],
    natsUser: env['NATS_USER'],
    natsPassword: env['NATS_PASSWORD'],
    natsCreds: env['NATS_CREDS'],
    natsMonitor: env['ROWCAST_NATS_MONITOR'],
    executors: (env['ROWCAST_EXECUTORS'] ?? '')
      .split(',')
      .map((address) => address.trim())
      .filter(Boolean),
    executorToken: env['ROWCAST_EXECUTOR_TOKEN'],
    executorTls: {
      ca: env['ROWCAST_EXECUTOR_CA'],
      cert: env['ROWCAST_EXECUTOR_CERT'],
      key: env['ROWCAST_EXECUTOR_KEY'],
    },
    executorInsecure: env['ROWCAST_EXECUTOR_INSECURE'] === '1',
    credentialsDir: env['ROWCAST_CREDENTIALS_DIR'],
    parseThreads: threads,
    python: join(venv, 'python'),
    natsServer: env['ROWCAST_NATS_SERVER'] ?? join(venv, 'nats-server'),
    executorDir: join(ROOT, 'executor'),
    traceId: /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(env['TRACEPARENT'] ?? '')?.[1],
    crashAt: crashAt(env['CRASH_AT']),
    logLevel: level,
    color: env['NO_COLOR'] === undefined,
    env,
  })
}

function crashAt(text: string | undefined): Config['crashAt'] {
  const [, point, passage] = /^([a-z.]+)#(\d+)$/.exec(text ?? '') ?? []
  return point === undefined ? undefined : { point, passage: Number(passage) }
}
