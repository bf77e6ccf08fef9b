/**
 * Where a record ends by the quote rules alone, whatever its cells hold. It can stop at any byte and go on with the next
 * piece, so records that are too long to be held are passed over with it.
 */
import { FragmentError } from '../errors.ts'
import type { Dialect } from './xsv-dialect.ts'

const CELL_START = 0
const UNQUOTED = 1
const IN_QUOTES = 2
/** A quote inside of quotes: it closed the cell, or is the first of two. */
const AFTER_QUOTE = 3
const AFTER_ESCAPE = 4

export class RecordScanner {
  /** Newlines met inside of the record, without its end. */
  newlines = 0
  /** Cells begun. */
  cells = 1
  /** How far behind the start the last quoted cell was opened, and after how many newlines. */
  openedAt = 0
  openedLine = 0
  private state = CELL_START
  private seen = 0
  private readonly dialect: Dialect

  constructor(dialect: Dialect) {
    this.dialect = dialect
  }

  start(): void {
    this.newlines = 0
    this.cells = 1
    this.state = CELL_START
    this.seen = 0
  }

  /**
   * The fragment ends here: not inside of quotes, or every record behind them would be hidden in one reject. `offset` and
   * `line` are where the record begins.
   */
  checkClosed(offset: number, line: number): void {
    if (this.state !== IN_QUOTES && this.state !== AFTER_ESCAPE) return
    const place = `line ${line + this.openedLine}, byte ${offset + this.openedAt}`
    throw new FragmentError('fragment.open_quote', `the quote that opens at ${place} is never closed`)
  }

  /** The place behind the record's LF, or -1 when `n` came first. */
  scan(b: Uint8Array, start: number, n: number): number {
    const { delimiter, quote, escapeByte } = this.dialect
    let { state } = this
    for (let i = start; i < n; i++) {
      const ch = b[i]!
      if (state === IN_QUOTES) {
        if (ch === quote) state = AFTER_QUOTE
        else if (ch === escapeByte) state = AFTER_ESCAPE
        else if (ch === 10) this.newlines++
        continue
      }
      if (state === AFTER_ESCAPE) {
        if (ch === 10) this.newlines++
        state = IN_QUOTES
        continue
      }
      if (ch === 10) {
        this.state = state
        return i + 1
      }
      if (ch === delimiter) {
        state = CELL_START
        this.cells++
      } else if (ch === quote && (state === CELL_START || (state === AFTER_QUOTE && escapeByte < 0))) {
        if (state === CELL_START) {
          this.openedAt = this.seen + i - start
          this.openedLine = this.newlines
        }
        state = IN_QUOTES
      } else state = UNQUOTED
    }
    this.state = state
    this.seen += n - start
    return -1
  }
}

/** The texts of a whole record's cells, for header lines: quotes are taken off, and nothing is refused. */
export function cellTexts(b: Buffer, start: number, end: number, dialect: Dialect): string[] {
  const { delimiter, quote, escapeByte } = dialect
  const texts: string[] = []
  let n = end
  if (b[n - 1] === 10) n -= n - start > 1 && b[n - 2] === 13 ? 2 : 1
  let i = start
  for (;;) {
    const bytes: number[] = []
    if (i < n && b[i] === quote) {
      for (i++; i < n; i++) {
        if (b[i] === escapeByte && i + 1 < n) i++
        else if (b[i] === quote) {
          if (escapeByte >= 0 || b[i + 1] !== quote || i + 1 >= n) break
          i++
        }
        bytes.push(b[i]!)
      }
      i++
    }
    while (i < n && b[i] !== delimiter) bytes.push(b[i++]!)
    texts.push(Buffer.from(bytes).toString('utf8'))
    if (i >= n) return texts
    i++
  }
}
