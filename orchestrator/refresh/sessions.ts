/** The session of a refresh, and its replacement when the executor is lost or about to end. */
import type { Connector } from '../connector/definition.ts'
import { codeOf, LinkError, messageOf } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { AuthorLog, ExecutorPort, Session } from './ports.ts'
import { passesByWaiting, withRetries } from './retry.ts'
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
  return new Sessions(() => executor.open(connector, { note, log }, signal), clock, signal, report)
}

/** A session on loan for one call. */
export interface Lent {
  session: Session
  /** Says how the call ended. After a lost link, and from an executor that is about to end, the next loan is another. */
  end(error?: unknown): Promise<void>
}

export class Sessions {
  readonly #open: () => Promise<Session>
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #report: Pick<Report, 'warn'>
  #current: Promise<Held> | undefined
  /** Those that still end what they have begun. */
  readonly #leaving = new Set<Held>()

  constructor(open: () => Promise<Session>, clock: Clock, signal: AbortSignal, report: Pick<Report, 'warn'>) {
    this.#open = open
    this.#clock = clock
    this.#signal = signal
    this.#report = report
  }

  /** The open session; all readers share it. Retries what is worth retrying, then throws. */
  async lend(): Promise<Lent> {
    for (;;) {
      this.#current ??= this.#begin()
      const held = await this.#current
      if (held.session.draining) {
        await this.#leave(held)
        continue
      }
      held.calls++
      return { session: held.session, end: (error) => this.#end(held, error) }
    }
  }

  /** Runs `work` with the session. */
  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const lent = await this.lend()
    try {
      const result = await work(lent.session)
      await lent.end()
      return result
    } catch (error) {
      await lent.end(error)
      throw error
    }
  }

  async close(): Promise<void> {
    const current = await this.#current?.catch(() => undefined)
    this.#current = undefined
    const open = [...this.#leaving, ...(current ? [current] : [])]
    this.#leaving.clear()
    await Promise.all(open.map(({ session }) => session.close()))
  }

  async #begin(): Promise<Held> {
    const waiting = (error: unknown, delay: number) => {
      const what = passesByWaiting(error) ? 'waiting; trying again' : 'trying again'
      this.#report.warn(`${codeOf(error)}: ${messageOf(error, 500)}; ${what} in ${Math.round(delay / 1000)} s`)
    }
    return { session: await withRetries(this.#open, this.#clock, this.#signal, waiting), calls: 0, left: false }
  }

  async #end(held: Held, error: unknown): Promise<void> {
    held.calls--
    // Waiting in line for a reader's place says nothing against the session.
    const lost = error instanceof LinkError && !passesByWaiting(error)
    if (lost || held.session.draining) await this.#leave(held, lost)
  }

  /** The next loan is of another session; this one is closed with its last call, or at once when its link is lost. */
  async #leave(held: Held, lost = false): Promise<void> {
    if (!held.left) {
      held.left = true
      // Nobody has replaced it: whoever does, leaves it first.
      this.#current = undefined
      this.#leaving.add(held)
      if (!lost)
        this.#report.warn(
          `executor ${held.session.executor} is about to end: it finishes what it has begun, the rest goes to another`,
        )
    }
    if ((lost || held.calls === 0) && this.#leaving.delete(held)) await held.session.close()
  }
}

interface Held {
  session: Session
  /** Calls under way. */
  calls: number
  /** It is lent no more. */
  left: boolean
}
