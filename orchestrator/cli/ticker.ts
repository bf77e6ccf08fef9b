/** Keeps a line of progress going on a terminal while work is under way that says nothing by itself. */
import type { Clock } from '../refresh/clock.ts'
import type { Output } from './output.ts'

const FIRST_MS = 1_000
const EACH_MS = 200

/** Shows `text(seconds)` from the first second on, until it is stopped. */
export function ticker(output: Output, clock: Clock, text: (seconds: number) => string): { stop(): void } {
  const startedAt = clock.now()
  const timer = setInterval(() => {
    const now = clock.now()
    if (now - startedAt >= FIRST_MS) output.progress(() => text((now - startedAt) / 1000), now)
  }, EACH_MS)
  timer.unref()
  return {
    stop() {
      clearInterval(timer)
      output.clear()
    },
  }
}
