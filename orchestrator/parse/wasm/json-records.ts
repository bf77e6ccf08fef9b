/**
 * Plain JSON objects by the compiled kernel, as many as follow each other. It knows the keys that the TypeScript kernel
 * has met, in the order in which they follow each other, and comes back with an object that has another one.
 */
import type { Entry } from '../json-keys.ts'
import type { JsonRow } from '../json-row.ts'
import type { JsonValues } from '../json-values.ts'
import type { Rows } from '../rows.ts'
import { bytesOf } from '../tables.ts'
import type { Engine } from './engine.ts'
import { FastRecords, HOLE_WORDS } from './fast-records.ts'
import { MAX_STEPS, type Step, type Tables, tablesOf } from './steps.ts'

const NO_COLUMN = 0xffff_ffff
const KNOWN_WORDS = 4
const NONE = new Uint32Array(0)

/** Where the last call ended, in `state`: behind a record, or where the next record or line begins. */
export const BEHIND = 0

export class FastJson extends FastRecords {
  private readonly objects: JsonRow
  private readonly values: JsonValues
  private readonly maxDepth: number
  private readonly steps: Step[]
  /** What `objects` had learned when the tables were made. */
  private learned = -1
  private tables: Tables | undefined
  private known: Uint32Array = NONE
  private first = NO_COLUMN
  private kind = 0

  constructor(engine: Engine, rows: Rows, objects: JsonRow, values: JsonValues, maxDepth: number) {
    super(engine, rows, values)
    this.objects = objects
    this.values = values
    this.maxDepth = maxDepth
    this.steps = rows.program.columns.map((column, index) => ({
      key: bytesOf((index === 0 ? '{' : ',') + column.key),
      column,
      source: 0,
      isHole: false,
    }))
  }

  /** Takes records from b[at, n) on, the first of which begins there; where the last one taken, or its line, ends. */
  records(b: Buffer, at: number, n: number, kind: number): number {
    if (!this.prepare()) return at
    this.kind = kind
    return this.run(b, at, n)
  }

  protected override call(from: number, n: number, mostRows: number, enough: number): number {
    const { maxRecordBytes, maxRowBytes } = this.rows
    return this.engine.exports.json_records(from, n, this.kind, mostRows, enough, maxRecordBytes, maxRowBytes)
  }

  protected override fill(b: Buffer, base: number, h: number): boolean {
    const { holes } = this.engine
    const at = h * HOLE_WORDS
    const what = holes[at + 3]!
    return this.values.slow(b, what & 0xffff, what >>> 16, base + holes[at + 1]!, base + holes[at + 2]!)
  }

  /** The tables for the keys that are known now, loaded; false: there are things that the kernel does not know. */
  private prepare(): boolean {
    const { objects, engine } = this
    if (this.learned !== objects.learned) {
      this.learned = objects.learned
      this.tables = this.compile()
    }
    const { tables, known } = this
    if (tables && engine.use(this, tables)) {
      engine.known.set(known)
      engine.known.set([0, 0, NO_COLUMN, this.first], (MAX_STEPS - 1) * KNOWN_WORDS)
      engine.exports.json_layout(this.steps.length, known.length / KNOWN_WORDS, this.maxDepth)
    }
    return tables !== undefined
  }

  private compile(): Tables | undefined {
    const { objects } = this
    const entries = objects.plainEntries(MAX_STEPS - 1)
    if (!entries) return undefined
    const tables = tablesOf(this.steps, Buffer.concat(entries.map(({ raw }) => raw)), entries.length)
    if (!tables) return undefined
    const places = new Map<Entry | undefined, number>(entries.map((entry, index) => [entry, index]))
    const place = (entry: Entry | undefined) => places.get(entry) ?? NO_COLUMN
    let at = tables.moreAt
    this.known = Uint32Array.from(
      entries.flatMap(({ raw, columns, next }) => {
        const start = at
        at += raw.length
        return [start, raw.length, columns[0] ?? NO_COLUMN, place(next)]
      }),
    )
    this.first = place(objects.first)
    return tables
  }
}
