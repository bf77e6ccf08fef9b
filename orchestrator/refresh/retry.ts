/** When to try again: connector-contract.md section 2. */
import { AuthorError, codeOf, isRetryable } from '../errors.ts'
import type { Clock } from './clock.ts'

const DELAYS_MS = [1_000, 5_000, 20_000, 60_000]
/** A crash is rarely chance; and who waits at a terminal for an executor that is not there should hear so soon. */
const MOST_TRIES: Partial<Record<string, number>> = { 'read.crashed': 1, 'executor.unreachable': 2 }
const LONGEST_AUTHOR_DELAY_MS = 300_000

/** Milliseconds to wait before another try after `tried` tries that failed; undefined: do not try again. */
export function retryDelay(error: unknown, tried: number, clock: Clock): number | undefined {
  const most = MOST_TRIES[codeOf(error)] ?? DELAYS_MS.length
  if (!isRetryable(error) || tried > most) return undefined
  const asked = error instanceof AuthorError ? Math.min(error.retryAfterMs, LONGEST_AUTHOR_DELAY_MS) : 0
  if (asked > 0) return asked
  // ± 25 %, so that many connectors do not come back to one source at the same moment.
  return DELAYS_MS[tried - 1]! * (0.75 + clock.random() / 2)
}

/** Runs `work` until it succeeds or must not be tried again. `onRetry` hears of each wait. */
export async function withRetries<T>(
  work: () => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
  onRetry: (error: unknown, delayMs: number) => void,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work()
    } catch (error) {
      const delay = signal.aborted ? undefined : retryDelay(error, tried, clock)
      if (delay === undefined) throw error
      onRetry(error, delay)
      await clock.sleep(delay, signal)
      if (signal.aborted) throw error
    }
  }
}
