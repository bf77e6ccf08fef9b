/** What several parsers, and the columns, have in common. */
import { later, Refused, scalar, word } from '../scalars.ts'

/** A single ASCII byte that can stand between or around cells. */
export function asciiByte(what: string, orEmpty?: string) {
  return scalar(
    `one ASCII character as ${what}${orEmpty ? `, or "" ${orEmpty}` : ''}`,
    { type: 'string', maxLength: 1, ...(orEmpty ? {} : { minLength: 1 }) },
    (value) => {
      if (value === '' && orEmpty) return ''
      if (value === '\\t') return new Refused(`expected one character, found \\t; write "\\t" in double quotes`)
      if (typeof value !== 'string' || value.length !== 1 || value > '\x7f' || '\r\n\0'.includes(value))
        return new Refused()
      return value
    },
  )
}

export const separators = {
  decimal_separator: asciiByte('decimal separator'),
  thousands_separator: asciiByte('thousands separator', 'for none'),
}

/** From bytes as they come to text. */
export const decoding = {
  encoding: later('utf-8', ['utf-8', 'utf8', 'UTF-8']),
  compression: word(['auto', 'none', 'gzip', 'zlib', 'zstd', 'brotli']).default('auto'),
}
