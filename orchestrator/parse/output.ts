/**
 * What comes out of one message: one buffer of NDJSON, and frames as ranges of it.
 *
 * A frame is a row of an array of numbers, not an object: a message of 500 small fragments crosses the thread border as
 * one buffer and one array. What is rare (rejects, defaults, an error) travels beside them as objects.
 */
import type { Column } from '../connector/definition.ts'
import { type FragmentCode, FragmentError } from '../errors.ts'
import type { ParsedFrame, Reject } from '../refresh/ports.ts'

const FRAGMENT = 0
const START = 1
const LENGTH = 2
const ROWS = 3
const KIND = 4
const READ = 5
const PUBLISHED = 6
const REJECTED = 7
const BLANK = 8
const CRC = 9
const UNKNOWN = 10
const FIELDS = 11

const MORE = 0
const LAST = 1
const CUT_SHORT = 2
const FAILED = 3

/** Rare things of the frame with this number. */
interface Extra {
  frame: number
  rejects?: Reject[]
  defaulted?: number[]
  derived?: Column[]
  error?: { code: FragmentCode; message: string }
}

/** Plain data, cloned or transferred. */
export interface Frames {
  bytes: Uint8Array
  index: Float64Array
  count: number
  extras: Extra[]
  /** Lists of unknown names; UNKNOWN is 1 + the position here, so that equal headers share one list. */
  unknown: string[][]
}

export interface Counts {
  read: number
  published: number
  rejected: number
  blank: number
  crc32: number
  defaulted: number[] | undefined
  unknown: string[]
  truncated: boolean
}

const SLACK = 64 * 1024

export class Output {
  bytes: Uint8Array = new Uint8Array(0)
  length = 0
  private rejectBytes = 0
  private inputBytes = 0
  /** Bytes of output to a byte of input. */
  private growth = 2
  private index = new Float64Array(64 * FIELDS)
  private count = 0
  private extras: Extra[] = []
  private unknown: string[][] = []

  /** Makes room for what an input of so many bytes became so far; it grows if need be. */
  begin(inputBytes: number): void {
    this.inputBytes = inputBytes
    const wanted = Math.ceil(inputBytes * this.growth * 1.1) + SLACK
    if (this.bytes.length < wanted) this.bytes = new Uint8Array(Buffer.allocUnsafeSlow(wanted).buffer)
    this.length = 0
  }

  /** Bytes that wait to be taken. */
  get weight(): number {
    return this.length + this.rejectBytes
  }

  /** Gives the buffer back. */
  release(): void {
    this.bytes = new Uint8Array(0)
    this.length = 0
  }

  /** A larger buffer that holds the first `used` bytes and room for `more`. */
  grow(used: number, more: number): Uint8Array {
    const larger = new Uint8Array(Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, used + more + SLACK)).buffer)
    larger.set(this.bytes.subarray(0, used))
    this.bytes = larger
    return larger
  }

  frame(fragment: number, start: number, end: number, rows: number, rejects: Reject[]): void {
    this.row(fragment, start, end, rows, MORE)
    if (rejects.length > 0) this.extras.push({ frame: this.count - 1, rejects })
    for (const { raw } of rejects) this.rejectBytes += raw.length
  }

  /** The fragment brought its columns. */
  derived(fragment: number, derived: Column[]): void {
    this.row(fragment, 0, 0, 0, MORE)
    this.extras.push({ frame: this.count - 1, derived })
  }

  last(fragment: number, start: number, end: number, rows: number, rejects: Reject[], counts: Counts): void {
    const at = this.row(fragment, start, end, rows, counts.truncated ? CUT_SHORT : LAST)
    const { index } = this
    index[at + READ] = counts.read
    index[at + PUBLISHED] = counts.published
    index[at + REJECTED] = counts.rejected
    index[at + BLANK] = counts.blank
    index[at + CRC] = counts.crc32
    index[at + UNKNOWN] = counts.unknown.length === 0 ? 0 : this.unknownNumber(counts.unknown)
    if (rejects.length > 0 || counts.defaulted) {
      const { defaulted } = counts
      this.extras.push({ frame: this.count - 1, rejects, ...(defaulted ? { defaulted } : {}) })
    }
  }

  failed(fragment: number, error: { code: FragmentCode; message: string }): void {
    this.row(fragment, 0, 0, 0, FAILED)
    this.extras.push({ frame: this.count - 1, error })
  }

  /** Everything since `begin`. The buffer goes with it, unless nothing was written. */
  take(): Frames {
    const { bytes, count, extras, unknown } = this
    const frames = { bytes, index: this.index.slice(0, count * FIELDS), count, extras, unknown }
    if (this.inputBytes > SLACK) this.growth = Math.max(this.length / this.inputBytes, this.growth * 0.9)
    if (this.length > 0) this.bytes = new Uint8Array(0)
    else frames.bytes = new Uint8Array(0)
    this.length = 0
    this.rejectBytes = 0
    this.count = 0
    this.extras = []
    this.unknown = []
    return frames
  }

  private row(fragment: number, start: number, end: number, rows: number, kind: number): number {
    const at = this.count++ * FIELDS
    if (at === this.index.length) {
      const larger = new Float64Array(at * 2)
      larger.set(this.index)
      this.index = larger
    }
    const { index } = this
    index[at + FRAGMENT] = fragment
    index[at + START] = start
    index[at + LENGTH] = end - start
    index[at + ROWS] = rows
    index[at + KIND] = kind
    return at
  }

  private unknownNumber(names: string[]): number {
    const known = this.unknown.lastIndexOf(names)
    return known >= 0 ? known + 1 : this.unknown.push(names)
  }
}

/** Frames as the flow wants them. `columns` is how many the connector has. */
export function decodeFrames({ bytes, index, count, extras, unknown }: Frames, columns: number): ParsedFrame[] {
  const frames: ParsedFrame[] = []
  const none = Object.freeze(new Array<number>(columns).fill(0)) as number[]
  let next = 0
  for (let at = 0; at < count * FIELDS; at += FIELDS) {
    const extra = extras[next]?.frame === frames.length ? extras[next++] : undefined
    const kind = index[at + KIND]!
    const start = index[at + START]!
    const names = index[at + UNKNOWN]!
    const isLast = kind === LAST || kind === CUT_SHORT
    frames.push({
      fragment: index[at + FRAGMENT]!,
      bytes: bytes.subarray(start, start + index[at + LENGTH]!),
      rows: index[at + ROWS]!,
      rejects: extra?.rejects ?? [],
      derived: extra?.derived,
      totals: isLast
        ? {
            read: index[at + READ]!,
            published: index[at + PUBLISHED]!,
            rejected: index[at + REJECTED]!,
            blank: index[at + BLANK]!,
            defaulted: extra?.defaulted ?? none,
            unknown: names === 0 ? [] : unknown[names - 1]!,
            crc32: index[at + CRC]!,
            truncated: kind === CUT_SHORT,
          }
        : undefined,
      error: extra?.error ? new FragmentError(extra.error.code, extra.error.message) : undefined,
    })
  }
  return frames
}
