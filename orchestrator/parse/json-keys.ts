/**
 * Keys to columns, one level for each object that columns are taken from. Sources repeat the order of their keys: each
 * key knows which one followed it last time, and that is compared, byte for byte, before anything is looked up.
 */
import type { ProgramColumn } from './program.ts'

/** Keys that no column uses, and other spellings of known ones, are remembered up to this many a level. */
const MAX_ENTRIES = 10_000

export interface Entry {
  /** The key as it stands in the source, with its quotes. */
  raw: Uint8Array
  /** What followed it in the last object. */
  next: Entry | undefined
  /** Columns that take the value. */
  columns: number[]
  /** The level below, when a column is taken from inside of it. */
  level: Level | undefined
  /** All columns at and below it: a duplicate key forgets what came before. */
  below: number[]
  /** The key, or its JSON Pointer, when no column uses it. */
  unknown: string | undefined
  /** The fragment in which it was last reported as unknown. */
  reportedIn: number
}

export class Level {
  /** True when a key was met that no column uses. */
  hasUnknown = false
  /** Stands before the first key. */
  readonly start: Entry = entry(new Uint8Array(0))
  private readonly path: string
  /** By the key's bytes, read as Latin-1: the same bytes are the same text. */
  private readonly byRaw = new Map<string, Entry>()
  private readonly byText = new Map<string, Entry>()

  constructor(path: string) {
    this.path = path
  }

  /** All that are remembered. */
  get entries(): Entry[] {
    return [...this.byRaw.values()]
  }

  /** The entry of a key of the schema; made at the start, so no data can push it out. */
  define(key: string): Entry {
    const known = this.byText.get(key)
    if (known) return known
    const raw = Buffer.from(JSON.stringify(key))
    const made = entry(raw)
    this.byText.set(key, made)
    this.byRaw.set(raw.toString('latin1'), made)
    return made
  }

  child(key: string): Level {
    const made = this.define(key)
    made.level ??= new Level(`${this.path}/${escapePointer(key)}`)
    return made.level
  }

  /** The entry of the key b[start, end), quotes included. */
  find(b: Buffer, start: number, end: number, isEscaped: boolean): Entry {
    const raw = b.toString('latin1', start, end)
    const known = this.byRaw.get(raw)
    if (known) return known
    const quoted = b.toString('utf8', start, end)
    const text: string = isEscaped ? JSON.parse(quoted) : quoted.slice(1, -1)
    const defined = this.byText.get(text)
    const made = defined ? { ...defined } : entry(new Uint8Array(0))
    made.raw = new Uint8Array(b.subarray(start, end))
    made.next = undefined
    if (!defined) this.hasUnknown = true
    if (!defined) made.unknown = this.path === '' ? text : `${this.path}/${escapePointer(text)}`
    if (this.byRaw.size < MAX_ENTRIES) this.byRaw.set(raw, made)
    return made
  }
}

function entry(raw: Uint8Array): Entry {
  return { raw, next: undefined, columns: [], level: undefined, below: [], unknown: undefined, reportedIn: -1 }
}

/** The levels of a schema: a column's source is a key, or a JSON Pointer when it begins with '/'. */
export function levelsOf(columns: ProgramColumn[]): Level {
  const root = new Level('')
  for (const { source, index } of columns) {
    const keys = source.startsWith('/') ? source.slice(1).split('/').map(unescapePointer) : [source]
    let level = root
    for (const [at, key] of keys.entries()) {
      const found = level.define(key)
      found.below.push(index)
      if (at === keys.length - 1) found.columns.push(index)
      else level = level.child(key)
    }
  }
  return root
}

export function unescapePointer(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
