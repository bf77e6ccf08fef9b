/** The parsers, told apart by their `type`: one file each says what it takes and what becomes of that. */
import * as z from 'zod'
import type { GrokOptions, ParserOptions } from '../definition.ts'
import type { Problem, Source } from '../positions.ts'
import { valueAt } from '../problems.ts'
import { avro, avroOptions } from './avro.ts'
import { grok } from './grok.ts'
import { json, jsonOptions } from './json.ts'
import { python, pythonOptions } from './python.ts'
import { xsv, xsvOptions, xsvProblems } from './xsv.ts'

export const parser = z.discriminatedUnion('type', [xsv, json, avro, grok, python])

/** Without a parser the connector yields rows, by read_rows. `grokOptions`: what readGrok found, which has files to read. */
export function parserOptions(
  given: z.output<typeof parser> | undefined,
  grokOptions: GrokOptions | undefined,
): ParserOptions | undefined {
  switch (given?.type) {
    case undefined:
      return { type: 'rows' }
    case 'xsv':
      return xsvOptions(given)
    case 'json':
      return jsonOptions(given)
    case 'grok':
      return grokOptions
    case 'avro':
      return avroOptions(given)
    case 'python':
      return pythonOptions(given)
  }
}

/** Parsers whose files say what their columns are: the schema may be left out. */
const BRING_COLUMNS = new Set<unknown>(['avro'] satisfies ParserOptions['type'][])

/** `type` as the file has it, so that it counts even when another key of the parser is wrong. */
export const bringsColumns = (type: unknown) => BRING_COLUMNS.has(type)

/** What one key cannot know by itself. */
export function parserProblems(source: Source): Problem[] {
  return valueAt(source.value, ['parser', 'type']) === 'xsv' ? xsvProblems(source) : []
}
