/** Time and chance that the test owns: sleeping moves the time, at once. */
import type { Clock } from '../../orchestrator/refresh/clock.ts'

export class FakeClock implements Clock {
  time: number
  readonly slept: number[] = []

  constructor(time = 1_700_000_000_000) {
    this.time = time
  }

  now(): number {
    return this.time
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return
    this.slept.push(ms)
    this.time += ms
    await new Promise((resolve) => setImmediate(resolve))
  }

  random(): number {
    return 0.5
  }
}
