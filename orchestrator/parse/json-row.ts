/**
 * One JSON object: where each column's value lies. Everything else in it is checked by the grammar and passed over.
 */

import { type Entry, type Level, levelsOf } from './json-keys.ts'
import { type JsonScanner, MAX_DEPTH } from './json-scanner.ts'
import type { ProgramColumn } from './program.ts'
import { QUOTE } from './tables.ts'

export const ABSENT = 0
export const NULL = 1
/** true or false */
export const WORD = 2
export const NUMBER = 3
export const TEXT = 4
/** A string with backslashes. */
export const ESCAPED_TEXT = 5
/** An object or array. */
export const CONTAINER = 6
/** One with white space in it. */
export const SPACED_CONTAINER = 7

export class JsonRow {
  readonly scanner: JsonScanner
  /** By column: what it is, and where it begins and ends. */
  readonly kinds: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** Unknown keys of this object that this fragment has not reported yet. */
  readonly unreported: Entry[] = []
  /** Grows with every key that was not where it was expected. */
  learned = 0
  private readonly root: Level
  private readonly hasLevels: boolean
  private fragment = 0

  constructor(columns: ProgramColumn[], scanner: JsonScanner) {
    this.scanner = scanner
    this.root = levelsOf(columns)
    this.hasLevels = columns.some(({ source }) => source.startsWith('/'))
    this.kinds = new Uint8Array(columns.length)
    this.starts = new Int32Array(columns.length)
    this.ends = new Int32Array(columns.length)
  }

  begin(): void {
    this.fragment++
    // Unknown keys are reported anew in each fragment.
    if (this.root.hasUnknown) this.learned++
  }

  /** The key that came first in the last object. */
  get first(): Entry | undefined {
    return this.root.start.next
  }

  /**
   * Keys whose values need no more than to be noted or passed over: those of columns, and unknown ones that were reported
   * in this fragment. Undefined when there are too many, or values are taken from deeper down or by several columns.
   */
  plainEntries(most: number): Entry[] | undefined {
    const entries = this.root.entries.filter(
      ({ columns, reportedIn, raw }) => raw.length > 0 && (columns.length > 0 || reportedIn === this.fragment),
    )
    const isPlain = !this.hasLevels && entries.length <= most && entries.every(({ columns }) => columns.length <= 1)
    return isPlain ? entries : undefined
  }

  /** The end of the object at `start`, or -1: see JsonScanner. */
  read(b: Buffer, start: number): number {
    this.kinds.fill(ABSENT)
    if (this.unreported.length > 0) this.unreported.length = 0
    return this.object(b, start, this.root, 1)
  }

  /** Names of the unknown keys just met, each once a fragment. */
  report(into: string[], most: number): void {
    for (const entry of this.unreported) {
      if (entry.reportedIn === this.fragment) continue
      entry.reportedIn = this.fragment
      if (into.length < most && !into.includes(entry.unknown!)) into.push(entry.unknown!)
    }
  }

  private object(b: Buffer, start: number, level: Level, depth: number): number {
    const { scanner } = this
    let before = level.start
    let i = start + 1
    if (b[i]! <= 32) i = scanner.space(b, i)
    if (b[i] === 125) return i + 1
    for (;;) {
      const expected = before.next
      let entry: Entry
      if (expected !== undefined && startsWith(b, i, expected.raw)) {
        entry = expected
        i += expected.raw.length
      } else {
        if (b[i] !== QUOTE) return scanner.fail(i)
        const end = scanner.string(b, i + 1)
        if (end < 0) return -1
        entry = level.find(b, i, end, scanner.escaped)
        before.next = entry
        this.learned++
        i = end
      }
      before = entry
      if (b[i] !== 58) {
        i = scanner.space(b, i)
        if (b[i] !== 58) return scanner.fail(i)
      }
      i++
      if (b[i]! <= 32) i = scanner.space(b, i)
      i = this.member(b, i, entry, depth)
      if (i < 0) return -1
      if (b[i]! <= 32) i = scanner.space(b, i)
      if (b[i] === 125) return i + 1
      if (b[i] !== 44) return scanner.fail(i)
      i++
      if (b[i]! <= 32) i = scanner.space(b, i)
    }
  }

  private member(b: Buffer, i: number, entry: Entry, depth: number): number {
    const { scanner, kinds, starts, ends } = this
    const { columns, level } = entry
    if (level !== undefined) {
      for (const c of entry.below) kinds[c] = ABSENT
    } else if (columns.length === 0) {
      if (entry.reportedIn !== this.fragment) this.unreported.push(entry)
      return scanner.value(b, i, depth)
    }
    const ch = b[i]!
    let kind = WORD
    let end: number
    if (ch === QUOTE) {
      end = scanner.string(b, i + 1)
      kind = scanner.escaped ? ESCAPED_TEXT : TEXT
    } else if (ch === 45 || (ch - 48) >>> 0 <= 9) {
      end = scanner.number(b, i)
      kind = NUMBER
    } else if (ch === 123 || ch === 91) {
      scanner.spaced = false
      if (level !== undefined && ch === 123) {
        if (depth === MAX_DEPTH) {
          scanner.tooDeep = true
          return scanner.fail(i)
        }
        end = this.object(b, i, level, depth + 1)
      } else end = scanner.value(b, i, depth)
      // What was looked at level by level has lost count of its spaces.
      kind = scanner.spaced || level !== undefined ? SPACED_CONTAINER : CONTAINER
    } else {
      end = scanner.literal(b, i)
      if (ch === 110) kind = NULL
    }
    if (end < 0) return -1
    for (let k = 0; k < columns.length; k++) {
      const c = columns[k]!
      kinds[c] = kind
      starts[c] = i
      ends[c] = end
    }
    return end
  }
}

function startsWith(b: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let k = 0; k < bytes.length; k++) if (b[at + k] !== bytes[k]) return false
  return true
}
