/**
 * The slow path of XSV, cell by cell: what the kernel's fast grammars did not take is cut out, unquoted and converted as
 * text. It also passes over cells that no column uses.
 */

import type { ProgramColumn } from './program.ts'
import { trimmed } from './scalar-text.ts'
import { Substitute } from './substitute.ts'
import type { Dialect } from './xsv-dialect.ts'
import type { Layout } from './xsv-layout.ts'

const NOTHING = Buffer.alloc(0)

export class SlowCells extends Substitute {
  /** Newlines inside of the last cell. */
  newlines = 0
  /** True when the last cell had quotes and its bytes are not its text. */
  private hasEscapes = false
  /** Where each cell of this record begins, -1 for one that is missing; filled by `locate`. */
  starts = new Int32Array(0)
  private readonly dialect: Dialect

  constructor(dialect: Dialect, columns: number) {
    super(columns)
    this.dialect = dialect
  }

  /** Converts the cell at `start`, -1 for one that is missing; its end, or -2 with `bad`. `limit`: see endsCell. */
  cell(b: Buffer, start: number, n: number, limit: number, column: ProgramColumn): number {
    this.newlines = 0
    if (start < 0) return this.absent(column) ? -1 : -2
    const end = this.end(b, start, n, limit)
    if (end < 0) return -2
    const { quote, ends, quotedEnds, emptyIsNull, nullValues } = this.dialect
    if (b[start] === quote) {
      if (!this.hasEscapes && this.read(column, b, start + 1, end - 1, quotedEnds)) return end
      return this.text(column, this.unquoted(b, start + 1, end - 1)) ? end : -2
    }
    if (end === start ? emptyIsNull : this.nullEnd(b, start, limit) === end) return this.absent(column) ? end : -2
    if (this.read(column, b, start, end, ends)) return end
    const text = b.toString('utf8', start, end)
    const isNull = column.trim && nullValues.has(trimmed(text))
    return (isNull ? this.absent(column) : this.text(column, text)) ? end : -2
  }

  /** Writes the steps from `from` on as cells that are missing (`ragged: allow`); the new end, or -1 with `bad`. */
  fillMissing(layout: Layout, columns: ProgramColumn[], from: number, bytes: Uint8Array, start: number): number {
    const { columns: stepColumns, keyAt, keys } = layout
    let o = start
    for (let s = from; s < stepColumns.length; s++) {
      for (let k = keyAt[s]!; k < keyAt[s + 1]!; k++) bytes[o++] = keys[k]!
      const column = columns[stepColumns[s]!]
      if (!column) continue
      if (this.cell(NOTHING, -1, 0, -1, column) === -2) return -1
      for (let k = 0; k < this.value.length; k++) bytes[o++] = this.value[k]!
    }
    return o
  }

  /** Notes where each cell begins; the place where the last one ends, or -1. `newlines` are those of all cells. */
  locate(b: Buffer, start: number, n: number, limit: number, cells: number): number {
    const { dialect } = this
    if (this.starts.length < cells) this.starts = new Int32Array(cells)
    const { starts } = this
    let newlines = 0
    let cell = 0
    let i = start
    for (; ; i++) {
      if (cell < cells) starts[cell] = i
      cell++
      i = this.end(b, i, n, limit)
      if (i < 0) return -1
      newlines += this.newlines
      if (b[i] !== dialect.delimiter) break
    }
    this.newlines = newlines
    if (cell !== cells && !dialect.allowRagged) return -1
    for (; cell < cells; cell++) starts[cell] = -1
    return i
  }

  /** Where the cell at `start` ends: at a delimiter, LF or CRLF; -1 with `bad` when its quotes are wrong or not closed. */
  end(b: Uint8Array, start: number, n: number, limit: number): number {
    const { delimiter, quote, escapeByte, ends } = this.dialect
    this.newlines = 0
    this.hasEscapes = false
    let i = start
    if (b[i] !== quote) {
      for (;;) {
        while (ends[b[i]!] === 0) i++
        if (b[i] !== 13 || endsCell(ends, b, i, limit)) return i
        i++
      }
    }
    for (i++; i < n; i++) {
      const ch = b[i]!
      if (ch === quote) {
        if (escapeByte >= 0 || b[i + 1] !== quote) {
          if (b[i + 1] === delimiter || endsCell(ends, b, i + 1, limit)) return i + 1
          break
        }
        i++
        this.hasEscapes = true
      } else if (ch === escapeByte) {
        i++
        this.hasEscapes = true
        if (b[i] === 10) this.newlines++
      } else if (ch === 10) this.newlines++
    }
    this.bad = { code: 'row.quote', message: 'text behind the closing quote of a cell' }
    return -1
  }

  /** Where a null value ends that is the whole cell at `start`, or -1. */
  nullEnd(b: Uint8Array, start: number, limit: number): number {
    const { nulls, ends } = this.dialect
    next: for (const value of nulls) {
      for (let k = 0; k < value.length; k++) if (b[start + k] !== value[k]) continue next
      if (endsCell(ends, b, start + value.length, limit)) return start + value.length
    }
    return -1
  }

  private unquoted(b: Buffer, start: number, end: number): string {
    const { quote, escapeByte } = this.dialect
    const bytes = Buffer.allocUnsafe(end - start)
    let length = 0
    for (let i = start; i < end; i++) {
      if (escapeByte >= 0 ? b[i] === escapeByte : b[i] === quote) i++
      bytes[length++] = b[i]!
    }
    return bytes.toString('utf8', 0, length)
  }
}

/**
 * True when an unquoted cell ends at `i`. `limit` is the end of the fragment, or -1 before it: a CR there is data, since
 * the LF behind it is only the sentinel.
 */
export function endsCell(ends: Uint8Array, b: Uint8Array, i: number, limit: number): boolean {
  const end = ends[b[i]!]
  return end === 1 || (end === 2 && b[i + 1] === 10 && i + 1 !== limit)
}

/** True when the text of the cell b[start, end) begins or ends with a space or tab. */
export function hasSpaceAround(b: Uint8Array, start: number, end: number, isQuoted: boolean): boolean {
  const first = b[isQuoted ? start + 1 : start]!
  const last = b[isQuoted ? end - 2 : end - 1]!
  return first === 32 || first === 9 || last === 32 || last === 9
}
