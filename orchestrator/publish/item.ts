import { LinkError } from '../errors.ts'
import type { Message } from './batch.ts'
import type { StoredMessage } from './bus.ts'
import { expect, type Lines, parseHeaders, ROLL_UP, readFrame } from './frame.ts'

export interface ItemSpec {
  /** The fragment's name, for errors. */
  name: string
  /** Its public and its private subject. */
  subject: string
  ingest: string
  generation: number
  /** Sequence of the subject's last message of any kind, 0 for none. */
  expected: number
  /** First of these frames: 0, or more for a later part. */
  firstFrame: number
  frames: { lines: Lines; data: Uint8Array }[]
  /** The last of the frames is the attempt's marker. */
  marker: boolean
  /** Delete what the subject held, in the same step. */
  rollUp: boolean
  rejects: Message | undefined
}

/** What one attempt puts into one batch: consecutive frames of one subject, and the rejects that go with a marker. */
export class Item {
  readonly spec: ItemSpec
  readonly bytes: number
  readonly messages: number
  /** Sequence of the subject's last message before this item, corrected by what the stream says. */
  expected: number
  /** Sequences of the frames, once stored. */
  first = 0
  last = 0

  constructor(spec: ItemSpec) {
    this.spec = spec
    this.expected = spec.expected
    this.messages = spec.frames.length + (spec.rejects ? 1 : 0)
    this.bytes = spec.rejects?.data.length ?? 0
    for (const frame of spec.frames) this.bytes += frame.data.length
  }

  append(batch: Message[]): void {
    const { ingest, frames, rollUp, rejects } = this.spec
    frames.forEach((frame, index) => {
      // Promise 2: the compare-and-set on its own subject lets one attempt through, whatever is sent again.
      const check = index > 0 ? '' : expect(this.expected) + (rollUp && this.expected !== 0 ? ROLL_UP : '')
      batch.push({ subject: ingest, lines: frame.lines + check, data: frame.data })
    })
    if (rejects) batch.push(rejects)
  }

  /** Where the batch put it. Returns the sequence behind it. */
  placed(first: number): number {
    this.first = first
    this.last = first + this.spec.frames.length - 1
    return first + this.messages
  }

  /**
   * Compares with the subject's last message after a batch whose outcome is not known, or that was refused. True: it is
   * stored. False: it is not, and `expected` now says what the next try must find.
   */
  settle(message: StoredMessage | undefined): boolean {
    const { generation, marker, firstFrame, frames, name } = this.spec
    const found = message && readFrame(parseHeaders(message.headers))
    if (message && found?.generation === generation) {
      const mine = marker ? found.marker !== undefined : found.frame === firstFrame + frames.length - 1
      if (mine) {
        this.placed(message.sequence - frames.length + 1)
        return true
      }
    }
    const last = message?.sequence ?? 0
    if ((firstFrame > 0 && last !== this.expected) || (found && firstFrame === 0 && found.generation >= generation))
      throw new LinkError(
        'nats.refused',
        `fragment ${name}: the stream holds generation ${found?.generation ?? 'none'} at sequence ${last}, this attempt is ${generation}; something else writes to ${this.spec.subject}: run the refresh again`,
        { retryable: true },
      )
    this.expected = last
    return false
  }
}
