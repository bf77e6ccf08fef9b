/**
 * connector.yaml, said once: what validates it and the JSON Schema that editors complete it with come from here.
 * Keys that a later version will know are listed, so that they are refused by name and not as unknown.
 */
import * as z from 'zod'
import { format, timezone, words } from './column-settings.ts'
import { BINARY_ENCODINGS, type ColumnType, type MaxDeleted, type Schedule } from './definition.ts'
import { parseDuration } from './duration.ts'
import { parser } from './parsers/parser.ts'
import { separators } from './parsers/shared.ts'
import { duration, flag, later, percent, Refused, scalar, size, text, whole, word } from './scalars.ts'
import { parsePercent } from './size.ts'
import { parseType } from './types.ts'

export const NAME = /^[a-z][a-z0-9-]{0,31}$/
const MAX_CONCURRENCY = 64
const SECOND = 1000

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
  format: format.optional(),
  timezone: timezone.optional(),
  encoding: word(BINARY_ENCODINGS).optional(),
  true_values: words.optional(),
  false_values: words.optional(),
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
  // Needed unless the parser's files bring their own; load.ts looks.
  schema: z.strictObject({ columns: z.array(column).min(1).max(10_000) }).optional(),
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
