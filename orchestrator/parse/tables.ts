/** Bytes and byte tables that the kernels share. */

export const TAB = 9
export const LF = 10
export const CR = 13
export const SPACE = 32
export const QUOTE = 34
export const BACKSLASH = 92

/** What `trim` takes off. */
export function isSpace(code: number): boolean {
  return code === SPACE || code === TAB
}

const encoder = new TextEncoder()

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The letter after the backslash of a control byte, `"` or `\` in JSON; `u` (117) where only \u00XX is left. */
export const ESCAPE_LETTER: Uint8Array = escapeLetters()

function escapeLetters(): Uint8Array {
  const table = new Uint8Array(256)
  table.fill(117, 0, 32)
  for (const [byte, letter] of [
    [8, 'b'],
    [TAB, 't'],
    [LF, 'n'],
    [12, 'f'],
    [CR, 'r'],
    [QUOTE, '"'],
    [BACKSLASH, '\\'],
  ] as const)
    table[byte] = letter.charCodeAt(0)
  return table
}

/** Lower-case hex digits, as JSON.stringify writes them. */
export const HEX: Uint8Array = bytesOf('0123456789abcdef')

/** A table with 1 for every byte that a JSON string cannot hold as it is, and for `more`. */
export function specialBytes(...more: number[]): Uint8Array {
  const table = new Uint8Array(256)
  table.fill(1, 0, 32)
  table[QUOTE] = 1
  table[BACKSLASH] = 1
  for (const byte of more) if (byte >= 0) table[byte] = 1
  return table
}

/** Where the bytes before `n` stop being whole UTF-8 characters: `n`, or the start of a character that `n` cuts. */
export function wholeCharacters(b: Uint8Array, from: number, n: number): number {
  for (let back = 1; back <= 3 && n - back >= from; back++) {
    const byte = b[n - back]!
    if (byte < 0x80) return n
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return length > back ? n - back : n
  }
  return n
}

/** The digits of \u00XX. */
export function writeControl(bytes: Uint8Array, o: number, ch: number): number {
  bytes[o] = 48
  bytes[o + 1] = 48
  bytes[o + 2] = HEX[ch >> 4]!
  bytes[o + 3] = HEX[ch & 15]!
  return o + 4
}
