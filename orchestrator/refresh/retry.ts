/** When to try again: connector-contract.md section 2. */
import { AuthorError, codeOf, isRetryable, type LinkCode } from '../errors.ts'
import type { Clock } from './clock.ts'

const DELAYS_MS = [1_000, 5_000, 20_000, 60_000]
/** A crash is rarely chance; and who waits at a terminal for an executor that is not there should hear so soon. */
const MOST_TRIES: Partial<Record<string, number>> = { 'read.crashed': 1, 'executor.unreachable': 2, 'executor.tls': 2 }
const LONGEST_AUTHOR_DELAY_MS = 300_000
/** They pass by waiting: a place becomes free, another executor comes. So they are no failed tries, and have no end. */
const PATIENT: ReadonlySet<string> = new Set<LinkCode>(['executor.busy', 'executor.draining'])

export function passesByWaiting(error: unknown): boolean {
  return PATIENT.has(codeOf(error))
}

/** Milliseconds to wait before another try after `tried` tries that failed; undefined: do not try again. */
export function retryDelay(error: unknown, tried: number, clock: Clock): number | undefined {
  const most = MOST_TRIES[codeOf(error)] ?? DELAYS_MS.length
  const patient = passesByWaiting(error)
  if (!isRetryable(error) || (tried > most && !patient)) return undefined
  const asked = error instanceof AuthorError ? Math.min(error.retryAfterMs, LONGEST_AUTHOR_DELAY_MS) : 0
  if (asked > 0) return asked
  // ± 25 %, so that many connectors do not come back to one source at the same moment.
  return DELAYS_MS[patient ? Math.min(tried - 1, 2) : tried - 1]! * (0.75 + clock.random() / 2)
}

/** For the errors of one piece of work, in turn: milliseconds to wait, or undefined. Waiting in line is no try. */
export function countRetries(clock: Clock): (error: unknown) => number | undefined {
  let tried = 0
  let waited = 0
  return (error) => retryDelay(error, passesByWaiting(error) ? ++waited : ++tried, clock)
}

/** Runs `work` until it succeeds or must not be tried again. `onRetry` hears of each wait. */
export async function withRetries<T>(
  work: () => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
  onRetry: (error: unknown, delayMs: number) => void,
): Promise<T> {
  const delayAfter = countRetries(clock)
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const delay = signal.aborted ? undefined : delayAfter(error)
      if (delay === undefined) throw error
      onRetry(error, delay)
      await clock.sleep(delay, signal)
      if (signal.aborted) throw error
    }
  }
}
