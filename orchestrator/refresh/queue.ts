/** Hands out the fragments to read, in batches, retries when they are due. */
import type { Clock } from './clock.ts'
import type { Work } from './ports.ts'

export interface Attempt {
  work: Work
  /** From 1: one more than the tries that its own code failed. */
  number: number
  /** How often a call was lost before it came to this one. */
  lost?: number
}

const MOST_PER_CALL = 500
/** A request is at most 1 MiB; an item adds its names and its extra keys. */
const REQUEST_BYTES = 900 * 1024
const CALL_BYTES = 64 << 20
const PAGE = 5000

export class WorkQueue {
  readonly #page: (after: string, limit: number) => Promise<Work[]>
  readonly #clock: Clock
  readonly #readers: number
  #buffer: Work[] = []
  #after = ''
  #exhausted = false
  #refill: Promise<void> | undefined
  #left: number
  #retries: { attempts: Attempt[]; due: number }[] = []
  #active = 0
  #stopped = false
  #wake = Promise.withResolvers<void>()

  /** `page` gives open work in name order; `total` is how much there is. */
  constructor(page: (after: string, limit: number) => Promise<Work[]>, total: number, readers: number, clock: Clock) {
    this.#page = page
    this.#left = total
    this.#readers = readers
    this.#clock = clock
  }

  /** The next batch, of `most` at most; undefined when there will be none. Each taken is given back with `done`. */
  async take(signal: AbortSignal, most = MOST_PER_CALL): Promise<Attempt[] | undefined> {
    for (;;) {
      if (this.#stopped || signal.aborted) return undefined
      const batch = this.#due() ?? (await this.#fresh(most))
      if (batch) {
        this.#active++
        return batch
      }
      if (this.#retries.length === 0 && this.#active === 0) return undefined
      const soonest = Math.min(...this.#retries.map((retry) => retry.due))
      const waits: Promise<void>[] = [this.#wake.promise]
      const timer = new AbortController()
      if (Number.isFinite(soonest))
        waits.push(this.#clock.sleep(Math.max(0, soonest - this.#clock.now()), AbortSignal.any([signal, timer.signal])))
      await Promise.race(waits)
      timer.abort()
    }
  }

  done(): void {
    this.#active--
    this.#notify()
  }

  /** Its own code failed: by itself, later. */
  retry({ work, number }: Attempt, delayMs: number): void {
    this.#retries.push({ attempts: [{ work, number: number + 1 }], due: this.#clock.now() + delayMs })
  }

  /** The call did not come to them: together again, later. `counted`: as one of the calls that may be lost. */
  again(attempts: Attempt[], delayMs: number, counted: boolean): void {
    const lost = (attempt: Attempt) => (attempt.lost ?? 0) + (counted ? 1 : 0)
    this.#retries.push({
      attempts: attempts.map((attempt) => ({ ...attempt, lost: lost(attempt) })),
      due: this.#clock.now() + delayMs,
    })
  }

  /** Hands out nothing more; what is under way goes on. */
  stop(): void {
    this.#stopped = true
    this.#notify()
  }

  get stopped(): boolean {
    return this.#stopped
  }

  #notify(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers<void>()
  }

  #due(): Attempt[] | undefined {
    const now = this.#clock.now()
    const index = this.#retries.findIndex((retry) => retry.due <= now)
    return index < 0 ? undefined : this.#retries.splice(index, 1)[0]!.attempts
  }

  async #fresh(most: number): Promise<Attempt[] | undefined> {
    // A quarter of what is left for each reader: the tail stays parallel.
    const wanted = Math.min(most, Math.max(1, Math.floor(this.#left / (4 * this.#readers))))
    while (this.#buffer.length < wanted && !this.#exhausted) {
      this.#refill ??= this.#fill().finally(() => {
        this.#refill = undefined
      })
      await this.#refill
    }
    let count = 0
    let request = 0
    let bytes = 0
    for (const work of this.#buffer) {
      request += 4 * (work.name.length + work.fingerprint.length + work.extra.length) + 100
      bytes += work.bytes
      if (count > 0 && (count >= wanted || request > REQUEST_BYTES || bytes > CALL_BYTES)) break
      count++
    }
    if (count === 0) return undefined
    this.#left -= count
    return this.#buffer.splice(0, count).map((work) => ({ work, number: 1 }))
  }

  async #fill(): Promise<void> {
    const page = await this.#page(this.#after, PAGE)
    if (page.length < PAGE) this.#exhausted = true
    if (page.length > 0) this.#after = page.at(-1)!.name
    // A concurrent reader may have taken from the buffer meanwhile: append, never replace.
    this.#buffer.push(...page)
  }
}
