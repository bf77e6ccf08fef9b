/** What a column gets in place of a value: for one that is null, missing, or invalid. Shared by the formats. */
import { convert } from './convert.ts'
import { nested } from './nested.ts'
import { type ProgramColumn, type ProgramValue, READ, TIMESTAMP } from './program.ts'
import { type Reader, readerOf } from './reader.ts'
import { type Bad, NULL_VALUE } from './rejects.ts'
import { bytesOf } from './tables.ts'

export class Substitute {
  /** NDJSON of the last value that was not copied straight from the source. */
  value: Uint8Array = new Uint8Array(0)
  /** Why there is none: the record is rejected, or its fragment fails. */
  bad: Bad | undefined
  /** Columns that took their default in this record. */
  readonly marked: Int32Array
  marks = 0
  private readonly readers: (Reader | undefined)[] = []
  private readonly written = new Uint8Array(40)
  /** Of `written`, by length: none is made for a value. */
  private readonly views: Uint8Array[] = []

  constructor(columns: number) {
    this.marked = new Int32Array(columns)
  }

  begin(): void {
    this.bad = undefined
    this.marks = 0
  }

  /** The value of a text, read as `value` says; false with `bad`. */
  text(column: ProgramColumn, text: string, value: ProgramValue = column): boolean {
    return this.converted(column, convert(value, text))
  }

  /** The value of a list, map or struct that stands as JSON in b[start, end); false with `bad`. */
  nested(column: ProgramColumn, b: Buffer, start: number, end: number): boolean {
    return this.converted(column, nested(column, b, start, end))
  }

  /**
   * The value of a grammar of the column's own, or a timestamp with an offset, that stands in b[start, end) before a byte of
   * `ends`: without a text. False: whether there is one is for its text to say.
   */
  read(column: ProgramColumn, b: Uint8Array, start: number, end: number, ends: Uint8Array): boolean {
    if (column.op !== READ && column.op !== TIMESTAMP) return false
    this.readers[column.index] ??= readerOf(column)
    const reader = this.readers[column.index]
    if (reader?.read(b, start, ends) !== end) return false
    const length = reader.write(this.written, 0)
    this.views[length] ??= this.written.subarray(0, length)
    this.value = this.views[length]
    return true
  }

  private converted(column: ProgramColumn, result: string | Bad): boolean {
    if (typeof result !== 'string') return this.instead(column, result)
    this.value = bytesOf(result)
    return true
  }

  /** A value that is not there: the default, else null. */
  absent(column: ProgramColumn): boolean {
    if (column.absent === undefined) return this.instead(column, NULL_VALUE)
    this.value = column.absent
    if (column.absentCounts) this.marked[this.marks++] = column.index
    return true
  }

  /** What on_invalid says. */
  instead(column: ProgramColumn, bad: Bad): boolean {
    if (column.invalid === undefined) {
      this.bad = { ...bad, column, fatal: column.onInvalid === 'fail' }
      return false
    }
    this.value = column.invalid
    if (column.invalidCounts) this.marked[this.marks++] = column.index
    return true
  }
}
