/**
 * RFC 8259, strictly, over bytes: where a value ends, or where it goes wrong.
 *
 * The byte behind the input must be NUL: it fits nowhere, so no loop tests for the end. An error at the end of the input
 * therefore means "more is needed", and its place tells.
 */
import { BACKSLASH, LF, QUOTE, specialBytes } from './tables.ts'

export const MAX_DEPTH = 128

const SPECIAL = specialBytes()

/** Bytes that may follow a backslash; `u` apart. */
const SIMPLE_ESCAPE = new Uint8Array(256)
for (const letter of '"\\/bfnrt') SIMPLE_ESCAPE[letter.charCodeAt(0)] = 1

export class JsonScanner {
  /** Where the last error was. */
  at = 0
  tooDeep = false
  /** Newlines met between tokens. */
  newlines = 0
  /** True: a newline is no white space (one value a line). */
  singleLine = false
  /** True after a string that holds a backslash. */
  escaped = false
  /** True after white space between tokens was met. */
  spaced = false
  private readonly isObject = new Uint8Array(MAX_DEPTH + 2)

  /** End of the white space that begins at `i`. */
  space(b: Uint8Array, start: number): number {
    let i = start
    for (;;) {
      const ch = b[i]!
      if (ch === LF) {
        if (this.singleLine) break
        this.newlines++
      } else if (ch !== 32 && ch !== 13 && ch !== 9) break
      i++
    }
    if (i > start) this.spaced = true
    return i
  }

  fail(at: number): -1 {
    this.at = at
    return -1
  }

  /** End of the string whose first byte behind the quote is at `i`, or -1. */
  string(b: Uint8Array, start: number): number {
    let i = start
    this.escaped = false
    for (;;) {
      while (SPECIAL[b[i]!] === 0) i++
      const ch = b[i]!
      if (ch === QUOTE) return i + 1
      if (ch !== BACKSLASH) return this.fail(i)
      this.escaped = true
      if (SIMPLE_ESCAPE[b[i + 1]!] === 1) {
        i += 2
        continue
      }
      i = this.unicode(b, i)
      if (i < 0) return -1
    }
  }

  /** `\uXXXX`, with its low surrogate when it is a high one: a lone one is no character. */
  private unicode(b: Uint8Array, i: number): number {
    const unit = this.unit(b, i)
    if (unit < 0) return -1
    if (unit < 0xd800 || unit > 0xdfff) return i + 6
    if (unit > 0xdbff) return this.fail(i)
    const low = this.unit(b, i + 6)
    if (low < 0) return -1
    return low >= 0xdc00 && low <= 0xdfff ? i + 12 : this.fail(i + 6)
  }

  private unit(b: Uint8Array, i: number): number {
    if (b[i] !== BACKSLASH) return this.fail(i)
    if (b[i + 1] !== 117) return this.fail(i + 1)
    let unit = 0
    for (let d = i + 2; d < i + 6; d++) {
      const digit = hexDigit(b[d]!)
      if (digit < 0) return this.fail(d)
      unit = unit * 16 + digit
    }
    return unit
  }

  number(b: Uint8Array, start: number): number {
    let i = start
    if (b[i] === 45) i++
    if (b[i] === 48) i++
    else {
      if ((b[i]! - 48) >>> 0 > 9) return this.fail(i)
      do i++
      while ((b[i]! - 48) >>> 0 <= 9)
    }
    if (b[i] === 46) {
      i++
      if ((b[i]! - 48) >>> 0 > 9) return this.fail(i)
      do i++
      while ((b[i]! - 48) >>> 0 <= 9)
    }
    if ((b[i]! | 32) === 101) {
      i++
      if (b[i] === 45 || b[i] === 43) i++
      if ((b[i]! - 48) >>> 0 > 9) return this.fail(i)
      do i++
      while ((b[i]! - 48) >>> 0 <= 9)
    }
    return i
  }

  /** true, false or null. */
  literal(b: Uint8Array, i: number): number {
    const word = b[i] === 116 ? TRUE : b[i] === 102 ? FALSE : NULL
    for (let k = 0; k < word.length; k++) if (b[i + k] !== word[k]) return this.fail(i + k)
    return i + word.length
  }

  /** A key and its colon; the place behind the colon, or -1. */
  key(b: Uint8Array, start: number): number {
    if (b[start] !== QUOTE) return this.fail(start)
    let i = this.string(b, start + 1)
    if (i < 0) return -1
    i = this.space(b, i)
    return b[i] === 58 ? i + 1 : this.fail(i)
  }

  /** End of the value at `i`, which lies inside `depth` brackets, or -1. White space before it is passed over. */
  value(b: Uint8Array, start: number, outer: number): number {
    const { isObject } = this
    let depth = outer
    let i = start
    for (;;) {
      if (b[i]! <= 32) i = this.space(b, i)
      const ch = b[i]!
      if (ch === QUOTE) i = this.string(b, i + 1)
      else if (ch === 123 || ch === 91) {
        if (depth === MAX_DEPTH) {
          this.tooDeep = true
          return this.fail(i)
        }
        isObject[++depth] = ch === 123 ? 1 : 0
        i = this.space(b, i + 1)
        // Both closing brackets are their opening one plus two.
        if (b[i] === ch + 2) {
          i++
          depth--
        } else {
          if (ch === 123) i = this.key(b, i)
          if (i < 0) return -1
          continue
        }
      } else if (ch === 45 || (ch - 48) >>> 0 <= 9) i = this.number(b, i)
      else i = this.literal(b, i)
      if (i < 0) return -1

      for (;;) {
        if (depth === outer) return i
        if (b[i]! <= 32) i = this.space(b, i)
        const next = b[i]!
        if (next === 44) {
          i++
          if (isObject[depth] === 1) {
            i = this.key(b, this.space(b, i))
            if (i < 0) return -1
          }
          break
        }
        if (next !== (isObject[depth] === 1 ? 125 : 93)) return this.fail(i)
        i++
        depth--
      }
    }
  }
}

const TRUE = Uint8Array.of(116, 114, 117, 101)
const FALSE = Uint8Array.of(102, 97, 108, 115, 101)
const NULL = Uint8Array.of(110, 117, 108, 108)

function hexDigit(byte: number): number {
  if ((byte - 48) >>> 0 <= 9) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

/** The JSON value b[start, end) without the white space between its tokens: a row has no raw newline. */
export function withoutSpace(b: Uint8Array, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start)
  let o = 0
  let inText = false
  for (let i = start; i < end; i++) {
    const ch = b[i]!
    if (inText) {
      if (ch === BACKSLASH) bytes[o++] = b[i++]!
      else if (ch === QUOTE) inText = false
    } else if (ch === QUOTE) inText = true
    else if (ch <= 32) continue
    bytes[o++] = b[i]!
  }
  return bytes.subarray(0, o)
}
