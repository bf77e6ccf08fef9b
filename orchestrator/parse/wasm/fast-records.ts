/**
 * What a call of a compiled kernel made, taken over in order: plain rows many at a time, and rows with holes one by one,
 * filled as the TypeScript kernel would: same values, same rejects, same books.
 */
import { tooLong } from '../rejects.ts'
import type { Rows } from '../rows.ts'
import type { Substitute } from '../substitute.ts'
import { type Engine, FULL, HOLE_ROWS, LINES, MORE, ROWS, STATE, USED, WRITTEN } from './engine.ts'

/** Words of a hole, of a row with holes. */
export const HOLE_WORDS = 4
const ROW_WORDS = 8
/** After a call that took nothing, so many records go by without another: doubled each time, up to the most. */
const MOST_PAUSE = 64
const LONG_COPY = 64

const NONE = new Int32Array(0)

export abstract class FastRecords {
  protected readonly engine: Engine
  protected readonly rows: Rows
  /** Columns that take their default in every row. */
  protected absent: Int32Array = NONE
  /** Of the last call that took something: see the kernel. */
  state = 0
  private readonly substitute: Substitute
  private pause = 0
  private nextPause = 1

  constructor(engine: Engine, rows: Rows, substitute: Substitute) {
    this.engine = engine
    this.rows = rows
    this.substitute = substitute
  }

  /** Before the first record of a call: the bytes are others. */
  begin(): void {
    this.engine.unload()
  }

  /** The kernel itself, on the window; why it came back. */
  protected abstract call(from: number, n: number, mostRows: number, enough: number): number
  /** Converts what hole `h` stands for; false with the substitute's `bad`. `base`: where the window begins in b. */
  protected abstract fill(b: Buffer, base: number, h: number): boolean

  /** Takes records from b[at, n) on; where the first begins that was not taken. */
  protected run(b: Buffer, at: number, n: number): number {
    if (this.pause > 0) {
      this.pause--
      return at
    }
    const { engine, rows } = this
    const { done } = engine
    let i = at
    while (i < n && rows.published < rows.maxRows) {
      const from = engine.load(b, i, n)
      const most = Math.min(rows.maxRows - rows.published, 0xffff_ffff)
      const enough = Math.max(1, rows.frameBytes - (rows.out.length - rows.frameStart))
      const why = this.call(from, engine.length, most, enough)
      const used = done[USED]!
      const { base } = engine
      if (used > 0) this.take(b, base)
      i += used
      if (why === FULL) continue
      // Cut by the window, not by the input: the next window begins with the record that was cut.
      if (why !== MORE || base + engine.length >= n || used + from === 0) break
      engine.unload()
    }
    if (i > at) this.nextPause = 1
    else {
      this.pause = this.nextPause
      this.nextPause = Math.min(this.nextPause * 2, MOST_PAUSE)
    }
    return i
  }

  private take(b: Buffer, base: number): void {
    const { engine, rows } = this
    const { done, holeRows } = engine
    const { line } = rows
    let from = 0
    let rowsBefore = 0
    let hole = 0
    for (let r = 0; r < done[HOLE_ROWS]!; r++) {
      const at = r * ROW_WORDS
      this.plain(from, holeRows[at + 2]!, holeRows[at + 4]! - rowsBefore)
      rows.line = line + holeRows[at + 5]!
      this.row(b, base, at, hole)
      from = holeRows[at + 3]!
      rowsBefore = holeRows[at + 4]! + 1
      hole += holeRows[at + 6]!
    }
    this.plain(from, done[WRITTEN]!, done[ROWS]! - rowsBefore)
    rows.line = line + done[LINES]!
    this.state = done[STATE]!
  }

  private plain(from: number, to: number, count: number): void {
    if (count === 0) return
    const { rows } = this
    const end = this.copy(rows.out.length, from, to)
    rows.out.length = end
    rows.many(end, count, this.absent)
  }

  /** Copies what the kernel wrote to `o`; the new end. */
  private copy(o: number, from: number, to: number): number {
    return this.append(o, this.engine.out, from, to)
  }

  private append(o: number, bytes: Uint8Array, from: number, to: number): number {
    const { out } = this.rows
    const end = o + to - from
    if (end > out.bytes.length) out.grow(o, to - from)
    const into = out.bytes
    // Keys and single values: a loop is done before a native copy has begun, and makes no view.
    if (to - from < LONG_COPY) for (let i = from, k = o; i < to; ) into[k++] = bytes[i++]!
    else into.set(bytes.subarray(from, to), o)
    return end
  }

  /** The row at word `at` of the rows with holes, the first of which is `hole`: filled, or its record is rejected. */
  private row(b: Buffer, base: number, at: number, hole: number): void {
    const { engine, rows, substitute } = this
    const { holes, holeRows } = engine
    const [start, end] = [base + holeRows[at]!, base + holeRows[at + 1]!]
    const o0 = rows.out.length
    let o = o0
    let from = holeRows[at + 2]!
    substitute.begin()
    for (let h = hole; h < hole + holeRows[at + 6]!; h++) {
      const to = holes[h * HOLE_WORDS]!
      o = this.copy(o, from, to)
      from = to
      if (!this.fill(b, base, h)) {
        rows.reject(b, start, end, substitute.bad!)
        return
      }
      o = this.append(o, substitute.value, 0, substitute.value.length)
    }
    o = this.copy(o, from, holeRows[at + 3]!)
    if (o - o0 > rows.maxRowBytes) {
      rows.reject(b, start, end, tooLong('row', rows.maxRowBytes))
      return
    }
    rows.out.length = o
    for (const c of this.absent) substitute.marked[substitute.marks++] = c
    rows.row(o, substitute.marked, substitute.marks)
  }
}
