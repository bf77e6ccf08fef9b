import { randomBytes } from 'node:crypto'
import { type Bus, OutcomeUnknown, Refusal } from './bus.ts'
import type { Lines } from './frame.ts'

export interface Message {
  /** The private subject. */
  subject: string
  lines: Lines
  data: Uint8Array
}

/** A server with atomic batches holds at most 1,000 messages in one; more than 800 is slower. */
export const BATCH_MESSAGES = 800
export const BATCH_BYTES = 16 * 1024 * 1024
const EMPTY = new Uint8Array(0)

/**
 * One atomic batch, staged at once: the server keeps its messages aside until the commit, and drops them 10 s after the
 * last one. The commit is a message of its own, so that the next batch can be staged while this one commits.
 */
export class Batch {
  readonly #bus: Bus
  readonly #id = randomBytes(12).toString('hex')
  readonly #connection: number
  readonly #first: Promise<unknown>
  #messages = 0

  /** Call when the bus is ready; sends everything before it returns. */
  constructor(bus: Bus, messages: Message[]) {
    this.#bus = bus
    this.#connection = bus.connection
    const [first, ...rest] = messages
    // A non-empty first reply is a refusal, or a server that knows no batches and has stored the message.
    this.#first = first === undefined ? Promise.resolve() : bus.request(first.subject, this.#lines(first), first.data)
    this.#first.catch(() => {})
    for (const message of rest) bus.publish(message.subject, this.#lines(message), message.data)
  }

  /** Returns the sequence of the first message. Throws Refusal or OutcomeUnknown. */
  async commit(control: { subject: string; lines: Lines }): Promise<number> {
    if (this.#bus.connection !== this.#connection) throw new OutcomeUnknown('the connection was lost before the commit')
    const lines = `${this.#lines(control)}Nats-Batch-Commit: 1\r\n`
    const stored = this.#bus.request(control.subject, lines, EMPTY)
    const first = this.#first.then((reply) => {
      if (reply !== undefined) throw new Refusal(10185, 'the server stored a message at once that belongs to a batch')
      return stored
    })
    const ack = (await Promise.race([stored, first])) as { seq: number; count?: number } | undefined
    if (ack?.count !== this.#messages)
      throw new OutcomeUnknown(`the server acknowledged ${ack?.count} of ${this.#messages} messages`)
    return ack.seq - this.#messages + 1
  }

  #lines(message: { lines: Lines }): Lines {
    return `${message.lines}Nats-Batch-Id: ${this.#id}\r\nNats-Batch-Sequence: ${++this.#messages}\r\n`
  }
}
