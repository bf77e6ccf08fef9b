/** Plain XSV records by the compiled kernel, as many as follow each other. */
import type { ProgramColumn } from '../program.ts'
import type { Rows } from '../rows.ts'
import type { SlowCells } from '../xsv-cells.ts'
import type { Dialect } from '../xsv-dialect.ts'
import { type Grammars, NONE } from '../xsv-grammars.ts'
import type { Layout } from '../xsv-layout.ts'
import type { Engine } from './engine.ts'
import { FastRecords, HOLE_WORDS } from './fast-records.ts'
import { type Tables, tablesOf } from './steps.ts'

const NO_BYTE = 256

export class FastXsv extends FastRecords {
  private readonly dialect: Dialect
  private readonly slow: SlowCells
  private readonly grammars: Grammars
  private readonly columns: ProgramColumn[]
  private layout: Layout | undefined
  /** Of the layout; undefined when it has things that the kernel does not know. */
  private tables: Tables | undefined
  private limit = -1
  private inputEnd = 0

  constructor(engine: Engine, rows: Rows, dialect: Dialect, grammars: Grammars, slow: SlowCells) {
    super(engine, rows, slow)
    this.grammars = grammars
    this.dialect = dialect
    this.slow = slow
    this.columns = rows.program.columns
  }

  /** Takes records from b[at, n) on; where the first begins that it did not take. `limit`: see endsCell. */
  records(b: Buffer, at: number, n: number, limit: number, layout: Layout): number {
    if (!this.prepare(layout)) return at
    this.limit = limit
    this.inputEnd = n
    return this.run(b, at, n)
  }

  protected override call(from: number, n: number, mostRows: number, enough: number): number {
    const { maxRecordBytes, maxRowBytes } = this.rows
    return this.engine.exports.xsv_records(from, n, mostRows, enough, maxRecordBytes, maxRowBytes)
  }

  protected override fill(b: Buffer, base: number, h: number): boolean {
    const { holes } = this.engine
    const column = this.columns[holes[h * HOLE_WORDS + 3]!]!
    return this.slow.cell(b, base + holes[h * HOLE_WORDS + 1]!, this.inputEnd, this.limit, column) >= -1
  }

  /** The tables of the layout, loaded; false: it is none for the kernel. */
  private prepare(layout: Layout): boolean {
    if (this.layout !== layout) {
      this.layout = layout
      this.absent = layout.absent
      this.tables = this.compile(layout)
    }
    const { tables, engine } = this
    if (tables && engine.use(this, tables)) this.configure(layout, tables.moreAt)
    return tables !== undefined
  }

  private compile({ columns, source, keys, keyAt, tail, cells }: Layout): Tables | undefined {
    if (this.dialect.escapeByte >= 0) return undefined
    const { unquoted, quoted } = this.grammars
    const steps = Array.from(columns, (column, s) => ({
      key: keys.subarray(keyAt[s]!, keyAt[s + 1]!),
      column: this.columns[column],
      source: source[s]!,
      isHole: unquoted[column] === NONE || quoted[column] === NONE,
    }))
    return tablesOf(steps, tail, cells)
  }

  private configure({ columns, cells, isReordered, tail }: Layout, tailAt: number): void {
    const { delimiter, quote, comment, emptyIsNull, nulls } = this.dialect
    const { exports, maybeNull } = this.engine
    const byte = (code: number) => (code < 0 ? NO_BYTE : code)
    exports.xsv_dialect(delimiter, byte(quote), byte(comment), Number(emptyIsNull))
    exports.xsv_layout(columns.length, cells, Number(isReordered), tailAt, tail.length)
    maybeNull.fill(0)
    for (const value of nulls) maybeNull[value[0]!] = 1
  }
}
