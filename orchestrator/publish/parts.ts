import type { FragmentEnd, FragmentWriter, Receipt } from '../refresh/ports.ts'
import type { Attempt, Frame } from './attempt.ts'
import { BATCH_MESSAGES } from './batch.ts'
import type { Item } from './item.ts'

/** Beyond this a fragment is sent in parts as its rows come; one that ends before is a small one. */
export const PART_BYTES = 8 * 1024 * 1024
/** Room for the rejects message beside the frames. */
const PART_FRAMES = BATCH_MESSAGES - 1

/** Sequences, both included. */
export interface Range {
  first: number
  last: number
}

/** What a writer needs of the stream it writes to. */
export interface WriterHost {
  /** Throws what has stopped the stream. */
  check(): void
  /** Stores one part. */
  storePart(item: Item): Promise<void>
  /** Takes a whole small fragment; resolves when there is room for more. */
  addSmall(item: Item, receipt: () => Receipt): Promise<void>
  /** A large fragment's marker is stored: purge what it replaces, report it. */
  completed(attempt: Attempt, receipt: Receipt, purge: boolean): Promise<void>
  /** Deletes what is stored of an attempt that was given up. */
  giveUp(attempt: Attempt, stored: Range[]): Promise<void>
  fail(error: unknown): void
  /** The writer is done with, one way or the other. */
  left(writer: Writer): void
}

/**
 * filling ── finish ──▶ finished ── abort, if it failed ──▶ aborted
 *    └───── abort ────▶ aborted
 */
type State = 'filling' | 'finished' | 'aborted'

/**
 * One attempt's frames: collected until they are a part, one part in flight while the next fills. Nothing waits inside
 * an open batch, and nothing counts before the last frame.
 */
export class Writer implements FragmentWriter {
  readonly generation: number
  readonly #host: WriterHost
  readonly #attempt: Attempt
  #state: State = 'filling'
  #frames: Frame[] = []
  #bytes = 0
  /** Sequence that the first item must find as the subject's last. */
  readonly #expected: number
  /** Where the parts are that the stream has stored; their bytes are gone. */
  readonly #stored: Range[] = []
  /** Part 1 found something on the subject, which goes once this attempt is whole. */
  #replaces: boolean
  #sent = 0
  #flight: Promise<void> = Promise.resolve()
  #error: unknown

  constructor(host: WriterHost, attempt: Attempt) {
    this.#host = host
    this.#attempt = attempt
    this.generation = attempt.generation
    this.#expected = attempt.fragment.tailSequence
    this.#replaces = this.#expected !== 0
  }

  async write(frame: Frame): Promise<void> {
    this.#check()
    if (frame.bytes.length === 0 && frame.rows === 0) return
    // The last frame carries the totals, so the newest one is never in the part that is sent now.
    const full = this.#bytes + frame.bytes.length > PART_BYTES || this.#frames.length >= PART_FRAMES
    if (full && this.#frames.length > 0) await this.#cut()
    this.#frames.push(frame)
    this.#bytes += frame.bytes.length
  }

  async finish(end: FragmentEnd): Promise<void> {
    this.#check()
    this.#state = 'finished'
    const frames = this.#frames.length === 0 ? [{ bytes: new Uint8Array(0), rows: 0 }] : this.#frames
    this.#frames = []
    if (this.#sent > 0) return this.#finishLarge(frames, end)
    const item = this.#attempt.item(frames, { expected: this.#expected, firstSequence: undefined }, end)
    this.#host.left(this)
    await this.#host.addSmall(item, () => this.#attempt.receipt(end, item.last, item.first))
  }

  async abort(): Promise<void> {
    // What was handed over whole goes its way, unless it was stopped.
    if (this.#state === 'aborted' || (this.#state === 'finished' && this.#error === undefined)) return
    this.#state = 'aborted'
    this.#frames = []
    try {
      await this.#flight.catch(() => {})
      if (this.#sent > 0) await this.#host.giveUp(this.#attempt, this.#stored)
    } finally {
      this.#host.left(this)
    }
  }

  /** Sends what has been collected as a part; waits for the one before. */
  async #cut(): Promise<void> {
    await this.#flight
    this.#check()
    const frames = this.#frames
    this.#frames = []
    this.#bytes = 0
    const item = this.#attempt.item(frames, this.#place())
    this.#send(item)
  }

  async #finishLarge(frames: Frame[], end: FragmentEnd): Promise<void> {
    await this.#flight
    this.#check('finished')
    const item = this.#attempt.item(frames, this.#place(), end)
    this.#send(item, async () => {
      const receipt = this.#attempt.receipt(end, item.last, this.#stored[0]!.first)
      await this.#host.completed(this.#attempt, receipt, this.#replaces)
    })
    this.#flight.catch(() => {}).finally(() => this.#host.left(this))
  }

  #place(): { expected: number; firstSequence: number | undefined } {
    const last = this.#stored.at(-1)
    // A part is sent only when the one before is stored, so its sequences are known here.
    return last === undefined
      ? { expected: this.#expected, firstSequence: undefined }
      : { expected: last.last, firstSequence: this.#stored[0]!.first }
  }

  #send(item: Item, then: () => Promise<void> = async () => {}): void {
    this.#sent++
    this.#flight = this.#store(item, then)
    // Whoever writes next sees it; nobody may.
    this.#flight.catch(() => {})
  }

  async #store(item: Item, then: () => Promise<void>): Promise<void> {
    try {
      await this.#host.storePart(item)
      if (item.expected !== 0 && item.spec.firstFrame === 0) this.#replaces = true
      this.#stored.push({ first: item.first, last: item.last })
      await then()
    } catch (error) {
      this.#error ??= error
      this.#host.fail(error)
      throw error
    }
  }

  #check(state: State = 'filling'): void {
    if (this.#error !== undefined) throw this.#error
    this.#host.check()
    if (this.#state !== state) throw new Error(`fragment ${this.#attempt.fragment.name}: the writer is ${this.#state}`)
  }
}
