/**
 * One job in its thread: messages of pieces in, answers of frames out, one message after the other.
 *
 *   message ▶ pieces ▶ parser ▶ answers (all but the last of a message only when it makes much) ▶ next message
 *
 * A message that a little input blew up is answered in parts, at most AHEAD of them before main asks for more: so neither
 * side holds more than a few MiB of it (promise 5).
 */
import { FragmentParser } from './fragment.ts'
import { type Answer, DROP, END, GOES_ON, PIECE_FIELDS } from './messages.ts'
import { Output } from './output.ts'
import type { Program } from './program.ts'
import type { Limits } from './rows.ts'

/** Output that is enough for an answer of its own. */
const ANSWER_BYTES = 4 * 1024 * 1024
/** Partial answers that main may not have taken yet. */
export const AHEAD = 2

interface Message {
  bytes: Uint8Array
  index: Uint32Array
}

export class JobRunner {
  private readonly out = new Output()
  private readonly parser: FragmentParser
  private readonly send: (answer: Answer) => void
  private job = -1
  /** The fragment under way, -1 for none. */
  private fragment = -1
  private readonly waiting: Message[] = []
  private isBusy = false
  private isClosed = true
  /** Partial answers not yet taken by main. */
  private ahead = 0
  private wake: (() => void) | undefined

  constructor(program: Program, limits: Limits, send: (answer: Answer) => void) {
    this.send = send
    this.parser = new FragmentParser(program, this.out, limits, () => this.room())
  }

  open(job: number, limits: Limits): void {
    this.job = job
    this.fragment = -1
    this.ahead = 0
    this.isClosed = false
    this.parser.configure(limits)
  }

  take(message: Message): void {
    if (this.isBusy) this.waiting.push(message)
    else this.run(message)
  }

  /** Main has taken a partial answer. */
  more(): void {
    this.ahead--
    this.wake?.()
  }

  /** Nothing more is wanted: what is left gets empty answers. `free` is called when the next job may have this runner. */
  close(free: () => void): void {
    this.isClosed = true
    this.free = free
    if (this.isBusy) this.wake?.()
    else this.leave()
  }

  private free: () => void = () => {}

  private leave(): void {
    this.out.begin(0)
    this.parser.drop()
    for (; this.waiting.length > 0; this.waiting.pop()) this.answer(true)
    this.out.release()
    this.free()
  }

  private run(message: Message): void {
    this.out.begin(inputBytes(message.index))
    this.parser.resume()
    const working = this.pieces(message, 0)
    if (!working) this.answer(true)
    else {
      this.isBusy = true
      void working.then(() => this.done())
    }
  }

  private done(): void {
    this.isBusy = false
    this.answer(true)
    if (this.isClosed) this.leave()
    while (!this.isBusy && this.waiting.length > 0) this.run(this.waiting.shift()!)
  }

  /** The pieces from `first` on; a promise when one of them takes time. Never rejects: the parser has its own errors. */
  private pieces(message: Message, first: number): void | Promise<void> {
    for (let at = first; at < message.index.length; at += PIECE_FIELDS) {
      const working = this.piece(message, at)
      if (working) return working.then(() => this.rest(message, at + PIECE_FIELDS))
    }
  }

  private async rest(message: Message, first: number): Promise<void> {
    for (let at = first; at < message.index.length && !this.isClosed; at += PIECE_FIELDS) await this.piece(message, at)
  }

  private piece({ bytes, index }: Message, at: number): void | Promise<void> {
    const { parser } = this
    const fragment = index[at]!
    const offset = index[at + 1]!
    const end = index[at + 3]!
    if (fragment !== this.fragment) {
      // One ends before the next begins: what has no end by now never gets one.
      parser.drop()
      parser.begin(fragment)
    }
    this.fragment = end === GOES_ON ? fragment : -1
    if (end === DROP) return parser.drop()
    const pushing = parser.push(bytes.subarray(offset, offset + index[at + 2]!))
    if (end !== END) return pushing
    return pushing ? pushing.then(() => parser.end()) : parser.end()
  }

  /** The Room of this job's steps. */
  private room(): void | Promise<void> {
    if (this.isClosed) throw new Error('the job was given up')
    if (this.out.weight >= ANSWER_BYTES) return this.partly()
  }

  private async partly(): Promise<void> {
    this.parser.suspend()
    this.answer(false)
    this.ahead++
    while (this.ahead >= AHEAD && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    this.out.begin(ANSWER_BYTES / 4)
    this.parser.resume()
    if (this.isClosed) throw new Error('the job was given up')
  }

  private answer(isLast: boolean): void {
    if (isLast) this.parser.suspend()
    this.send({ job: this.job, frames: this.out.take(), isLast })
  }
}

function inputBytes(index: Uint32Array): number {
  let sum = 0
  for (let at = 2; at < index.length; at += PIECE_FIELDS) sum += index[at]!
  return sum
}
