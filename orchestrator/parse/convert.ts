/** The slow path: any text to NDJSON by the full rules of its type, the same for XSV cells and JSON strings. */
import { nestedText } from './nested.ts'
import { LIST, type ProgramValue } from './program.ts'
import type { Bad } from './rejects.ts'
import { scalarText } from './scalar-text.ts'

/** NDJSON text, or why there is none. Trims when the column says so. */
export function convert(value: ProgramValue, text: string): string | Bad {
  return value.op >= LIST ? nestedText(value, text) : scalarText(value, text)
}
