/**
 * The rejects of one attempt on their way: all of them to the state, while they come, and those that fit one message to
 * the stream, with the marker. Neither waits for the other's size (promise 5).
 */
import type { Reject } from './ports.ts'

/** Raw bytes that wait for the state, about. */
const STEP_BYTES = 1 << 20
/** The stream's message holds 1 MiB: of more rejects than this not even the shortest lines fit. */
const MOST_IN_STREAM = 10_000
/** Raw bytes held for the stream; beyond, each is cut to this: the message cuts them further anyway. */
const HELD_BYTES = 4 << 20
const HELD_RAW_BYTES = 256

export class Quarantine {
  /** For the stream. */
  readonly told: Reject[] = []
  private readonly keep: (rejects: Reject[]) => Promise<void>
  private waiting: Reject[] = []
  private waitingBytes = 0
  private toldBytes = 0

  /** `keep` writes them to the state; called in their order. */
  constructor(keep: (rejects: Reject[]) => Promise<void>) {
    this.keep = keep
  }

  add(rejects: Reject[]): void | Promise<void> {
    for (const reject of rejects) {
      this.waiting.push(reject)
      this.waitingBytes += reject.raw.length + reject.message.length
      if (this.told.length < MOST_IN_STREAM) this.tell(reject)
    }
    if (this.waitingBytes >= STEP_BYTES) return this.flush()
  }

  /** Promise 6: called before the fragment counts. */
  async flush(): Promise<void> {
    if (this.waiting.length === 0) return
    const { waiting } = this
    this.waiting = []
    this.waitingBytes = 0
    await this.keep(waiting)
  }

  private tell(reject: Reject): void {
    const isFull = this.toldBytes >= HELD_BYTES
    this.told.push(isFull ? cut(reject) : reject)
    this.toldBytes += isFull ? HELD_RAW_BYTES : reject.raw.length
    if (isFull || this.toldBytes < HELD_BYTES) return
    for (const [at, held] of this.told.entries()) this.told[at] = cut(held)
  }
}

/** Its own copy: a view would keep the whole. */
function cut(reject: Reject): Reject {
  const { raw } = reject
  return raw.length <= HELD_RAW_BYTES ? reject : { ...reject, raw: raw.slice(0, HELD_RAW_BYTES), truncated: true }
}
