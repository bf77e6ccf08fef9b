/** true, t, yes, y, 1 and false, f, no, n, 0 in any case. */

const LETTER = 32

/** The end of a boolean word, or -1. What follows has to be looked at by the caller. */
export function endOfBoolean(b: Uint8Array, i: number): number {
  const ch = b[i]!
  if (ch === 48 || ch === 49) return i + 1
  switch (ch | LETTER) {
    case 116:
      return isLetter(b[i + 1]!, 114) ? (isLetter(b[i + 2]!, 117) && isLetter(b[i + 3]!, 101) ? i + 4 : -1) : i + 1
    case 102:
      if (!isLetter(b[i + 1]!, 97)) return i + 1
      return isLetter(b[i + 2]!, 108) && isLetter(b[i + 3]!, 115) && isLetter(b[i + 4]!, 101) ? i + 5 : -1
    case 121:
      return isLetter(b[i + 1]!, 101) ? (isLetter(b[i + 2]!, 115) ? i + 3 : -1) : i + 1
    case 110:
      return isLetter(b[i + 1]!, 111) ? i + 2 : i + 1
    default:
      return -1
  }
}

function isLetter(byte: number, letter: number): boolean {
  return (byte | LETTER) === letter
}

/** What the word that begins with `first` means. */
export function isTrueWord(first: number): boolean {
  const letter = first | LETTER
  return letter === 116 || letter === 121 || first === 49
}

/** Writes true or false; returns the new end. */
export function writeBoolean(bytes: Uint8Array, o: number, isTrue: boolean): number {
  if (isTrue) {
    bytes[o] = 116
    bytes[o + 1] = 114
    bytes[o + 2] = 117
    bytes[o + 3] = 101
    return o + 4
  }
  bytes[o] = 102
  bytes[o + 1] = 97
  bytes[o + 2] = 108
  bytes[o + 3] = 115
  bytes[o + 4] = 101
  return o + 5
}
