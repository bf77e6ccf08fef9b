/**
 * The compiled kernels of this thread: one instance, its memory, its tables. They do plain records quickly and leave the
 * rest to TypeScript: a cell outside of the fast grammars is a hole in a row, a record out of the ordinary a stop.
 *
 *   load ▸ records ▸ what was written, line ends, holes ▸ records …   (until the window is used up)
 *
 * Memory never grows: what does not fit is out of the ordinary too.
 */
import { readFileSync } from 'node:fs'
import { BOOLEAN, DATE, DECIMAL, INTEGER, JSON_VALUE, type ProgramColumn, REAL, STRING, TIMESTAMP } from '../program.ts'
import { bytesOf } from '../tables.ts'

/** As in shared.h. */
const IN_BYTES = 512 * 1024
export const MAX_STEPS = 1024
const MAX_KEY_BYTES = 64 * 1024
const STEP_WORDS = 16
export const HOLE = 20
export const UNUSED = 21
/** Why a call came back. */
export const MORE = 0
export const FULL = 1

/** What the last call did, by index of `done`. */
export const USED = 0
export const WRITTEN = 1
export const ROWS = 2
export const LINES = 3
export const HOLES = 4
export const HOLE_ROWS = 5
export const STATE = 6

interface Exports {
  memory: { buffer: ArrayBuffer }
  in_at(): number
  out_at(): number
  keys_at(): number
  steps_at(): number
  holes_at(): number
  hole_rows_at(): number
  done_at(): number
  maybe_null_at(): number
  known_at(): number
  xsv_dialect(delimiter: number, quote: number, comment: number, emptyIsNull: number): void
  xsv_layout(steps: number, cells: number, isReordered: number, tailAt: number, tailLength: number): void
  xsv_records(from: number, n: number, mostRows: number, enough: number, mostIn: number, mostOut: number): number
  json_layout(columns: number, keys: number, maxDepth: number): void
  json_records(
    from: number,
    n: number,
    kind: number,
    mostRows: number,
    enough: number,
    mostIn: number,
    mostOut: number,
  ): number
}

/** A column's value as the kernels see it; undefined: a cell that no column uses. */
export interface Step {
  key: Uint8Array
  column: ProgramColumn | undefined
  /** xsv: the cell it comes from. */
  source: number
  /** The kernel's grammar does not do, whatever the column's op. */
  isHole: boolean
}

export class Engine {
  readonly exports: Exports
  readonly out: Uint8Array
  readonly done: Uint32Array
  readonly holes: Uint32Array
  readonly holeRows: Uint32Array
  /** xsv: 1 for a byte with which a null value of more than no bytes may begin. */
  readonly maybeNull: Uint8Array
  /** json: keys that are known, four words each. */
  readonly known: Uint32Array
  /** Whose tables are loaded, and which. */
  private user: object | undefined
  private tables: Uint32Array | undefined
  private readonly input: Uint8Array
  private readonly keys: Uint8Array
  private readonly steps: Uint32Array
  /** What the window holds: [start, end) of these bytes. */
  private source: Uint8Array | undefined
  private start = 0
  private end = 0

  constructor(module: object) {
    const exports = new WebAssembly.Instance(module).exports as Exports
    const { buffer } = exports.memory
    this.exports = exports
    this.input = new Uint8Array(buffer, exports.in_at(), IN_BYTES)
    this.out = new Uint8Array(buffer, exports.out_at())
    this.keys = new Uint8Array(buffer, exports.keys_at(), MAX_KEY_BYTES)
    this.steps = new Uint32Array(buffer, exports.steps_at(), MAX_STEPS * STEP_WORDS)
    this.holes = new Uint32Array(buffer, exports.holes_at())
    this.holeRows = new Uint32Array(buffer, exports.hole_rows_at())
    this.done = new Uint32Array(buffer, exports.done_at(), 8)
    this.maybeNull = new Uint8Array(buffer, exports.maybe_null_at(), 256)
    this.known = new Uint32Array(buffer, exports.known_at(), MAX_STEPS * 4)
  }

  /** Makes b[at, n) the window, or as much of it as fits, unless it is there already; where in the window `at` is. */
  load(b: Uint8Array, at: number, n: number): number {
    if (this.source !== b || at < this.start || at >= this.end) {
      this.source = b
      this.start = at
      this.end = Math.min(n, at + IN_BYTES)
      this.input.set(b.subarray(at, this.end))
    }
    return at - this.start
  }

  /** Bytes in the window. */
  get length(): number {
    return this.end - this.start
  }

  /** Where in the source the window begins. */
  get base(): number {
    return this.start
  }

  /** The bytes may change: they are loaded anew. */
  unload(): void {
    this.source = undefined
  }

  /** Takes over the tables of `user`, unless they are there already. */
  use(user: object, { words, keys }: Tables): boolean {
    if (this.user === user && this.tables === words) return false
    this.user = user
    this.tables = words
    this.steps.set(words)
    this.keys.set(keys)
    return true
  }
}

/** The table of steps, and the bytes that it refers to. */
export interface Tables {
  words: Uint32Array
  keys: Uint8Array
  /** Where the bytes behind the keys begin. */
  moreAt: number
}

/** Undefined when they do not fit; `more` are bytes that follow the keys, `most` what else has a place for each step. */
export function tablesOf(steps: Step[], more: Uint8Array, most: number): Tables | undefined {
  const moreAt = steps.reduce((sum, { key }) => sum + key.length, 0)
  if (Math.max(steps.length, most) > MAX_STEPS || moreAt + more.length > MAX_KEY_BYTES) return undefined
  const words = new Uint32Array(steps.length * STEP_WORDS)
  let at = 0
  for (const [index, { key, column, source, isHole }] of steps.entries()) {
    words.set([column && isHole ? HOLE : opOf(column), at, key.length, column?.index ?? 0, source], index * STEP_WORDS)
    if (column) words.set(valueWords(column), index * STEP_WORDS + 5)
    at += key.length
  }
  return { words, keys: Buffer.concat([...steps.map(({ key }) => key), more]), moreAt }
}

function valueWords(column: ProgramColumn): number[] {
  const { absent, absentCounts, trim, type, point, integerDigits, fractionDigits, most, least, nullable } = column
  const isPlain = absent !== undefined && !absentCounts && Buffer.compare(absent, NULL) === 0
  const limits = [most, least].flatMap((digits) => {
    const magnitude = BigInt(Buffer.from(digits).toString())
    return [Number(magnitude & 0xffff_ffffn), Number(magnitude >> 32n)]
  })
  const flags = [Number(isPlain), Number(trim), Number(type.kind === 'float')]
  return [...flags, point, integerDigits, fractionDigits, ...limits, Number(nullable)]
}

const NULL = bytesOf('null')
const FAST = new Set([STRING, INTEGER, REAL, DECIMAL, BOOLEAN, DATE, TIMESTAMP, JSON_VALUE])

function opOf(column: ProgramColumn | undefined): number {
  if (!column) return UNUSED
  return FAST.has(column.op) ? column.op : HOLE
}

let shared: Engine | null | undefined

/** This thread's kernels; null where WebAssembly lacks SIMD: TypeScript does everything then. */
export function engine(): Engine | null {
  if (shared === undefined) {
    const bytes = readFileSync(new URL('./kernels.wasm', import.meta.url))
    shared = WebAssembly.validate(bytes) ? new Engine(new WebAssembly.Module(bytes)) : null
  }
  return shared
}

/** What is used of it: the types of Node leave it to the browser's. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: unknown }
}
