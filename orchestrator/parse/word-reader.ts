/** Words that a boolean column has in place of the usual ones, in any case. */
import type { Reader } from './reader.ts'
import { bytesOf } from './tables.ts'
import type { Words } from './value-settings.ts'
import { writeBoolean } from './words.ts'

export class WordReader implements Reader {
  private readonly words: { bytes: Uint8Array; isTrue: boolean }[]
  private isTrue = false

  constructor(words: Words, trims: boolean) {
    // Cases beyond ASCII, and what is trimmed, are left to the slow path, which has the text.
    const plain = [...words].filter(([word]) => /^[ -~]*$/.test(word) && !(trims && word !== word.trim()))
    this.words = plain.map(([word, isTrue]) => ({ bytes: bytesOf(word), isTrue }))
  }

  read(b: Uint8Array, i: number, ends: Uint8Array): number {
    const { words } = this
    for (let w = 0; w < words.length; w++) {
      const { bytes, isTrue } = words[w]!
      let k = 0
      while (k < bytes.length && lower(b[i + k]!) === bytes[k]) k++
      if (k < bytes.length || ends[b[i + k]!] === 0) continue
      this.isTrue = isTrue
      return i + k
    }
    return -1
  }

  write(bytes: Uint8Array, o: number): number {
    return writeBoolean(bytes, o, this.isTrue)
  }
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte
}

/** Lower case, as words are kept. */
export function wordText(words: Words, text: string): 'true' | 'false' | undefined {
  const isTrue = words.get(text.toLowerCase())
  return isTrue === undefined ? undefined : isTrue ? 'true' : 'false'
}
