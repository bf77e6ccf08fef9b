/** The header lines of a fragment. Many small fragments have the same: it is compared as bytes before it is read again. */
import { FragmentError } from '../errors.ts'
import type { Rows } from './rows.ts'
import { trimmed } from './scalar-text.ts'
import type { Dialect } from './xsv-dialect.ts'
import { type Layout, layoutByHeader, layoutByPosition } from './xsv-layout.ts'
import { cellTexts, type RecordScanner } from './xsv-record.ts'

export class XsvHeader {
  /** Undefined until the header was read. */
  layout: Layout | undefined
  private readonly rows: Rows
  private readonly dialect: Dialect
  private readonly scanner: RecordScanner
  private left = 0
  private known: { bytes: Buffer; layout: Layout } | undefined

  constructor(rows: Rows, dialect: Dialect, scanner: RecordScanner) {
    this.rows = rows
    this.dialect = dialect
    this.scanner = scanner
  }

  begin(): void {
    const { dialect, rows } = this
    this.left = dialect.headerLines
    this.layout = undefined
    if (this.left > 0) return
    this.known ??= { bytes: Buffer.alloc(0), layout: layoutByPosition(rows.program.columns) }
    this.layout = this.known.layout
  }

  /** Reads the header line at `start`: the place behind it, or -start - 1 when it is not whole. */
  read(b: Buffer, start: number, n: number, isFinal: boolean): number {
    const { rows, scanner } = this
    scanner.start()
    let end = scanner.scan(b, start, n)
    if (end < 0) {
      if (!isFinal) return -start - 1
      scanner.checkClosed(rows.base + start, rows.line)
      end = n
    }
    this.checkNotTooLong(end - start)
    if (--this.left === 0) {
      this.layout = this.layoutOf(b, start, end)
      rows.unknown = this.layout.unknown
    }
    rows.line += scanner.newlines + 1
    return end
  }

  checkNotTooLong(bytes: number): void {
    const { maxRecordBytes } = this.rows
    if (this.layout || bytes <= maxRecordBytes) return
    throw new FragmentError(
      'fragment.limit',
      `the header is longer than ${maxRecordBytes} bytes; is the delimiter or the quote wrong?`,
    )
  }

  private layoutOf(b: Buffer, start: number, end: number): Layout {
    const { known, dialect, rows } = this
    if (known && b.compare(known.bytes, 0, known.bytes.length, start, end) === 0) return known.layout
    const cells = cellTexts(b, start, end, dialect)
    const layout = layoutByHeader(rows.program.columns, dialect.trimHeader ? cells.map(trimmed) : cells)
    this.known = { bytes: Buffer.from(b.subarray(start, end)), layout }
    return layout
  }
}
