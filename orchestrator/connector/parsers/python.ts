/** `type: python`: the author's own parser. */
import { normalize } from 'node:path'
import * as z from 'zod'
import type { PythonOptions } from '../definition.ts'
import { text } from '../scalars.ts'

export const python = z.strictObject({
  type: z.literal('python'),
  function: text('the name of a function, as in parser_function', /^[A-Za-z_][A-Za-z0-9_]*$/).default(
    'parser_function',
  ),
  code: text("a file of the connector's folder").optional(),
})

export function pythonOptions({ function: name, code }: z.output<typeof python>): PythonOptions {
  return { type: 'python', function: name, code: code ? normalize(code) : '' }
}
