/**
 * XSV bytes to NDJSON bytes, validated while they are copied; no strings, no objects for a row that is as it should be.
 *
 *   for each record: for each cell: key bytes ▸ fast grammar ▸ (slow path) ▸ delimiter or end
 *     the input is used up       output and input back to the record's start; again when there is more
 *     a value, a quote is wrong  output back, the record is passed over by the quote rules and rejected
 *     the output is full         a larger one, output and input back to the record's start
 *
 * Behind the input stands LF, which stops every loop: none tests for the end. Writing behind the end of the output is
 * harmless (typed arrays ignore it) and noticed when the row ends, so nothing is reserved either.
 */
import { isUtf8 } from 'node:buffer'
import type { Kernel } from './kernel.ts'
import { endOfDecimal, endOfInteger, endOfReal, restorePoint } from './numbers.ts'
import { BOOLEAN, DATE, DECIMAL, INTEGER, REAL, STRING, TIMESTAMP } from './program.ts'
import { tooLong } from './rejects.ts'
import type { Rows } from './rows.ts'
import { BACKSLASH, CR, ESCAPE_LETTER, LF, QUOTE, writeControl } from './tables.ts'
import { endOfDate, endOfTimestamp } from './times.ts'
import type { Engine } from './wasm/engine.ts'
import { FastXsv } from './wasm/xsv-records.ts'
import { endOfBoolean, isTrueWord, writeBoolean } from './words.ts'
import { endsCell, hasSpaceAround, SlowCells } from './xsv-cells.ts'
import { type Dialect, dialectOf, MAYBE_EMPTY, PLAIN, QUOTED } from './xsv-dialect.ts'
import { type Grammars, grammarsOf, UNUSED } from './xsv-grammars.ts'
import { XsvHeader } from './xsv-header.ts'
import type { Layout } from './xsv-layout.ts'
import { UNDECIDED, XsvLines } from './xsv-lines.ts'
import { RecordScanner } from './xsv-record.ts'

const LETTER_T = 84
const LETTER_Z = 90

export class XsvKernel implements Kernel {
  readonly spare = 64
  private readonly rows: Rows
  private readonly dialect: Dialect
  private readonly grammars: Grammars
  private readonly header: XsvHeader
  private readonly slow: SlowCells
  private readonly lines: XsvLines
  private readonly fast: FastXsv | undefined

  /** With an `engine` plain records are its work. */
  constructor(rows: Rows, engine: Engine | null) {
    const { columns } = rows.program
    this.rows = rows
    this.dialect = dialectOf(rows.program)
    this.grammars = grammarsOf(columns, this.dialect)
    const scanner = new RecordScanner(this.dialect)
    this.header = new XsvHeader(rows, this.dialect, scanner)
    this.slow = new SlowCells(this.dialect, columns.length)
    this.lines = new XsvLines(rows, this.dialect, scanner, this.header)
    this.fast = engine === null ? undefined : new FastXsv(engine, rows, this.dialect, this.grammars, this.slow)
  }

  begin(): void {
    this.header.begin()
  }

  parse(b: Buffer, from: number, n: number, isFinal: boolean, isDoubtful: boolean): number {
    b[n] = LF
    let i = from
    while (!this.header.layout) {
      if (i >= n) return i
      const next = this.lines.other(b, i, n, isFinal)
      if (next === UNDECIDED) return i
      i = next >= 0 ? next : this.header.read(b, i, n, isFinal)
      if (i < 0) return -i - 1
    }
    return this.records(b, i, n, isFinal, isDoubtful, this.header.layout)
  }

  /**
   * The hot loop, one function on purpose: input, output and their places stay in registers. Cut into a function a cell
   * type it was slower by a third.
   */
  private records(b: Buffer, from: number, n: number, isFinal: boolean, isDoubtful: boolean, layout: Layout): number {
    const { rows, dialect, slow, lines } = this
    const { columns } = rows.program
    const { unquoted, quoted } = this.grammars
    const { marked } = slow
    const { delimiter, quote, escapeByte, first, ends, plainStops, quotedStops, lineStarts, emptyIsNull } = dialect
    const { columns: stepColumns, source, isReordered, keys, keyAt, tail } = layout
    const { maxRowBytes, maxRecordBytes, out } = rows
    const last = stepColumns.length - 1
    const limit = isFinal ? n : -1
    const plain = isDoubtful ? undefined : this.fast
    plain?.begin()
    let bytes = out.bytes
    let o = out.length
    let i = from
    while (i < n) {
      if (plain) {
        out.length = o
        i = plain.records(b, i, n, limit, layout)
        o = out.length
        bytes = out.bytes
        if (i >= n) break
      }
      if (lineStarts[b[i]!] !== 0) {
        const next = lines.other(b, i, n, isFinal)
        if (next === UNDECIDED) break
        if (next >= 0) {
          i = next
          continue
        }
      }
      if (rows.published >= rows.maxRows) {
        rows.truncated = true
        break
      }
      const r0 = i
      const o0 = o
      let newlines = 0
      let located = 0
      slow.begin()
      // biome-ignore lint/suspicious/noConfusingLabels: left from many places, and a function would cost speed
      record: {
        let end = 0
        if (isReordered) {
          end = slow.locate(b, i, n, limit, layout.cells)
          if (end < 0) break record
          located = slow.newlines
        }
        for (let s = 0; s <= last; s++) {
          for (let k = keyAt[s]!, e = keyAt[s + 1]!; k < e; k++) bytes[o++] = keys[k]!
          const c = stepColumns[s]!
          if (isReordered) i = slow.starts[source[s]!]!
          const start = i
          const value = o
          const before = newlines
          let ch = b[i]!
          const kind = first[ch]
          // biome-ignore lint/suspicious/noConfusingLabels: left from many places, and a function would cost speed
          cell: {
            // biome-ignore lint/suspicious/noConfusingLabels: left from many places, and a function would cost speed
            fast: {
              if (i < 0) break fast
              if (kind === QUOTED) i++
              else if (kind !== PLAIN && c >= 0) {
                let e = -1
                if (kind !== MAYBE_EMPTY) e = slow.nullEnd(b, i, limit)
                else if (emptyIsNull && endsCell(ends, b, i, limit)) e = i
                if (e >= 0) {
                  const { absent, absentCounts } = columns[c]!
                  if (absent === undefined) break fast
                  for (let k = 0; k < absent.length; k++) bytes[o++] = absent[k]!
                  if (absentCounts) marked[slow.marks++] = c
                  i = e
                  break cell
                }
              }
              let e = -1
              const column = columns[c]
              switch (c < 0 ? UNUSED : kind === QUOTED ? quoted[c] : unquoted[c]) {
                case STRING: {
                  bytes[o++] = QUOTE
                  if (kind === QUOTED) {
                    for (;;) {
                      ch = b[i]!
                      while (quotedStops[ch] === 0) {
                        bytes[o++] = ch
                        ch = b[++i]!
                      }
                      if (ch === quote) {
                        if (escapeByte >= 0 || b[i + 1] !== quote) break
                        i++
                      } else if (ch === escapeByte) ch = b[++i]!
                      if (i >= n) break fast
                      i++
                      if (ch === LF) newlines++
                      const letter = ESCAPE_LETTER[ch]!
                      if (letter === 0) bytes[o++] = ch
                      else {
                        bytes[o++] = BACKSLASH
                        bytes[o++] = letter
                        if (letter === 117) o = writeControl(bytes, o, ch)
                      }
                    }
                    i++
                    if (!endsCell(ends, b, i, limit)) break fast
                  } else {
                    for (;;) {
                      ch = b[i]!
                      while (plainStops[ch] === 0) {
                        bytes[o++] = ch
                        ch = b[++i]!
                      }
                      if (endsCell(ends, b, i, limit)) break
                      i++
                      const letter = ESCAPE_LETTER[ch]!
                      bytes[o++] = BACKSLASH
                      bytes[o++] = letter
                      if (letter === 117) o = writeControl(bytes, o, ch)
                    }
                  }
                  bytes[o++] = QUOTE
                  if (column!.trim && hasSpaceAround(b, start, i, kind === QUOTED)) break fast
                  break cell
                }
                case INTEGER:
                  e = endOfInteger(b, i, column!.most, column!.least)
                  break
                case REAL:
                  e = endOfReal(b, i, column!.point, column!.type.kind === 'float')
                  break
                case DECIMAL:
                  e = endOfDecimal(b, i, column!.point, column!.integerDigits, column!.fractionDigits)
                  break
                case BOOLEAN:
                  e = endOfBoolean(b, i)
                  break
                case DATE:
                  e = endOfDate(b, i)
                  break
                case TIMESTAMP:
                  e = endOfTimestamp(b, i)
                  break
                case UNUSED:
                  i = slow.end(b, start, n, limit)
                  if (i < 0) break fast
                  newlines += slow.newlines
                  break cell
                default:
                  break
              }
              if (e < 0) break fast
              const stop = kind === QUOTED ? e + 1 : e
              if ((kind === QUOTED && b[e] !== quote) || !endsCell(ends, b, stop, limit)) break fast
              const op = column!.op
              if (op === BOOLEAN) o = writeBoolean(bytes, o, isTrueWord(b[i]!))
              else if (op === INTEGER || op === REAL) while (i < e) bytes[o++] = b[i++]!
              else {
                bytes[o++] = QUOTE
                while (i < e) bytes[o++] = b[i++]!
                if (op === TIMESTAMP) {
                  bytes[value + 11] = LETTER_T
                  if (b[e - 1] !== LETTER_Z) bytes[o++] = LETTER_Z
                }
                bytes[o++] = QUOTE
              }
              if ((op === REAL || op === DECIMAL) && column!.point !== 46) restorePoint(bytes, value, o, column!.point)
              i = stop
              break cell
            }
            newlines = before
            o = value
            if (c < 0) break record
            i = slow.cell(b, start, n, limit, columns[c]!)
            if (i < -1) break record
            newlines += slow.newlines
            const text = slow.value
            for (let k = 0; k < text.length; k++) bytes[o++] = text[k]!
          }
          if (isReordered) continue
          ch = b[i]!
          if (s < last) {
            if (ch === delimiter) {
              i++
              continue
            }
            if (!dialect.allowRagged) break record
            o = slow.fillMissing(layout, columns, s + 1, bytes, o)
            if (o < 0) break record
            break
          }
          if (ch === delimiter) {
            if (!dialect.allowRagged) break record
            while (b[i] === delimiter) {
              i = slow.end(b, i + 1, n, limit)
              if (i < 0) break record
              newlines += slow.newlines
            }
          }
        }
        if (isReordered) {
          i = end
          newlines = located
        }
        i += b[i] === CR ? 2 : 1
        // The LF that ended the row is the sentinel: more of the row, or the LF of its CR, may follow.
        if (i > n) {
          if (!isFinal) break record
          i = n
        }
        for (let k = 0; k < tail.length; k++) bytes[o++] = tail[k]!
        if (isDoubtful && !isUtf8(b.subarray(r0, i))) break record
        if (i - r0 > maxRecordBytes) break record
        if (o - o0 > maxRowBytes) {
          slow.bad = tooLong('row', maxRowBytes)
          break record
        }
        if (o > bytes.length) {
          bytes = out.grow(o0, o - o0)
          o = o0
          i = r0
          continue
        }
        if (layout.absent.length > 0) for (const c of layout.absent) marked[slow.marks++] = c
        rows.row(o, marked, slow.marks)
        rows.line += newlines + 1
        continue
      }
      o = o0
      // A reject may close the frame.
      out.length = o
      i = lines.refuse(b, r0, n, isFinal, slow.bad, layout.cells)
      if (i < 0) {
        i = r0
        break
      }
    }
    out.length = o
    return i
  }

  startSkip(b: Uint8Array, from: number, n: number): void {
    this.lines.startSkip(b, from, n)
  }

  skip(b: Uint8Array, from: number, n: number): number {
    return this.lines.skip(b, from, n)
  }

  endSkip(): void {
    this.lines.endSkip()
  }
}
