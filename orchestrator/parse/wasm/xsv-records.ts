/**
 * Plain XSV records by the compiled kernel, as many as there are in a row; and the holes that it leaves, filled as the
 * TypeScript kernel would: same values, same rejects, same books.
 */
import type { ProgramColumn } from '../program.ts'
import { tooLong } from '../rejects.ts'
import type { Rows } from '../rows.ts'
import type { SlowCells } from '../xsv-cells.ts'
import type { Dialect } from '../xsv-dialect.ts'
import type { Layout } from '../xsv-layout.ts'
import { type Engine, FULL, HOLE_ROWS, LINES, MORE, ROWS, USED, WRITTEN } from './engine.ts'

const NO_BYTE = 256
/** Words of a hole, of a row with holes. */
const HOLE_WORDS = 4
const ROW_WORDS = 8
/** After a call that took nothing, so many records go by without another: doubled each time, up to the most. */
const MOST_PAUSE = 64

export class FastXsv {
  private readonly engine: Engine
  private readonly rows: Rows
  private readonly dialect: Dialect
  private readonly slow: SlowCells
  private readonly columns: ProgramColumn[]
  /** The layout whose tables were loaded last, and whether they fitted. */
  private layout: Layout | undefined
  private fits = false
  private pause = 0
  private nextPause = 1

  constructor(engine: Engine, rows: Rows, dialect: Dialect, slow: SlowCells) {
    this.engine = engine
    this.rows = rows
    this.dialect = dialect
    this.slow = slow
    this.columns = rows.program.columns
  }

  /** Before the first record of a call: the bytes are others. */
  begin(): void {
    this.engine.unload()
  }

  /** Takes records from b[at, n) on; where the first begins that it did not take. */
  records(b: Buffer, at: number, n: number, limit: number, layout: Layout): number {
    if (this.pause > 0) {
      this.pause--
      return at
    }
    if (!this.prepare(layout)) return at
    const { engine, rows } = this
    const { exports, done } = engine
    let i = at
    for (;;) {
      const from = engine.load(b, i, n)
      const most = Math.min(rows.maxRows - rows.published, 0xffff_ffff)
      const enough = Math.max(1, rows.frameBytes - (rows.out.length - rows.frameStart))
      const { maxRecordBytes, maxRowBytes } = rows
      const why = exports.xsv_records(from, engine.length, most, enough, maxRecordBytes, maxRowBytes)
      const used = done[USED]!
      const { line } = rows
      const { base } = engine
      this.take(b, base, limit, layout)
      rows.line = line + done[LINES]!
      i += used
      // Cut by the window, not by the input: the next window begins with the record that was cut.
      const isCut = why === MORE && base + engine.length < n
      if (used === 0 || (why !== FULL && !isCut) || rows.published >= rows.maxRows) break
      if (isCut) engine.unload()
    }
    if (i > at) this.nextPause = 1
    else {
      this.pause = this.nextPause
      this.nextPause = Math.min(this.nextPause * 2, MOST_PAUSE)
    }
    return i
  }

  private prepare(layout: Layout): boolean {
    const { engine, dialect } = this
    if (this.layout === layout && engine.user === this) return this.fits
    this.layout = layout
    engine.user = this
    const { delimiter, quote, escapeByte, comment, emptyIsNull, nulls } = dialect
    const { columns, source, isReordered, keys, keyAt, tail, cells } = layout
    const steps = Array.from(columns, (column, s) => ({
      key: keys.subarray(keyAt[s]!, keyAt[s + 1]!),
      column: this.columns[column],
      source: source[s]!,
    }))
    const tailAt = escapeByte >= 0 || cells > steps.length + 512 ? undefined : engine.tables(steps, tail)
    this.fits = tailAt !== undefined
    if (tailAt === undefined) return false
    const { exports } = engine
    const byte = (code: number) => (code < 0 ? NO_BYTE : code)
    exports.xsv_dialect(delimiter, byte(quote), byte(comment), Number(emptyIsNull))
    exports.xsv_layout(steps.length, cells, Number(isReordered), tailAt, tail.length)
    const maybeNull = new Uint8Array(engine.exports.memory.buffer, exports.maybe_null_at(), 256).fill(0)
    for (const value of nulls) maybeNull[value[0]!] = 1
    return true
  }

  /** The rows of the last call, in order, those without holes many at a time. */
  private take(b: Buffer, base: number, limit: number, layout: Layout): void {
    const { engine, rows } = this
    const { done, holeRows } = engine
    const { line } = rows
    let from = 0
    let rowsBefore = 0
    let hole = 0
    for (let r = 0; r < done[HOLE_ROWS]!; r++) {
      const at = r * ROW_WORDS
      const count = holeRows[at + 6]!
      this.plain(from, holeRows[at + 2]!, holeRows[at + 4]! - rowsBefore, layout)
      rows.line = line + holeRows[at + 5]!
      this.row(b, base, limit, { at, hole, count }, layout)
      from = holeRows[at + 3]!
      rowsBefore = holeRows[at + 4]! + 1
      hole += count
    }
    this.plain(from, done[WRITTEN]!, done[ROWS]! - rowsBefore, layout)
  }

  private plain(from: number, to: number, count: number, layout: Layout): void {
    if (count === 0) return
    const { rows } = this
    const { out } = rows
    const end = this.copy(out.length, from, to)
    out.length = end
    rows.many(end, count, layout.absent)
  }

  /** Copies what the kernel wrote to `o`; the new end. */
  private copy(o: number, from: number, to: number): number {
    const { out } = this.rows
    const length = to - from
    if (o + length > out.bytes.length) out.grow(o, length)
    out.bytes.set(this.engine.out.subarray(from, to), o)
    return o + length
  }

  /** A row with holes: each is filled by the full rules, or the record is rejected. */
  private row(
    b: Buffer,
    base: number,
    limit: number,
    place: { at: number; hole: number; count: number },
    layout: Layout,
  ) {
    const { engine, rows, slow, columns } = this
    const { holes, holeRows } = engine
    const { at, hole, count } = place
    const [start, end] = [base + holeRows[at]!, base + holeRows[at + 1]!]
    const o0 = rows.out.length
    let o = o0
    let from = holeRows[at + 2]!
    slow.begin()
    for (let h = hole; h < hole + count; h++) {
      const to = holes[h * HOLE_WORDS]!
      o = this.copy(o, from, to)
      from = to
      const column = columns[holes[h * HOLE_WORDS + 3]!]!
      if (slow.cell(b, base + holes[h * HOLE_WORDS + 1]!, end, limit, column) < -1) {
        rows.reject(b, start, end, slow.bad!)
        return
      }
      const { value } = slow
      if (o + value.length > rows.out.bytes.length) rows.out.grow(o, value.length)
      rows.out.bytes.set(value, o)
      o += value.length
    }
    o = this.copy(o, from, holeRows[at + 3]!)
    if (o - o0 > rows.maxRowBytes) {
      rows.reject(b, start, end, tooLong('row', rows.maxRowBytes))
      return
    }
    rows.out.length = o
    for (const c of layout.absent) slow.marked[slow.marks++] = c
    rows.row(o, slow.marked, slow.marks)
  }
}
