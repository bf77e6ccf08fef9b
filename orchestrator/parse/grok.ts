/**
 * Lines of a log to NDJSON bytes, by patterns.
 *
 *   up to 1,000 lines or 256 KiB ▸ texts ▸ GrokMatcher: captures ▸ GrokRow: NDJSON, in the order of the lines
 *
 * A line ends with LF or CRLF; a CR alone is data. Blank lines are skipped and counted.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { FragmentError } from '../errors.ts'
import { EXHAUSTED, GrokMatcher, LINE_MS, MATCHED, MAX_TIMEOUTS, TIMED_OUT } from './grok-matcher.ts'
import { GrokRow } from './grok-row.ts'
import { GrokUnknown } from './grok-unknown.ts'
import type { Kernel } from './kernel.ts'
import { type Bad, shown, tooLong } from './rejects.ts'
import type { Rows } from './rows.ts'
import { CR, LF } from './tables.ts'

const BATCH_LINES = 1000
const BATCH_BYTES = 256 * 1024
/** Promise 5: what is captured of a batch is held at once. */
const BATCH_CAPTURES = 100_000

export class GrokKernel implements Kernel {
  readonly spare = 1
  private readonly rows: Rows
  private readonly maxRowBytes: number
  /** As connector.yaml writes them. */
  private readonly texts: string[]
  private readonly matcher: GrokMatcher
  private readonly row: GrokRow
  private readonly unknown: GrokUnknown
  private timeouts = 0
  /** Where the lines of the batch begin, and where the last one ends. */
  private readonly starts: Uint32Array

  constructor(rows: Rows) {
    const { parser, columns } = rows.program
    if (parser.type !== 'grok') throw new TypeError(`no grok parser: ${parser.type}`)
    this.rows = rows
    this.maxRowBytes = parser.maxRowBytes
    this.texts = parser.patterns.map(({ text }) => text)
    const lines = Math.min(BATCH_LINES, Math.ceil(BATCH_CAPTURES / columns.length))
    this.starts = new Uint32Array(lines + 1)
    this.matcher = new GrokMatcher(parser.patterns, columns, lines)
    this.row = new GrokRow(columns)
    this.unknown = new GrokUnknown(parser.patterns, columns)
  }

  begin(): void {
    const { rows } = this
    rows.maxRecordBytes = Math.min(rows.maxRecordBytes, this.maxRowBytes)
    this.timeouts = 0
    this.matcher.begin()
    this.unknown.begin()
  }

  parse(b: Buffer, from: number, n: number, isFinal: boolean, isDoubtful: boolean): number {
    const { rows, matcher } = this
    b[n] = LF
    let i = from
    while (!rows.truncated) {
      const count = this.collect(b, i, n, isFinal)
      if (count === 0) break
      matcher.match(this.decode(b, count, isDoubtful))
      i = this.publish(b, count)
      matcher.forget()
    }
    return i
  }

  /** Notes where the next lines begin; how many there are. */
  private collect(b: Buffer, from: number, n: number, isFinal: boolean): number {
    const { starts } = this
    const most = starts.length - 1
    starts[0] = from
    let count = 0
    for (let i = from; i < n && count < most && i - from < BATCH_BYTES; ) {
      const end = b.indexOf(LF, i) + 1
      // The LF is the sentinel: more of the line may follow.
      if (end > n && !isFinal) break
      i = Math.min(end, n)
      starts[++count] = i
    }
    return count
  }

  /** The lines as texts; undefined for one that is blank, too long or no UTF-8. */
  private decode(b: Buffer, count: number, isDoubtful: boolean): (string | undefined)[] {
    const { starts, rows } = this
    const first = starts[0]!
    const batch = b.subarray(first, starts[count]!)
    // Cut out of one text, ASCII lines cost half of what decoding each of them does.
    const whole = isAscii(batch) ? batch.toString('latin1') : undefined
    const lines = new Array<string | undefined>(count)
    for (let k = 0; k < count; k++) {
      const start = starts[k]!
      const end = contentEnd(b, start, starts[k + 1]!)
      if (end === start || starts[k + 1]! - start > rows.maxRecordBytes) continue
      if (whole !== undefined) lines[k] = whole.slice(start - first, end - first)
      else if (!isDoubtful || isUtf8(b.subarray(start, end))) lines[k] = b.toString('utf8', start, end)
    }
    return lines
  }

  /** Rows and rejects of the batch, in order; the place behind the last line that was taken. */
  private publish(b: Buffer, count: number): number {
    const { rows, matcher, starts } = this
    for (let k = 0; k < count; k++) {
      const start = starts[k]!
      const end = starts[k + 1]!
      if (contentEnd(b, start, end) === start) {
        rows.blank++
        rows.line++
        continue
      }
      if (rows.published >= rows.maxRows) {
        rows.truncated = true
        return start
      }
      const outcome = matcher.outcomes[k]!
      const bad = outcome === MATCHED ? this.write(k) : this.refusal(outcome, k)
      if (bad) rows.reject(b, start, end, bad)
      if (outcome === TIMED_OUT) this.countTimeout(k)
      rows.line++
    }
    return starts[count]!
  }

  /** Publishes the row of line `k`; why it cannot be, if so. */
  private write(k: number): Bad | undefined {
    const { rows, row, matcher } = this
    const { out, maxRowBytes } = rows
    const first = k * rows.program.columns.length
    const start = out.length
    let o = row.write(matcher.captures, first, out.bytes, start, maxRowBytes)
    if (o < 0) return row.bad
    if (o - start > maxRowBytes) return tooLong('row', maxRowBytes)
    if (o > out.bytes.length) {
      out.grow(start, o - start)
      o = row.write(matcher.captures, first, out.bytes, start, maxRowBytes)
    }
    out.length = o
    rows.row(o, row.marked, row.marks)
    rows.unknown = this.unknown.after(matcher.patterns[k]!)
    return undefined
  }

  /** Why the line has no row. Of one that was not tried `rows.reject` sees why. */
  private refusal(outcome: number, k: number): Bad {
    const { texts } = this
    const pattern = shown(texts[this.matcher.patterns[k]!]!)
    if (outcome === TIMED_OUT)
      return { code: 'row.timeout', message: `the pattern ${pattern} did not come to an end in ${LINE_MS} ms` }
    if (outcome === EXHAUSTED)
      return { code: 'row.timeout', message: `the pattern ${pattern} needs more memory for this line than there is` }
    const which = texts.length === 1 ? `the pattern ${pattern}` : `any of the ${texts.length} patterns`
    return { code: 'row.no_match', message: `the line does not match ${which}` }
  }

  /** A pattern that hangs on many lines would take 1.1 s for each of them. */
  private countTimeout(k: number): void {
    if (++this.timeouts < MAX_TIMEOUTS) return
    const pattern = shown(this.texts[this.matcher.patterns[k]!]!)
    throw new FragmentError(
      'fragment.stalled',
      `on ${MAX_TIMEOUTS} lines, the last is line ${this.rows.line}, the pattern ${pattern} did not come to an end in ${LINE_MS} ms: it tries too many ways through a line. Repeat nothing that repeats, as in (a+)+, or make it atomic: (?>a+)+`,
    )
  }

  startSkip(): void {
    // A line has no state: its end is the next LF.
  }

  skip(b: Uint8Array, from: number, n: number): number {
    const end = b.indexOf(LF, from) + 1
    if (end === 0 || end > n) return -1
    this.rows.line++
    return end
  }

  endSkip(): void {
    // The end of the fragment ends a line too.
  }
}

/** Where the text of the line b[start, end) ends. */
function contentEnd(b: Uint8Array, start: number, end: number): number {
  if (b[end - 1] !== LF) return end
  return end - 2 >= start && b[end - 2] === CR ? end - 2 : end - 1
}
