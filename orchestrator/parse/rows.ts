/**
 * The books of one fragment: rows published, rejected and skipped, where they are in the source, frames, totals.
 *
 * The kernels write row bytes straight into `out` and tell it here when a row, or something else, is complete.
 */
import { isUtf8 } from 'node:buffer'
import { crc32 } from 'node:zlib'
import type { Column } from '../connector/definition.ts'
import { FragmentError } from '../errors.ts'
import type { Reject } from '../refresh/ports.ts'
import type { Output } from './output.ts'
import { checkPinned } from './pinned.ts'
import { compileColumn, type Program } from './program.ts'
import { type Bad, describe, tooLong, wrongEncoding } from './rejects.ts'

const RAW_BYTES = 16 * 1024
/** Rejects that go out in a frame of their own, by their raw bytes: many bad rows never fill the memory (promise 5). */
const REJECTS_BYTES = 256 * 1024
/** Longest record of the source that is held in memory; a longer one is skipped as a stream. */
const MAX_RECORD_BYTES = 8 * 1024 * 1024

export interface Limits {
  /** Longest published row. */
  maxRowBytes: number
  /** NDJSON bytes of a frame, about. */
  frameBytes: number
  /** Stop after so many published rows. */
  maxRows?: number | undefined
  /** Longest record of the source. */
  maxRecordBytes?: number | undefined
}

export class Rows {
  /** Its columns are the fragment's own while the schema is derived. */
  program: Program
  readonly out: Output
  maxRowBytes = 0
  frameBytes = 0
  maxRows = Number.POSITIVE_INFINITY
  maxRecordBytes = MAX_RECORD_BYTES

  fragment = 0
  /** Offset in the fragment of the first byte that the kernel sees. */
  base = 0
  /** Physical line of the next record, from 1. */
  line = 1
  published = 0
  rejected = 0
  blank = 0
  truncated = false
  unknown: string[] = []
  /** Where the unfinished frame begins in `out`. */
  frameStart = 0
  private frameRows = 0
  private rejects: Reject[] = []
  private rejectBytes = 0
  private defaulted: number[] | undefined
  private crc = 0
  /** Bytes of the unfinished frame, between two messages. */
  private carried: Uint8Array | undefined

  private readonly given: Program

  constructor(program: Program, out: Output) {
    this.program = this.given = program
    this.out = out
  }

  configure({ maxRowBytes, frameBytes, maxRows, maxRecordBytes }: Limits): void {
    this.maxRowBytes = maxRowBytes
    this.frameBytes = frameBytes
    this.maxRows = maxRows ?? Number.POSITIVE_INFINITY
    this.maxRecordBytes = maxRecordBytes ?? MAX_RECORD_BYTES
  }

  begin(fragment: number): void {
    this.program = this.given
    this.fragment = fragment
    this.base = 0
    this.line = 1
    this.published = 0
    this.rejected = 0
    this.blank = 0
    this.truncated = false
    this.unknown = []
    this.frameStart = this.out.length
    this.frameRows = 0
    this.rejects = []
    this.rejectBytes = 0
    this.defaulted = undefined
    this.crc = 0
    this.carried = undefined
  }

  /** A new message: its output begins with what the last one left unfinished. */
  resume(): void {
    const { out, carried } = this
    this.frameStart = out.length
    if (!carried) return
    if (out.length + carried.length > out.bytes.length) out.grow(out.length, carried.length)
    out.bytes.set(carried, out.length)
    out.length += carried.length
    this.carried = undefined
  }

  /** The message is over but the fragment is not. */
  suspend(): void {
    const { out } = this
    if (out.length > this.frameStart) this.carried = out.bytes.slice(this.frameStart, out.length)
    out.length = this.frameStart
  }

  /**
   * The columns that a fragment brings by itself, as soon as they are known and before its first row: they become the
   * program's when there are none, and must agree with those that an earlier fragment brought. Nothing to do for
   * `declared` ones, so `found` is only called when somebody wants to know.
   */
  adopt(found: () => Column[]): void {
    const { program, out } = this
    if (program.schema === 'declared') return
    const columns = found()
    if (program.schema === 'derive') {
      this.program = { ...program, columns: columns.map(compileColumn) }
      out.derived(this.fragment, columns)
    } else checkPinned(program.columns, columns)
  }

  /** A row ends at `o`. `marks` of the columns in `marked` took their default. */
  row(o: number, marked: Int32Array, marks: number): void {
    this.published++
    this.frameRows++
    if (marks > 0) {
      this.defaulted ??= new Array<number>(this.program.columns.length).fill(0)
      for (let m = 0; m < marks; m++) this.defaulted[marked[m]!]!++
    }
    if (o - this.frameStart >= this.frameBytes) this.cut(o)
  }

  /** `count` rows end at `o`, all of which took the default of the columns in `absent`. */
  many(o: number, count: number, absent: Int32Array): void {
    this.published += count
    this.frameRows += count
    if (absent.length > 0) {
      this.defaulted ??= new Array<number>(this.program.columns.length).fill(0)
      for (const c of absent) this.defaulted[c]! += count
    }
    if (o - this.frameStart >= this.frameBytes) this.cut(o)
  }

  /** Promise 6: a record that is not published is kept with its reason. `end` is behind its last byte. */
  reject(b: Uint8Array, start: number, end: number, bad: Bad): void {
    const record = b.subarray(start, end)
    let why = bad
    if (record.length > this.maxRecordBytes) {
      this.rejectTooLong(start, record)
      return
    }
    if (!isUtf8(record)) why = wrongEncoding(record)
    else if (bad.fatal) throw new FragmentError('fragment.value', this.placed(bad, this.line))
    let length = record.length
    if (b[start + length - 1] === 10) length -= b[start + length - 2] === 13 && length > 1 ? 2 : 1
    const raw = copied(record.subarray(0, Math.min(length, RAW_BYTES)))
    this.keep(why, { line: this.line, byteOffset: this.base + start, raw, truncated: length > RAW_BYTES })
  }

  /** The same for a record of a format without lines; `byteOffset` as Reject has it. */
  rejectTyped(bad: Bad, record: Uint8Array, byteOffset: number | null): void {
    if (bad.fatal) throw new FragmentError('fragment.value', this.placed(bad, null))
    const raw = copied(record.subarray(0, RAW_BYTES))
    this.keep(bad, { line: null, byteOffset, raw, truncated: record.length > RAW_BYTES })
  }

  /** A record longer than may be held; `head` is its beginning. The line is moved on by whoever skips the rest. */
  rejectTooLong(start: number, head: Uint8Array): void {
    const raw = copied(head.subarray(0, Math.min(RAW_BYTES, this.maxRecordBytes)))
    const bad = tooLong('record', this.maxRecordBytes)
    this.keep(bad, { line: this.line, byteOffset: this.base + start, raw, truncated: true })
  }

  /** The end: totals, or the percentage of rejects that is too much. */
  finish(): void {
    const { out, program, published, rejected, blank } = this
    const read = published + rejected
    const { maxPercent } = program.rejects
    // The ceiling lets one bad row of three pass.
    if (maxPercent !== undefined && rejected > Math.ceil((read * maxPercent) / 100)) {
      const share = `${rejected} of ${read} rows were rejected, more than rejects.max_percent ${maxPercent}`
      throw new FragmentError('fragment.rejects', `${share}; the last: ${this.lastReject}`)
    }
    const { frameStart, unknown, truncated, defaulted } = this
    const crc32 = this.checksum(out.length)
    const counts = { read, published, rejected, blank, crc32, defaulted, unknown, truncated }
    out.last(this.fragment, frameStart, out.length, this.frameRows, this.rejects, counts)
    this.frameStart = out.length
  }

  private lastReject = ''

  private cut(o: number): void {
    this.crc = this.checksum(o)
    this.out.frame(this.fragment, this.frameStart, o, this.frameRows, this.rejects)
    this.frameStart = o
    this.frameRows = 0
    this.rejects = []
    this.rejectBytes = 0
  }

  private checksum(o: number): number {
    const { frameStart, out } = this
    return o === frameStart ? this.crc : crc32(out.bytes.subarray(frameStart, o), this.crc)
  }

  private keep(bad: Bad, place: Pick<Reject, 'line' | 'byteOffset' | 'raw' | 'truncated'>): void {
    const { max } = this.program.rejects
    this.rejected++
    const { rejected } = this
    const rowNumber = this.published + rejected
    const column = bad.column?.name ?? null
    const message = describe(bad)
    this.lastReject = `row ${rowNumber}${atLine(place.line)}: ${bad.code}: ${message}`
    if (rejected > max) {
      throw new FragmentError(
        'fragment.rejects',
        `${rejected} rows were rejected, more than rejects.max ${max}; the last: ${this.lastReject}`,
      )
    }
    const { line, byteOffset, raw, truncated } = place
    this.rejects.push({ rowNumber, line, byteOffset, column, code: bad.code, message, raw, truncated })
    this.rejectBytes += raw.length + message.length
    if (this.rejectBytes >= REJECTS_BYTES) this.cut(this.out.length)
  }

  private placed(bad: Bad, line: number | null): string {
    const row = this.published + this.rejected + 1
    return `row ${row}${atLine(line)}, column ${JSON.stringify(bad.column?.name ?? '')}: ${bad.code}: ${describe(bad)} (on_invalid: fail)`
  }
}

const atLine = (line: number | null) => (line === null ? '' : `, line ${line}`)

/** A copy that keeps nothing else alive. `slice` of a Buffer would be a view. */
function copied(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
