/**
 * Where a JSON value ends by its brackets and quotes alone, whatever is wrong inside: how a bad or too long one is passed
 * over. It can stop at any byte and go on with the next piece.
 */
import { BACKSLASH, QUOTE } from './tables.ts'

/** Deeper nesting is not followed: it is no data. */
const MAX_DEPTH = 65_536

const START = 0
const SCALAR = 1
const IN_TEXT = 2
const AFTER_BACKSLASH = 3
const NESTED = 4

export class Nesting {
  /** True: a bracket does not fit the one it would close, so nobody knows where the value ends. */
  isBroken = false
  private state = START
  private depth = 0
  private readonly isObject = new Uint8Array(MAX_DEPTH)

  start(): void {
    this.isBroken = false
    this.state = START
    this.depth = 0
  }

  /** The place behind the value, or -1 when `n` came first. Broken nesting ends where it broke. */
  scan(b: Uint8Array, start: number, n: number): number {
    for (let i = start; i < n; i++) {
      const ch = b[i]!
      switch (this.state) {
        case IN_TEXT:
          if (ch === BACKSLASH) this.state = AFTER_BACKSLASH
          else if (ch === QUOTE) {
            if (this.depth === 0) return i + 1
            this.state = NESTED
          }
          break
        case AFTER_BACKSLASH:
          this.state = IN_TEXT
          break
        case SCALAR:
          if (ch <= 32 || ch === 44 || ch === 93 || ch === 125) return i
          break
        default:
          if (ch === QUOTE) this.state = IN_TEXT
          else if (ch === 123 || ch === 91) {
            if (this.depth === MAX_DEPTH) return this.break(i)
            this.isObject[this.depth++] = ch === 123 ? 1 : 0
            this.state = NESTED
          } else if (this.state === START) this.state = SCALAR
          else if (ch === 125 || ch === 93) {
            if (this.isObject[--this.depth] !== (ch === 125 ? 1 : 0)) return this.break(i)
            if (this.depth === 0) return i + 1
          }
      }
    }
    return -1
  }

  private break(at: number): number {
    this.isBroken = true
    return at + 1
  }
}
