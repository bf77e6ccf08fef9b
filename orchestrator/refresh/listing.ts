/** list ▸ stage: the whole listing, or an error. */
import { codeOf, messageOf } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { ListedItem, Session, Staging } from './ports.ts'
import { countRetries } from './retry.ts'
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
export async function listAll(deps: ListingDeps, signal: AbortSignal): Promise<Staging> {
  const { sessions, clock, report } = deps
  const delayAfter = countRetries(clock)
  for (;;) {
    const lent = await sessions.lend() // has its own retries
    try {
      const staging = await listOnce(lent.session, deps, signal)
      await lent.end()
      return staging
    } catch (error) {
      await lent.end(error)
      const delay = signal.aborted ? undefined : delayAfter(error)
      if (delay === undefined) throw error
      report.warn(
        `the listing failed (${codeOf(error)}: ${messageOf(error, 500)}); listing again in ${Math.round(delay / 1000)} s`,
      )
      await clock.sleep(delay, signal)
    }
  }
}

async function listOnce(
  session: Session,
  { stage, report, tally }: ListingDeps,
  signal: AbortSignal,
): Promise<Staging> {
  const staging = await stage()
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
    throw error
  }
}
