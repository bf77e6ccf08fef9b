import { BATCH_BYTES, BATCH_MESSAGES } from './batch.ts'
import type { Clock } from './clock.ts'
import type { Item } from './item.ts'
import { Signal } from './semaphore.ts'

export interface Grouped {
  item: Item
  /** Bytes of memory that go when it is stored. */
  bytes: number
}

export interface GroupOptions<G extends Grouped> {
  clock: Clock
  /** Stores a batch and reports it; rejects with what ends the refresh. */
  store(batch: G[]): Promise<void>
  /** Fragments are being written that will come here. */
  moreComing(): boolean
  fail(error: unknown): void
}

/** A batch costs 12–19 ms whatever it holds, so a few milliseconds of company are cheap; 50 ms nobody notices. */
const LINGER_MS = 50
const QUIET_MS = 5
/** What may wait or be under way before writers must wait. */
const MOST_ITEMS = 4 * BATCH_MESSAGES
const MOST_BYTES = 32 * 1024 * 1024
/** One batch commits while the next is staged. */
const UNDER_WAY = 2

/**
 * Group commit: many small fragments in one atomic batch. A batch closes when it is full; a smaller one only while
 * nothing commits, so that it grows for as long as the stream is busy anyway.
 */
export class Group<G extends Grouped> {
  readonly #options: GroupOptions<G>
  readonly #changed = new Signal()
  #queue: G[] = []
  #queuedMessages = 0
  #queuedBytes = 0
  /** Of what is queued or under way. */
  #items = 0
  #bytes = 0
  #underWay = 0
  #firstAt = 0
  #lastAt = 0
  #flushing = 0
  #stopped = false
  #running = false

  constructor(options: GroupOptions<G>) {
    this.#options = options
  }

  /** Queues; resolves when there is room for more. */
  async add(grouped: G): Promise<void> {
    const now = this.#options.clock.now()
    if (this.#queue.length === 0) this.#firstAt = now
    this.#lastAt = now
    this.#queue.push(grouped)
    this.#queuedMessages += grouped.item.messages
    this.#queuedBytes += grouped.item.bytes
    this.#items++
    this.#bytes += grouped.bytes
    if (!this.#running) {
      this.#running = true
      void this.#run()
    } else if (this.#full()) this.#changed.fire()
    // Promise 5: what waits is bounded, and a slow stream slows the read.
    while ((this.#items >= MOST_ITEMS || this.#bytes >= MOST_BYTES) && !this.#stopped) await this.#changed.wait()
  }

  /** Resolves when all that was added is stored and reported, or nothing will be any more. */
  async flush(): Promise<void> {
    this.#flushing++
    this.#changed.fire()
    while (this.#items > 0 && !this.#stopped) await this.#changed.wait()
    this.#flushing--
  }

  /** Sends nothing more; what is under way ends by itself. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#queue = []
    this.#changed.fire()
    while (this.#underWay > 0) await this.#changed.wait()
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopped) {
      if (this.#underWay >= UNDER_WAY || !this.#full()) {
        const wait = this.#underWay > 0 ? undefined : this.#patience()
        if (wait === undefined || wait > 0) {
          await this.#changedOrLater(wait)
          continue
        }
      }
      this.#send(this.#take())
      // Whoever fills the queue comes first; the bytes just sent go out meanwhile.
      await Promise.resolve()
    }
    this.#running = false
  }

  /** Milliseconds that a batch which is not full may still wait for company. */
  #patience(): number {
    if (this.#flushing > 0) return 0
    const now = this.#options.clock.now()
    const quiet = this.#options.moreComing() ? LINGER_MS : QUIET_MS
    return Math.max(0, Math.min(this.#firstAt + LINGER_MS, this.#lastAt + quiet) - now)
  }

  #full(): boolean {
    return this.#queuedMessages >= BATCH_MESSAGES || this.#queuedBytes >= BATCH_BYTES
  }

  #take(): G[] {
    const subjects = new Set<string>()
    let messages = 0
    let bytes = 0
    let count = 0
    for (const { item } of this.#queue) {
      messages += item.messages
      bytes += item.bytes
      // A subject may be written by one attempt of a batch only: the second check would be refused (10164).
      const other = subjects.has(item.spec.subject)
      if (count > 0 && (messages > BATCH_MESSAGES || bytes > BATCH_BYTES || other)) break
      subjects.add(item.spec.subject)
      count++
    }
    const batch = this.#queue.slice(0, count)
    for (const { item } of batch) {
      this.#queuedMessages -= item.messages
      this.#queuedBytes -= item.bytes
    }
    this.#queue = this.#queue.slice(count)
    this.#firstAt = this.#lastAt
    return batch
  }

  #send(batch: G[]): void {
    this.#underWay++
    this.#options
      .store(batch)
      .catch((error: unknown) => this.#options.fail(error))
      .finally(() => {
        this.#underWay--
        this.#items -= batch.length
        for (const { bytes } of batch) this.#bytes -= bytes
        this.#changed.fire()
      })
  }

  async #changedOrLater(ms: number | undefined): Promise<void> {
    if (ms === undefined) return this.#changed.wait()
    let cancel = () => {}
    const later = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(ms, resolve)
    })
    await Promise.race([later, this.#changed.wait()])
    cancel()
  }
}
