/** Records as a whole: lines that are none, records that are rejected, and records too long to be held. */

import type { Bad } from './rejects.ts'
import type { Rows } from './rows.ts'
import { CR, LF } from './tables.ts'
import type { Dialect } from './xsv-dialect.ts'
import type { XsvHeader } from './xsv-header.ts'
import type { RecordScanner } from './xsv-record.ts'

/** More bytes are needed to tell. */
export const UNDECIDED = -2

export class XsvLines {
  private readonly rows: Rows
  private readonly dialect: Dialect
  private readonly scanner: RecordScanner
  private readonly header: XsvHeader
  /** Offset of the record that is passed over. */
  private skipFrom = 0

  constructor(rows: Rows, dialect: Dialect, scanner: RecordScanner, header: XsvHeader) {
    this.rows = rows
    this.dialect = dialect
    this.scanner = scanner
    this.header = header
  }

  /** Passes over a blank or comment line: the place behind it, UNDECIDED, or -1 when the line at `i` is neither. */
  other(b: Buffer, i: number, n: number, isFinal: boolean): number {
    let end = -1
    if (b[i] === LF) end = i + 1
    else if (b[i] === CR) {
      if (i + 1 >= n) return isFinal ? -1 : UNDECIDED
      if (b[i + 1] === LF) end = i + 2
    } else if (b[i] === this.dialect.comment) {
      end = b.indexOf(LF, i) + 1
      if (end > n) {
        if (!isFinal) return UNDECIDED
        end = n
      }
      if (end - i > this.rows.maxRecordBytes) return -1
    }
    if (end < 0) return -1
    this.rows.blank++
    this.rows.line++
    return end
  }

  /** Rejects the record at `start` and returns the place behind it, or -1 when it is not whole. */
  refuse(b: Buffer, start: number, n: number, isFinal: boolean, bad: Bad | undefined, cells: number): number {
    const { rows, scanner } = this
    scanner.start()
    let end = scanner.scan(b, start, n)
    if (end < 0) {
      if (!isFinal) return -1
      scanner.checkClosed(rows.base + start, rows.line)
      end = n
    }
    const found = `${scanner.cells} ${scanner.cells === 1 ? 'cell' : 'cells'} where ${cells} are needed`
    rows.reject(b, start, end, bad ?? { code: 'row.columns', message: found })
    rows.line += scanner.newlines + 1
    return end
  }

  startSkip(b: Uint8Array, from: number, n: number): void {
    this.header.checkNotTooLong(this.rows.maxRecordBytes + 1)
    this.scanner.start()
    this.skipFrom = this.rows.base + from
    this.skip(b, from, n)
  }

  skip(b: Uint8Array, from: number, n: number): number {
    const end = this.scanner.scan(b, from, n)
    if (end >= 0) this.rows.line += this.scanner.newlines + 1
    return end
  }

  endSkip(): void {
    this.scanner.checkClosed(this.skipFrom, this.rows.line)
  }
}
