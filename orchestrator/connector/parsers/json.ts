/** `type: json`: lines, values one behind the other, arrays. */
import * as z from 'zod'
import type { JsonOptions } from '../definition.ts'
import { later, word } from '../scalars.ts'
import { decoding } from './shared.ts'

export const json = z.strictObject({
  type: z.literal('json'),
  mode: word(['auto', 'lines', 'array']).default('auto'),
  ...decoding,
  root: later('rows at the top; a column\'s source may be a JSON Pointer, as in "/data/id"'),
  flatten: later('a JSON Pointer as a column\'s source, as in "/data/id"', [false]),
  separator: later('a JSON Pointer as a column\'s source, as in "/data/id"'),
  max_depth: later('128'),
  max_row_bytes: later('8 MiB'),
})

export function jsonOptions({ compression, mode }: z.output<typeof json>): JsonOptions {
  return { type: 'json', compression, mode }
}
