/** `type: xsv`: CSV and its kin. */
import * as z from 'zod'
import type { XsvOptions } from '../definition.ts'
import type { Problem, Source } from '../positions.ts'
import { valueAt } from '../problems.ts'
import { flag, later, text, whole, word } from '../scalars.ts'
import { asciiByte, decoding, separators } from './shared.ts'

export const xsv = z.strictObject({
  type: z.literal('xsv'),
  delimiter: asciiByte('delimiter').default(','),
  quote: asciiByte('quote', 'to switch quoting off').default('"'),
  escape: asciiByte('escape', 'for a doubled quote').default(''),
  comment: asciiByte('start of a comment', 'for no comments').default(''),
  header_lines: whole(0, 1000).default(1),
  trim: flag().default(false),
  decimal_separator: separators.decimal_separator.default('.'),
  thousands_separator: separators.thousands_separator.default(''),
  null_values: z.array(text()).default(['']),
  ragged: word(['reject', 'allow']).default('reject'),
  ...decoding,
  line_end: later('auto (LF and CRLF)', ['auto']),
  skip_blank_lines: later('true', [true]),
  max_row_bytes: later('8 MiB'),
})

export function xsvOptions(parser: z.output<typeof xsv>): XsvOptions {
  return {
    type: 'xsv',
    compression: parser.compression,
    delimiter: parser.delimiter,
    quote: parser.quote,
    escape: parser.escape,
    comment: parser.comment,
    headerLines: parser.header_lines,
    trim: parser.trim,
    decimalSeparator: parser.decimal_separator,
    thousandsSeparator: parser.thousands_separator,
    nullValues: parser.null_values,
    ragged: parser.ragged,
  }
}

/** Characters with two meanings make every row ambiguous. */
export function xsvProblems(source: Source): Problem[] {
  const keys = ['delimiter', 'quote', 'escape', 'comment']
  const given = {
    delimiter: ',',
    quote: '"',
    escape: '',
    comment: '',
    ...(valueAt(source.value, ['parser']) as object),
  }
  const seen = new Map<unknown, string>()
  const problems: Problem[] = []
  for (const key of keys) {
    const value = valueAt(given, [key])
    const other = value === '' ? undefined : seen.get(value)
    // An escape equal to the quote says what a doubled quote is anyway.
    if (other !== undefined && !(key === 'escape' && other === 'quote')) {
      problems.push({
        ...source.at(['parser', key]),
        message: `parser.${key}: ${JSON.stringify(value)} is already the ${other}`,
      })
    }
    seen.set(value, key)
  }
  return problems
}
