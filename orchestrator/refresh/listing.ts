/** list ▸ stage: the whole listing, or an error. */
import { codeOf } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { ListedItem, Staging } from './ports.ts'
import { withRetries } from './retry.ts'
import type { Sessions } from './sessions.ts'
import type { Report, Tally } from './tally.ts'

/** Items of one append: enough to be quick, few enough to keep the event loop free (10–70 ms measured). */
const APPEND = 5000

export interface ListingDeps {
  sessions: Sessions
  stage(): Promise<Staging>
  clock: Clock
  report: Report
  tally: Tally
}

/**
 * Lists into a fresh staging area and returns it; the caller drops it. A listing is never resumed: a generator cannot be
 * entered again, and halves of two moments overlap. So every try starts from nothing.
 */
export function listAll(deps: ListingDeps, signal: AbortSignal): Promise<Staging> {
  const { sessions, clock, report, tally } = deps
  async function once(): Promise<Staging> {
    const session = await sessions.get()
    const staging = await deps.stage()
    try {
      let waiting: ListedItem[] = []
      tally.listed = 0
      for await (const items of session.list({ prefixes: false }, signal)) {
        waiting = waiting.length === 0 ? items : waiting.concat(items)
        tally.listed += items.length
        report.progress(tally, 0)
        if (waiting.length < APPEND) continue
        await staging.append(waiting)
        waiting = []
      }
      if (waiting.length > 0) await staging.append(waiting)
      return staging
    } catch (error) {
      // Promise 4: a listing that did not complete is forgotten, not compared.
      await staging.drop()
      await sessions.failed(session, error)
      throw error
    }
  }
  return withRetries(once, clock, signal, (error, delay) =>
    report.warn(
      `the listing failed (${codeOf(error)}: ${(error as Error).message}); listing again in ${Math.round(delay / 1000)} s`,
    ),
  )
}
