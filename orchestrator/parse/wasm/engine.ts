/**
 * The compiled kernels of this thread: one instance, its memory, its tables. They do plain records quickly and leave the
 * rest to TypeScript: a cell outside of the fast grammars is a hole in a row, a record out of the ordinary a stop.
 *
 *   load ▸ records ▸ what was written, line ends, holes ▸ records …   (until the window is used up)
 *
 * Memory never grows: what does not fit is out of the ordinary too.
 */
import { readFileSync } from 'node:fs'
import { MAX_KEY_BYTES, MAX_STEPS, STEP_WORDS, type Tables } from './steps.ts'

/** As in shared.h. */
const IN_BYTES = 512 * 1024
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
