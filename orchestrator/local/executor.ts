/** The embedded executor: a child of ours on a loopback port, with a token that only we know. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Home } from './home.ts'
import { LocalProcess } from './process.ts'

export interface ExecutorOptions {
  home: Home
  python: string
  /** The folder that has the `rowcast` package. */
  executorDir: string
  env: Record<string, string>
  /** Files and folders that no connector may see, beside the home: other connectors' credentials. */
  hidden: string[]
  warn(message: string): void
}

export interface EmbeddedExecutor {
  readonly address: string
  /** Author code reaches this port too; the token it does not know. */
  readonly token: string
  readonly pid: number | undefined
  stop(): Promise<void>
}

export async function startExecutor({
  home,
  python,
  executorDir,
  env,
  hidden,
  warn,
}: ExecutorOptions): Promise<EmbeddedExecutor> {
  const token = randomBytes(24).toString('hex')
  let port = 0
  const child = new LocalProcess({
    title: 'the embedded executor',
    code: 'executor.start_failed',
    logFile: join(home.log, 'executor.log'),
    env: {
      ...env,
      PYTHONPATH: executorDir,
      PYTHONUNBUFFERED: '1',
      GRPC_ENABLE_FORK_SUPPORT: '0',
      // Both or none: one alone is worse than none (measured).
      MALLOC_MMAP_THRESHOLD_: '33554432',
      MALLOC_TRIM_THRESHOLD_: '134217728',
    },
    // Promise 9: a connector may read what its user may, but neither the state, nor NATS' passwords, nor credentials.
    command: () => [
      ...[python, '-m', 'rowcast', '--listen', `127.0.0.1:${port}`, '--home', home.executor, '--embedded'],
      ...[home.dir, ...hidden].flatMap((path) => ['--hide', path]),
    ],
    input: `${token}\n`,
    ready: async (process) => {
      const lines = createInterface({ input: process.stdout! })
      for await (const line of lines) {
        const { type, port: bound } = JSON.parse(line) as { type: string; port: number }
        if (type !== 'listening') continue
        port = bound
        process.stdout!.resume()
        return
      }
      await new Promise(() => {}) // its exit says why
    },
    warn,
  })
  await child.start()
  return {
    get address() {
      return `127.0.0.1:${port}`
    },
    token,
    get pid() {
      return child.pid
    },
    stop: () => child.stop(),
  }
}

const PASSED =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|LANG|LC_.*|TZ|https?_proxy|no_proxy|all_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|UV_.*|XDG_.*)$/i

/** What a child of ours needs of our environment: never a variable that may hold a connector's credentials. */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) if (value !== undefined && PASSED.test(name)) passed[name] = value
  return passed
}
