/** Rows of a format that brings types: columns in the schema's order, what is absent, null or invalid, the row's size. */
import { NULL_VALUE, tooLong } from './rejects.ts'
import type { Rows } from './rows.ts'
import { Substitute } from './substitute.ts'
import { bytesOf } from './tables.ts'
import { TypedValues } from './typed-values.ts'

/** What a record has for a column. */
export const ABSENT = 0
export const NULL = 1
/** It was written to the values. */
export const WRITTEN = 2

/** One record; asked for each column once in order, and again for all of them when the output had to grow. */
export interface TypedRecord {
  /** Writes the value of the column with this index, when there is one: ABSENT, NULL or WRITTEN. */
  value(column: number): number
  /** The record as its source has it, for a reject; may be long. */
  raw(): Uint8Array
  /** See Reject. */
  byteOffset(): number | null
}

const NULL_BYTES = bytesOf('null')
const TAIL = bytesOf('}\n')

export class TypedRows {
  readonly values = new TypedValues()
  private readonly rows: Rows
  private readonly substitute: Substitute
  private readonly keys: Uint8Array[]

  constructor(rows: Rows) {
    const { columns } = rows.program
    this.rows = rows
    this.substitute = new Substitute(columns.length)
    this.keys = columns.map(({ key }, index) => bytesOf((index === 0 ? '{' : ',') + key))
  }

  /** Publishes or rejects the record. False: enough rows were seen, and it was not looked at. */
  take(record: TypedRecord): boolean {
    const { rows, values, substitute } = this
    const { out } = rows
    if (rows.published >= rows.maxRows) {
      rows.truncated = true
      return false
    }
    for (;;) {
      const start = out.length
      values.bytes = out.bytes
      values.o = start
      substitute.begin()
      const isGood = this.columns(record)
      const end = values.o
      if (!isGood) rows.rejectTyped(substitute.bad!, record.raw(), record.byteOffset())
      else if (end - start > rows.maxRowBytes)
        rows.rejectTyped(tooLong('row', rows.maxRowBytes), record.raw(), record.byteOffset())
      else if (end > out.bytes.length) {
        out.grow(start, end - start)
        continue
      } else {
        out.length = end
        rows.row(end, substitute.marked, substitute.marks)
      }
      return true
    }
  }

  private columns(record: TypedRecord): boolean {
    const { values, substitute, keys } = this
    const { columns } = this.rows.program
    for (let c = 0; c < columns.length; c++) {
      values.write(keys[c]!)
      const start = values.o
      values.bad = undefined
      const has = record.value(c)
      if (has === WRITTEN && !values.bad) continue
      values.o = start
      const column = columns[c]!
      if (has === NULL && column.nullable) {
        values.write(NULL_BYTES)
        continue
      }
      const isThere = has === ABSENT ? substitute.absent(column) : substitute.instead(column, values.bad ?? NULL_VALUE)
      if (!isThere) return false
      values.write(substitute.value)
    }
    values.write(TAIL)
    return true
  }
}
