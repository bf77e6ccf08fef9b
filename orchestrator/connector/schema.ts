/**
 * connector.yaml, said once: what validates it and the JSON Schema that editors complete it with come from here.
 * Keys that a later version will know are listed, so that they are refused by name and not as unknown.
 */
import * as z from 'zod'
import type { ColumnType, MaxDeleted, Schedule } from './definition.ts'
import { parseDuration } from './duration.ts'
import { duration, flag, later, percent, Refused, scalar, size, text, whole, word } from './scalars.ts'
import { parsePercent } from './size.ts'
import { parseType } from './types.ts'

export const NAME = /^[a-z][a-z0-9-]{0,31}$/
const MAX_CONCURRENCY = 64
const SECOND = 1000

/** A single ASCII byte that can stand between or around cells. */
function asciiByte(what: string, orEmpty?: string) {
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

const separators = {
  decimal_separator: asciiByte('decimal separator'),
  thousands_separator: asciiByte('thousands separator', 'for none'),
}

const decoding = {
  encoding: later('utf-8', ['utf-8', 'utf8', 'UTF-8']),
  compression: later('none (read_bytes can decompress)', ['none']),
}

const xsv = z.strictObject({
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

const json = z.strictObject({
  type: z.literal('json'),
  mode: word(['auto', 'lines', 'array']).default('auto'),
  ...decoding,
  root: later('rows at the top; a column\'s source may be a JSON Pointer, as in "/data/id"'),
  flatten: later('a JSON Pointer as a column\'s source, as in "/data/id"', [false]),
  separator: later('a JSON Pointer as a column\'s source, as in "/data/id"'),
  max_depth: later('128'),
  max_row_bytes: later('8 MiB'),
})

const python = z.strictObject({
  type: z.literal('python'),
  function: text('the name of a function, as in parser_function', /^[A-Za-z_][A-Za-z0-9_]*$/).default(
    'parser_function',
  ),
  code: text("a file of the connector's folder").optional(),
})

export const LATER_PARSERS = ['avro', 'parquet', 'grok']
const parser = z.discriminatedUnion('type', [xsv, json, python])

const INVALID = ['skip', 'default', 'null', 'fail'] as const
// YAML reads an unquoted null as nothing; here it is the word.
const onInvalid = z
  .preprocess((value) => (value === null ? 'null' : value), word(INVALID))
  .meta({ enum: [...INVALID, null] })

export const column = z.strictObject({
  name: text('a column name'),
  type: scalar<ColumnType>('a column type, as in long', { type: 'string', examples: ['long'] }, (value) => {
    if (typeof value !== 'string') return new Refused()
    const type = parseType(value)
    return 'problem' in type ? new Refused(type.problem) : type
  }),
  source: text('header text, key or JSON Pointer').optional(),
  nullable: flag().default(true),
  default: z.unknown().optional().meta({ description: 'Taken by what is absent; has to fit the type.' }),
  on_invalid: onInvalid.default('skip'),
  trim: flag().optional(),
  decimal_separator: separators.decimal_separator.optional(),
  thousands_separator: separators.thousands_separator.optional(),
  format: later('RFC 3339 timestamps and ISO dates (a string column keeps any other form)'),
  timezone: later('UTC', ['UTC', 'Z']),
  encoding: later('base64', ['base64']),
  true_values: later('true, t, yes, y, 1 in any case'),
  false_values: later('false, f, no, n, 0 in any case'),
})

const EVERY = /^every\s+(\S+)$/
const schedule = scalar<Schedule>(
  'manual, or every <duration> of at least 10s, as in: every 15m',
  { type: 'string', pattern: '^(manual|every \\S+)$', default: 'manual', examples: ['manual', 'every 15m'] },
  (value) => {
    if (value === 'manual') return { kind: 'manual' }
    if (typeof value === 'string' && /^cron\b/.test(value))
      return new Refused('cron … is not supported yet; supported: manual, every <duration>')
    const ms = typeof value === 'string' ? parseDuration(EVERY.exec(value)?.[1] ?? '') : undefined
    return ms === undefined || ms < 10 * SECOND ? new Refused() : { kind: 'every', ms }
  },
)

const maxDeleted = scalar<MaxDeleted>(
  'a percentage or a number of fragments, as in 20% or 50',
  { type: ['string', 'integer'], default: '20%', examples: ['20%', 50] },
  (value) => {
    if (Number.isSafeInteger(value) && (value as number) >= 0) return { count: value as number }
    const share = typeof value === 'string' ? parsePercent(value) : undefined
    return share === undefined ? new Refused() : { percent: share }
  },
)

const credentials = scalar<{ env: string } | { file: string } | undefined>(
  '{env: VARIABLE}, {file: PATH} or none',
  {
    anyOf: [
      { type: 'object', properties: { env: { type: 'string' } }, required: ['env'], additionalProperties: false },
      { type: 'object', properties: { file: { type: 'string' } }, required: ['file'], additionalProperties: false },
      { enum: ['none', null] },
    ],
  },
  (value) => {
    if (value === 'none' || value === null) return undefined
    const entries = typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : []
    const [key, target] = entries[0] ?? []
    if (entries.length !== 1 || typeof target !== 'string' || target === '') return new Refused()
    if (key === 'env') return /^[A-Za-z_][A-Za-z0-9_]*$/.test(target) ? { env: target } : new Refused()
    return key === 'file' ? { file: target } : new Refused()
  },
)

/** The whole file. */
export const connectorFile = z.strictObject({
  name: text('a name of 1 to 32 characters: a small letter, then small letters, digits, "-"', NAME),
  code: text("a file of the connector's folder, as in connector.py").default('connector.py'),
  pip: z.array(text('a requirement, as in requests==2.32.3')).default([]),
  credentials: credentials.optional(),
  // Without one the connector yields rows, by read_rows.
  parser: parser.optional(),
  schema: z.strictObject({ columns: z.array(column).min(1).max(10_000) }),
  refresh: z
    .strictObject({
      schedule: schedule.default({ kind: 'manual' }),
      timezone: later('UTC', ['UTC']),
      concurrency: whole(1, MAX_CONCURRENCY).default(4),
      deleted: word(['retract', 'keep']).default('retract'),
      max_deleted: maxDeleted.default({ percent: 20 }),
      max_failed_fragments: whole(1).default(10),
    })
    .prefault({}),
  rejects: z.strictObject({ max: whole(0).default(1000), max_percent: percent().optional() }).prefault({}),
  limits: z
    .strictObject({
      memory: size(64 * 2 ** 20, '64MiB').default(2 ** 30),
      stall: duration(SECOND, '1s').default(5 * 60 * SECOND),
      fragment_bytes: size(1, '1B').default(10 * 2 ** 30),
    })
    .prefault({}),
})

export type ConnectorFile = z.output<typeof connectorFile>
export type ColumnFile = z.output<typeof column>
