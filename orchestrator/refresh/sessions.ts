/** The session of a refresh, and its replacement when the executor is lost. */
import type { Connector } from '../connector/definition.ts'
import { codeOf, LinkError, messageOf } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { AuthorLog, ExecutorPort, Session } from './ports.ts'
import { withRetries } from './retry.ts'
import type { Report } from './tally.ts'

export interface SessionsDeps {
  executor: ExecutorPort
  clock: Clock
  report: Report
  log(line: AuthorLog): void
}

/** The sessions of one connector, their progress and their retries told to `report`. Opens on the first `get`. */
export function openSessions(connector: Connector, deps: SessionsDeps, signal: AbortSignal): Sessions {
  const { executor, clock, report, log } = deps
  const note = (stage: string, message: string) => report.phase('environment', message || stage)
  return new Sessions(
    () => executor.open(connector, { note, log }, signal),
    clock,
    signal,
    (error, delay) =>
      report.warn(`${codeOf(error)}: ${messageOf(error, 500)}; trying again in ${Math.round(delay / 1000)} s`),
  )
}

export class Sessions {
  readonly #open: () => Promise<Session>
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #onRetry: (error: unknown, delayMs: number) => void
  #current: Promise<Session> | undefined

  constructor(
    open: () => Promise<Session>,
    clock: Clock,
    signal: AbortSignal,
    onRetry: (error: unknown, delayMs: number) => void,
  ) {
    this.#open = open
    this.#clock = clock
    this.#signal = signal
    this.#onRetry = onRetry
  }

  /** The open session; all readers share it. Retries what is worth retrying, then throws. */
  get(): Promise<Session> {
    this.#current ??= withRetries(this.#open, this.#clock, this.#signal, this.#onRetry)
    return this.#current
  }

  /** Says that a call on `session` failed with `error`: after a lost link the next `get` opens another. */
  async failed(session: Session, error: unknown): Promise<void> {
    if (!(error instanceof LinkError) || (await this.#current?.catch(() => undefined)) !== session) return
    this.#current = undefined
    await session.close()
  }

  async close(): Promise<void> {
    const session = await this.#current?.catch(() => undefined)
    this.#current = undefined
    await session?.close()
  }
}
