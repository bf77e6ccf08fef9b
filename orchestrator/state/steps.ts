/** Long work in steps of 5,000 rows: calls of SQLite block, and 5,000 rows are 10–70 ms (measured). */
import { setImmediate } from 'node:timers/promises'

export const STEP = 5000

/** Lets everything else of this process have its turn. */
export async function breathe(): Promise<void> {
  await setImmediate()
}

/** Repeats `step` until it says that it did less than a whole step. */
export async function inSteps(step: () => Promise<number>): Promise<number> {
  for (let total = 0; ; ) {
    const done = await step()
    total += done
    if (done < STEP) return total
    await breathe()
  }
}
