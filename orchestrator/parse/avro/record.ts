/** One record after the other of a block, as TypedRows asks for its columns. */
import type { Rows } from '../rows.ts'
import { ABSENT, type TypedRecord } from '../typed-rows.ts'
import type { TypedValues } from '../typed-values.ts'
import type { Cursor } from './cursor.ts'
import type { Layout, Stop, Way } from './layout.ts'
import type { Plan } from './plan.ts'
import type { Plans } from './plans.ts'
import { Writer } from './writer.ts'

export class AvroRecord implements TypedRecord {
  /** Where the block of this record begins in the fragment. */
  offset = 0
  private readonly layout: Layout
  private readonly rows: Rows
  private readonly cursor: Cursor
  private readonly values: TypedValues
  private readonly writer: Writer
  /** Where the record begins, and where it ends; -1: that is not known yet. */
  private start = 0
  private end = -1
  /** Unless the layout is straight, by column: where its value begins, -1 for nowhere, and how it is written. */
  private readonly starts: Int32Array
  private readonly plans: Plan[] = []

  constructor(layout: Layout, plans: Plans, cursor: Cursor, values: TypedValues, rows: Rows) {
    this.layout = layout
    this.rows = rows
    this.cursor = cursor
    this.values = values
    this.writer = new Writer(cursor, values, plans)
    this.starts = new Int32Array(rows.program.columns.length)
  }

  /** The record that begins where the cursor is. */
  begin(): void {
    this.start = this.cursor.p
    this.end = -1
  }

  /** Puts the cursor behind the record, whatever became of it. */
  leave(): void {
    const { cursor } = this
    if (this.end >= 0) cursor.p = this.end
    else for (const type of this.layout.straight!.after) cursor.skip(type)
  }

  value(column: number): number {
    const { cursor, writer } = this
    if (column === 0) this.first()
    const plan = this.find(column)
    if (!plan) return ABSENT
    const at = cursor.p
    const has = writer.column(plan)
    if (writer.isStopped) {
      cursor.p = at
      cursor.skip(plan.type)
    }
    return has
  }

  raw(): Uint8Array {
    const { cursor, start } = this
    if (this.end < 0) {
      cursor.p = start
      cursor.skip(this.layout.root)
      this.end = cursor.p
    }
    return cursor.b.subarray(start, this.end)
  }

  byteOffset(): number {
    return this.offset
  }

  /** A row begins, or is written again. */
  private first(): void {
    const { cursor, values, layout } = this
    this.writer.limit = values.o + this.rows.maxRowBytes
    cursor.p = this.start
    if (layout.straight || this.end >= 0) return
    this.starts.fill(-1)
    this.walk(layout.way)
    this.end = cursor.p
  }

  /** Puts the cursor before the column's value; undefined when the record has none. */
  private find(column: number): Plan | undefined {
    const { cursor } = this
    const { straight } = this.layout
    if (straight) {
      const { before, plan } = straight.legs[column]!
      for (let k = 0; k < before.length; k++) cursor.skip(before[k]!)
      return plan
    }
    cursor.p = this.starts[column]!
    return cursor.p < 0 ? undefined : this.plans[column]
  }

  private walk({ type, stops, branches }: Way): void {
    const { cursor } = this
    switch (type.kind) {
      case 'record':
        for (let k = 0; k < stops.length; k++) this.stop(stops[k]!)
        break
      case 'union': {
        const at = cursor.index(branches.length)
        const way = branches[at]
        if (way) this.walk(way)
        else cursor.skip(type.branches[at]!)
        break
      }
      case 'map':
        for (let n = cursor.items(1); n > 0; n = cursor.items(1)) {
          const { until } = cursor
          for (; n > 0; n--) {
            const found = cursor.key(stops)
            if (found) this.stop(found)
            else cursor.skip(type.items!)
          }
          cursor.closeItems(until)
        }
        break
      default:
        cursor.skip(type)
    }
  }

  /** Notes what begins here, and passes over it. */
  private stop({ type, columns, plans, inside }: Stop): void {
    const { cursor } = this
    for (let k = 0; k < columns.length; k++) {
      const column = columns[k]!
      this.starts[column] = cursor.p
      this.plans[column] = plans[k]!
    }
    if (inside) this.walk(inside)
    else cursor.skip(type)
  }
}
