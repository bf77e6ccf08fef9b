/** What a column's formats, time zone, encoding and words mean for one type, be it the column's own or one inside of it. */
import type { BinaryEncoding, Column, ColumnType } from '../connector/definition.ts'
import { type Format, misfit, parseFormat } from '../connector/format.ts'

/** In lower case, and what each means. */
export type Words = ReadonlyMap<string, boolean>

export interface ValueSettings {
  /** Dates and timestamps: the forms that a text may have, the first that fits. */
  formats: readonly Format[]
  /** Timestamps: `UTC`, `+01:00` or the name of the zone that a text has which names none. */
  timezone: string
  encoding: BinaryEncoding
  /** Booleans with words of their own. */
  words: Words | undefined
  /** What a text should have been, for messages. */
  expected: string
}

export type Settings = Omit<Column, 'name' | 'type' | 'source' | 'nullable' | 'default' | 'onInvalid'>

export function valueSettings({ kind }: ColumnType, settings: Settings): ValueSettings {
  const texts = kind === 'date' || kind === 'timestamp' ? formatsOf(kind, settings) : []
  return {
    formats: texts.map(formatOf),
    timezone: kind === 'timestamp' ? (settings.timezone ?? 'UTC') : 'UTC',
    encoding: settings.encoding ?? 'base64',
    words: kind === 'boolean' ? wordsOf(settings) : undefined,
    expected: expectedOf(kind, texts, settings),
  }
}

/** True when the grammar of the type alone does not do. */
export function needsReader({ formats, timezone, words }: ValueSettings): boolean {
  return words !== undefined || timezone !== 'UTC' || formats.some(({ kind }) => kind !== 'iso')
}

function formatOf(text: string): Format {
  const format = parseFormat(text)
  if ('problem' in format) throw new TypeError(format.problem)
  return format
}

/** Those of the column's formats that can be of this type, which inside of a struct need not be all; ISO without any. */
function formatsOf(kind: 'date' | 'timestamp', { format = [] }: Settings): readonly string[] {
  const fitting = format.filter((text) => misfit(formatOf(text), kind) === undefined)
  return fitting.length === 0 ? ['iso'] : fitting
}

function wordsOf({ trueValues, falseValues }: Settings): Words | undefined {
  if (!trueValues || !falseValues) return undefined
  const words = new Map(falseValues.map((word) => [word.toLowerCase(), false]))
  for (const word of trueValues) words.set(word.toLowerCase(), true)
  return words
}

const ISO = { date: 'YYYY-MM-DD', timestamp: 'an RFC 3339 time' }

const ENCODED: Record<BinaryEncoding, string> = {
  base64: 'padded base64',
  base64url: 'base64 with - and _ in place of + and /',
  hex: 'two hex digits a byte',
  utf8: 'text',
}

const EXPECTED: Record<Exclude<ColumnType['kind'], 'binary' | 'date' | 'timestamp'>, string> = {
  boolean: 'true, t, yes, y, 1 or false, f, no, n, 0',
  byte: 'digits, with or without a sign',
  short: 'digits, with or without a sign',
  int: 'digits, with or without a sign',
  long: 'digits, with or without a sign',
  float: 'a number',
  double: 'a number',
  decimal: 'a number',
  string: 'text',
  json: 'a JSON value',
  list: 'a JSON array',
  map: 'a JSON object',
  struct: 'a JSON object',
}

function expectedOf(kind: ColumnType['kind'], formats: readonly string[], settings: Settings): string {
  const { encoding = 'base64', trueValues, falseValues } = settings
  if (kind === 'date' || kind === 'timestamp')
    return formats.map((text) => (text === 'iso' ? ISO[kind] : text)).join(' or ')
  if (kind === 'binary') return ENCODED[encoding]
  if (kind !== 'boolean' || !trueValues || !falseValues) return EXPECTED[kind]
  return `${trueValues.join(', ')} or ${falseValues.join(', ')}`
}
