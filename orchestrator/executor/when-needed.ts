/** An executor that is started by its first session: a replay of bytes does without. */
import type { ExecutorPort } from '../refresh/ports.ts'

/** One that did not start is started again by the next session. */
export function whenNeeded(start: () => Promise<ExecutorPort>): ExecutorPort {
  let started: Promise<ExecutorPort> | undefined
  return {
    async open(...session) {
      started ??= start()
      const executor = await started.catch((error) => {
        started = undefined
        throw error
      })
      return executor.open(...session)
    },
  }
}
