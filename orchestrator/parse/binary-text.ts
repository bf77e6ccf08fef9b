/** Bytes as a text says them, to padded base64. A text that says more or less than its bytes is refused (promise 7). */
import type { BinaryEncoding } from '../connector/definition.ts'

/** undefined for another alphabet, a length that no bytes have, or bits that belong to no byte. */
export function base64Of(text: string, encoding: BinaryEncoding): string | undefined {
  switch (encoding) {
    case 'base64':
      return text.length % 4 === 0 && Buffer.from(text, 'base64').toString('base64') === text ? text : undefined
    case 'base64url': {
      const bytes = Buffer.from(text, 'base64url')
      const written = bytes.toString('base64url')
      const isWhole = written === text || written.padEnd(Math.ceil(written.length / 4) * 4, '=') === text
      return isWhole ? bytes.toString('base64') : undefined
    }
    case 'hex':
      return text.length % 2 === 0 && /^[0-9A-Fa-f]*$/.test(text)
        ? Buffer.from(text, 'hex').toString('base64')
        : undefined
    case 'utf8':
      return text.isWellFormed() ? Buffer.from(text).toString('base64') : undefined
  }
}
