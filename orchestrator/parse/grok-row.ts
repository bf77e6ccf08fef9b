/** Texts that a pattern captured to the NDJSON of a row. */
import { endOfInteger } from './numbers.ts'
import { INTEGER, type ProgramColumn, STRING } from './program.ts'
import { Substitute } from './substitute.ts'
import { BACKSLASH, bytesOf, ESCAPE_LETTER, QUOTE, writeControl } from './tables.ts'

/** More digits than any integer has. */
const DIGITS = 24

export class GrokRow extends Substitute {
  private readonly columns: ProgramColumn[]
  private readonly keys: Uint8Array[]
  private readonly digits = new Uint8Array(DIGITS + 1)

  constructor(columns: ProgramColumn[]) {
    super(columns.length)
    this.columns = columns
    this.keys = columns.map(({ key }, index) => bytesOf((index === 0 ? '{' : ',') + key))
  }

  /**
   * Writes the row of captures[first, …) at `start` of `bytes`: its end, or -1 with `bad`. It stops when it is longer
   * than `most`. Writing past the end of `bytes` is harmless.
   */
  write(captures: (string | undefined)[], first: number, bytes: Uint8Array, start: number, most: number): number {
    const { columns, keys } = this
    this.begin()
    let o = start
    for (let c = 0; c < columns.length; c++) {
      // Promise 5: many columns may take the same long capture.
      if (o - start > most) return o
      o = copy(keys[c]!, bytes, o)
      const column = columns[c]!
      const text = captures[first + c]
      let end = -1
      if (text === undefined) {
        if (!this.absent(column)) return -1
      } else {
        if (column.op === STRING && !column.trim) end = writeText(text, bytes, o)
        else if (column.op === INTEGER) end = this.writeInteger(text, column, bytes, o)
        if (end < 0 && !this.text(column, text)) return -1
      }
      o = end < 0 ? copy(this.value, bytes, o) : end
    }
    bytes[o++] = 125
    bytes[o++] = 10
    return o
  }

  /** Digits that can be published as they are; -1 for others. */
  private writeInteger(text: string, column: ProgramColumn, bytes: Uint8Array, start: number): number {
    const { digits } = this
    const { length } = text
    if (length > DIGITS) return -1
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return -1
      digits[i] = code
    }
    digits[length] = 0
    if (endOfInteger(digits, 0, column.most, column.least) !== length) return -1
    for (let i = 0; i < length; i++) bytes[start + i] = digits[i]!
    return start + length
  }
}

/** A text of ASCII characters with its quotes; -1 for others. */
function writeText(text: string, bytes: Uint8Array, start: number): number {
  let o = start
  bytes[o++] = QUOTE
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return -1
    const letter = ESCAPE_LETTER[code]!
    if (letter === 0) bytes[o++] = code
    else {
      bytes[o++] = BACKSLASH
      bytes[o++] = letter
      if (letter === 117) o = writeControl(bytes, o, code)
    }
  }
  bytes[o++] = QUOTE
  return o
}

function copy(value: Uint8Array, bytes: Uint8Array, start: number): number {
  for (let k = 0; k < value.length; k++) bytes[start + k] = value[k]!
  return start + value.length
}
