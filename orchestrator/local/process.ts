/** A child process of ours: started, watched, restarted when it dies, stopped for good. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { type LinkCode, LinkError } from '../errors.ts'

export interface ProcessOptions {
  /** For messages: "the embedded nats-server". */
  title: string
  code: LinkCode
  logFile: string
  env: Record<string, string>
  /** Command line of the n-th start, from 0. */
  command(start: number): string[]
  /** Written to standard input, which then stays open: the child ends when we die. */
  input?: string
  /** Resolves when the child is ready to be used; must reject when `exited` does. */
  ready(child: ChildProcess, exited: Promise<never>): Promise<void>
  warn(message: string): void
}

const RESTARTS = 20
const RESTART_MS = 300
const STOP_MS = 5_000
const READY_MS = 30_000

export class LocalProcess {
  readonly #options: ProcessOptions
  #child: ChildProcess | undefined
  #starts = 0
  #stopping = false

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async start(): Promise<void> {
    const { title, code, logFile, env, command, input, ready } = this.#options
    const log = openSync(logFile, 'a', 0o600)
    const [program, ...args] = command(this.#starts++)
    // Its own process group: Ctrl-C in the terminal is for us, and a drain still needs this child.
    const child = spawn(program!, args, { env, stdio: ['pipe', 'pipe', log], detached: true })
    closeSync(log)
    this.#child = child
    child.stdin?.on('error', () => {})
    if (input !== undefined) child.stdin?.write(input)
    const exited = new Promise<never>((_, reject) => {
      child.once('error', (error) =>
        reject(new LinkError(code, `${title} cannot be started: ${error.message}`, { cause: error })),
      )
      child.once('exit', (status, signal) =>
        reject(new LinkError(code, `${title} ended (${signal ?? `exit ${status}`}):\n${tailOf(logFile)}`)),
      )
    })
    exited.catch(() => {})
    const timer = new AbortController()
    try {
      await Promise.race([
        ready(child, exited),
        exited,
        timeout(
          READY_MS,
          timer.signal,
          () => new LinkError(code, `${title} was not ready after ${READY_MS / 1000} s; its log: ${logFile}`),
        ),
      ])
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    } finally {
      timer.abort()
    }
    exited.catch(() => this.#died())
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await gone
    clearTimeout(kill)
  }

  async #died(): Promise<void> {
    if (this.#stopping) return
    const { title, warn } = this.#options
    if (this.#starts > RESTARTS) return warn(`${title} died ${this.#starts} times; it is not started again`)
    warn(`${title} died; starting it again`)
    await timeout(RESTART_MS)
    if (this.#stopping) return
    await this.start().catch((error: Error) => {
      warn(error.message)
      return this.#died() // killed again while it started
    })
  }
}

function timeout(ms: number, signal?: AbortSignal, error?: () => Error): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => (error ? reject(error()) : resolve()), ms)
    signal?.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}

/** The last lines of a log, for a message. */
export function tailOf(file: string, bytes = 1500): string {
  try {
    return readFileSync(file, 'utf8').slice(-bytes).trim()
  } catch {
    return ''
  }
}
