/**
 * One call of read on its way through a thread: pieces in, frames out, and the credit between the two.
 *
 *   push ▶ thread ▶ queue ▶ output
 *     ▲ at most CREDITS messages between push and output ┘   (promise 5: a slow consumer stops the push)
 */
import { FragmentError } from '../errors.ts'
import type { ParsedFrame, ParseInput, ParseJob } from '../refresh/ports.ts'
import { pack } from './messages.ts'
import { decodeFrames, type Frames } from './output.ts'
import type { PoolThread, ThreadJob } from './pool-thread.ts'
import type { Program } from './program.ts'
import type { Limits } from './rows.ts'

/** Messages that may lie between `push` and the consumer of `output`. */
const CREDITS = 4

interface Batch {
  frames: ParsedFrame[]
  /** Messages that this is the rest of the output of. */
  credits: number
  /** A part of a message's output: its thread waits until somebody takes it. */
  isPart: boolean
}

export interface JobOptions {
  id: number
  program: Program
  limits: Limits
  stallMs: number
  /** The thread for a job that has none. */
  thread: () => PoolThread
  closed: (job: PoolJob) => void
}

export class PoolJob implements ParseJob, ThreadJob {
  readonly id: number
  readonly program: Program
  readonly limits: Limits
  readonly stallMs: number
  readonly output: AsyncIterable<ParsedFrame[]>
  private readonly findThread: () => PoolThread
  private readonly closed: (job: PoolJob) => void
  private thread: PoolThread | undefined
  private readonly queue: Batch[] = []
  /** Messages pushed whose output nobody has read. */
  private unread = 0
  /** Messages without an answer. */
  private unanswered = 0
  private hasEnded = false
  private isClosed = false
  /** Fragments that were begun and have neither totals nor an error yet. */
  private readonly live = new Set<number>()
  /** Fragments of which nothing more is wanted: finished, failed or dropped. */
  private readonly settled = new Set<number>()
  private readonly dropped = new Set<number>()
  private pushers: (() => void)[] = []
  private reader: ((result: IteratorResult<ParsedFrame[]>) => void) | undefined

  constructor({ id, program, limits, stallMs, thread, closed }: JobOptions) {
    this.id = id
    this.program = program
    this.limits = limits
    this.stallMs = stallMs
    this.findThread = thread
    this.closed = closed
    const iterator: AsyncIterator<ParsedFrame[]> = {
      next: () => this.next(),
      return: async () => {
        this.abort()
        return { done: true, value: undefined }
      },
    }
    this.output = { [Symbol.asyncIterator]: () => iterator }
  }

  async push(pieces: ParseInput[]): Promise<void> {
    if (this.isClosed || this.hasEnded) return
    const wanted = pieces.filter((piece) => this.take(piece))
    if (wanted.length > 0) {
      if (!this.thread) {
        this.thread = this.findThread()
        this.thread.open(this)
      }
      this.unread++
      this.unanswered++
      this.thread.post(this, pack(wanted))
    }
    while (this.unread >= CREDITS && !this.isClosed) await new Promise<void>((resolve) => this.pushers.push(resolve))
  }

  end(): void {
    this.hasEnded = true
    this.settleReader()
  }

  abort(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.queue.length = 0
    this.thread?.close(this)
    this.thread = undefined
    this.closed(this)
    this.wakePushers()
    this.settleReader()
  }

  answered(frames: Frames, isLast: boolean): void {
    if (this.isClosed) return
    if (isLast) this.unanswered--
    const decoded = decodeFrames(frames, this.program.columns.length).filter(({ fragment, totals, error }) => {
      if (this.dropped.has(fragment)) return false
      if (totals || error) this.settle(fragment)
      return true
    })
    this.deliver({ frames: decoded, credits: isLast ? 1 : 0, isPart: !isLast })
  }

  threadLost(error: FragmentError, posts: number): void {
    if (this.isClosed) return
    this.thread = undefined
    this.unanswered -= posts
    const frames = [...this.live].map((fragment) => failed(fragment, error))
    for (const { fragment } of frames) this.settle(fragment)
    this.deliver({ frames, credits: posts, isPart: false })
  }

  /** Notes what a piece says of its fragment; false when the thread need not see it. */
  private take({ fragment, end }: ParseInput): boolean {
    if (this.settled.has(fragment)) {
      if (end === 'drop') this.drop(fragment)
      return false
    }
    if (end === 'drop') {
      const wasLive = this.live.has(fragment)
      this.drop(fragment)
      return wasLive
    }
    this.live.add(fragment)
    return true
  }

  /** Frames that are waiting to be read are taken back: a dropped fragment gives no more output. */
  private drop(fragment: number): void {
    this.settle(fragment)
    this.dropped.add(fragment)
    for (const batch of this.queue) batch.frames = batch.frames.filter((frame) => frame.fragment !== fragment)
  }

  private settle(fragment: number): void {
    this.live.delete(fragment)
    this.settled.add(fragment)
  }

  private deliver(batch: Batch): void {
    if (batch.frames.length === 0) this.taken(batch)
    else this.queue.push(batch)
    this.settleReader()
  }

  private next(): Promise<IteratorResult<ParsedFrame[]>> {
    return new Promise((resolve) => {
      this.reader = resolve
      this.settleReader()
    })
  }

  /** Hands the next batch to whoever waits for it, or the end. */
  private settleReader(): void {
    let batch = this.queue[0]
    while (batch && batch.frames.length === 0) {
      this.queue.shift()
      this.taken(batch)
      batch = this.queue[0]
    }
    const { reader } = this
    if (!reader) return
    if (batch) {
      this.queue.shift()
      this.reader = undefined
      // Reading on is what gives credit, to `push` and to the thread.
      this.taken(batch)
      reader({ done: false, value: batch.frames })
    } else if (this.isClosed || (this.hasEnded && this.unanswered === 0)) {
      this.reader = undefined
      this.abort()
      reader({ done: true, value: undefined })
    }
  }

  private taken({ credits, isPart }: Batch): void {
    if (isPart) this.thread?.more(this)
    this.unread -= credits
    if (this.unread < CREDITS) this.wakePushers()
  }

  private wakePushers(): void {
    const waiting = this.pushers
    this.pushers = []
    for (const wake of waiting) wake()
  }
}

function failed(fragment: number, { code, message }: FragmentError): ParsedFrame {
  const error = new FragmentError(code as 'fragment.internal', message, { retryable: true })
  return { fragment, bytes: new Uint8Array(0), rows: 0, rejects: [], derived: undefined, totals: undefined, error }
}
