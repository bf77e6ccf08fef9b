import { randomInt } from 'node:crypto'
import { LinkError } from '../errors.ts'
import { Batch, type Message } from './batch.ts'
import { type Bus, OutcomeUnknown } from './bus.ts'
import { delay } from './clock.ts'
import { expect, type Lines, ROLL_UP } from './frame.ts'
import type { Item } from './item.ts'
import { checkLease, judge, type Limits, unstored } from './recover.ts'
import { Semaphore } from './semaphore.ts'

export interface LaneOptions extends Limits {
  connector: string
  /** Control subjects. */
  lease: string
  batch: string
  /** Sequence of our own claim in the lease subject. */
  claim: number
}

/** A batch that stays refused although the stream says what it expects: give up rather than spin. */
const MOST_REFUSALS = 10
/** Each of these took a reconnect, or 60 seconds; or nobody listens where the stream should. */
const MOST_UNKNOWN = 100

/**
 * The one way into a connector's stream: batches commit one after the other, the next is staged meanwhile, and each is
 * stored exactly once or the refresh ends here.
 */
export class Lane {
  readonly #bus: Bus
  readonly #options: LaneOptions
  /** One batch committing, one staged. */
  readonly #slots = new Semaphore(2)
  readonly #turn = new Semaphore(1)
  readonly #control: { subject: string; lines: Lines }

  constructor(bus: Bus, options: LaneOptions) {
    this.#bus = bus
    this.#options = options
    // From a take-over on every batch of the old holder is refused whole: its claim is not the last any more.
    const lines = `${expect(options.claim)}Nats-Expected-Last-Subject-Sequence-Subject: ${options.lease}\r\n${ROLL_UP}`
    this.#control = { subject: options.batch, lines }
  }

  /** Resolves when all items are stored and know their sequences. Throws what ends the refresh. */
  async store(items: Item[]): Promise<void> {
    await this.#slots.acquire()
    try {
      let staged = await this.#stage(items)
      await this.#turn.acquire()
      try {
        let rest = items
        for (let refusals = 0; rest.length > 0; refusals++) {
          try {
            const first = await staged.commit(this.#control)
            rest.reduce((next, item) => item.placed(next), first)
            return
          } catch (error) {
            rest = await this.#recover(rest, error, refusals)
          }
          if (rest.length > 0) staged = await this.#stage(rest)
        }
      } finally {
        this.#turn.release()
      }
    } finally {
      this.#slots.release()
    }
  }

  /** Stores messages that no attempt is part of; `isStored` asks the stream after an unknown outcome. */
  async storePlain(messages: Message[], isStored: () => Promise<number | undefined>): Promise<number> {
    await this.#turn.acquire()
    try {
      for (let refusals = 0; ; refusals++) {
        await this.#bus.ready()
        try {
          return (await new Batch(this.#bus, messages).commit(this.#control)) + messages.length
        } catch (error) {
          await this.#recover([], error, refusals)
          const stored = await isStored()
          if (stored !== undefined) return stored
        }
      }
    } finally {
      this.#turn.release()
    }
  }

  async #stage(items: Item[]): Promise<Batch> {
    const messages: Message[] = []
    for (const item of items) item.append(messages)
    await this.#bus.ready()
    return new Batch(this.#bus, messages)
  }

  async #recover(items: Item[], error: unknown, refusals: number): Promise<Item[]> {
    const verdict = judge(error, this.#options)
    if (refusals >= (error instanceof OutcomeUnknown ? MOST_UNKNOWN : MOST_REFUSALS))
      throw new LinkError(
        'nats.refused',
        `stream ${this.#options.stream} refused a batch ${refusals} times: ${(error as Error).message}`,
        { retryable: true, cause: error },
      )
    if (verdict !== 'read') {
      await delay(this.#bus.clock, verdict === 'retry' ? randomInt(5, 50) : Math.min(100 * 2 ** refusals, 10_000))
      return items
    }
    // What the old connection still holds may be stored after we have read; the check on the subject then refuses us.
    if (refusals > 0) await delay(this.#bus.clock, Math.min(20 * 2 ** refusals, 2_000))
    return unstored(this.#bus, this.#options.stream, items, () => this.checkLease())
  }

  checkLease(): Promise<void> {
    return checkLease(this.#bus, this.#options)
  }
}
