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
      const current = this.#current
      const held = await current
      if (!held.session.draining) return this.#lend(held)
      if (this.#current !== current) continue
      this.#current = undefined
      this.#report.warn(
        `executor ${held.session.executor} is about to end: it finishes what it has begun, the rest goes to another`,
      )
      if (held.calls > 0) this.#leaving.add(held)
      else await held.session.close()
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
    return { session: await withRetries(this.#open, this.#clock, this.#signal, waiting), calls: 0 }
  }

  #lend(held: Held): Lent {
    held.calls++
    return {
      session: held.session,
      end: async (error) => {
        held.calls--
        // In a queue for a reader's place the session itself is good.
        const lost = error instanceof LinkError && !passesByWaiting(error)
        const current = await this.#current?.catch(() => undefined)
        if (lost && current === held) this.#current = undefined
        const leaving = this.#leaving.has(held) && (lost || held.calls === 0)
        if (leaving) this.#leaving.delete(held)
        if (leaving || (lost && current === held)) await held.session.close()
      },
    }
  }
}

interface Held {
  session: Session
  /** Calls under way. */
  calls: number
}
