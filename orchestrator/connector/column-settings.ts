/** What a column says beyond its type: formats, time zone, encoding, words. Each has to make sense for the type. */
import type { Column, ColumnType } from './definition.ts'
import { type Format, misfit, namesZones, parseFormat } from './format.ts'
import type { Path, Problem, Source } from './positions.ts'
import { showPath } from './problems.ts'
import { Refused, scalar, show } from './scalars.ts'
import type { ColumnFile } from './schema.ts'
import { hasNamedZones, NAMED_ZONES_NEED, parseTimezone } from './timezone.ts'
import { formatType } from './types.ts'

const MAX_FORMATS = 16
const MAX_WORDS = 100

/** One format or several; the texts, of which each is known to be one. */
export const format = scalar<string[]>(
  'a format, as in "yyyy-MM-dd HH:mm:ss" or epoch_ms, or a list of them',
  {
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MAX_FORMATS }],
    examples: ['dd.MM.yyyy', 'yyyy-MM-dd HH:mm:ss', 'epoch_ms', 'iso'],
  },
  (value) => {
    const texts: unknown[] = Array.isArray(value) ? value : [value]
    if (texts.length === 0 || !texts.every((text) => typeof text === 'string')) return new Refused()
    if (texts.length > MAX_FORMATS) return new Refused(`expected at most ${MAX_FORMATS} formats, found ${texts.length}`)
    for (const text of texts) {
      const parsed = parseFormat(text)
      if ('problem' in parsed) return new Refused(parsed.problem)
      if (namesZones(parsed) && !hasNamedZones()) return new Refused(`${JSON.stringify(text)}: ${NAMED_ZONES_NEED}`)
    }
    return texts
  },
)

export const timezone = scalar<string>(
  'a time zone: UTC, an offset, as in "+01:00", or a name, as in Europe/Berlin',
  { type: 'string', examples: ['UTC', 'Europe/Berlin', '+01:00'] },
  (value) => {
    if (typeof value !== 'string') return new Refused()
    const parsed = parseTimezone(value)
    return 'problem' in parsed ? new Refused(parsed.problem) : parsed.zone
  },
)

export const words = scalar<string[]>(
  `a list of 1 to ${MAX_WORDS} words, as in [yes, on]`,
  { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MAX_WORDS },
  (value) => {
    if (!Array.isArray(value) || value.length === 0 || value.length > MAX_WORDS) return new Refused()
    const other: unknown = value.find((word) => typeof word !== 'string')
    if (other === undefined) return value
    const written =
      typeof other === 'object' ? '' : `; if ${String(other)} is a word, write "${String(other)}" in quotes`
    return new Refused(`expected words, found ${show(other)}${written}`)
  },
)

/** What the column keeps of them. A key that was not given is not there: it changes no version of a connector. */
export function settingsOf(data: ColumnFile): Partial<Column> {
  const { format, timezone, encoding, true_values: trueValues, false_values: falseValues } = data
  return {
    ...(format && { format }),
    ...(timezone && { timezone }),
    ...(encoding && { encoding }),
    ...((trueValues || falseValues) && {
      trueValues: trueValues ?? TRUE_WORDS,
      falseValues: falseValues ?? FALSE_WORDS,
    }),
  }
}

/** Settings hold for all that is inside of a list, map or struct: each needs something there that it is for. */
export function settingsProblems(source: Source, path: Path, data: ColumnFile): Problem[] {
  const kinds = kindsIn(data.type)
  const bad = (key: keyof ColumnFile, message: string): Problem => {
    const at = [...path, key]
    return { ...source.at(at), message: `${showPath(at)}: ${message}` }
  }
  const problems: Problem[] = []
  for (const [key, wanted] of MADE_FOR) {
    if (data[key] === undefined || wanted.some((kind) => kinds.has(kind))) continue
    problems.push(bad(key, `${key} is for ${wanted.join(' and ')} columns, and this one is ${formatType(data.type)}`))
  }
  const times = (['date', 'timestamp'] as const).filter((kind) => kinds.has(kind))
  for (const text of times.length > 0 ? (data.format ?? []) : []) {
    const format = parseFormat(text) as Format
    const misfits = times.map((kind) => misfit(format, kind))
    // Inside of a struct a format may be for the dates alone, or for the timestamps alone.
    if (!misfits.includes(undefined)) problems.push(bad('format', `${JSON.stringify(text)}: ${misfits[0]}`))
  }
  if (kinds.has('boolean')) {
    const both = sameWords(data)
    if (both.length > 0) {
      const key = data.true_values ? 'true_values' : 'false_values'
      problems.push(bad(key, `${both.map((word) => JSON.stringify(word)).join(', ')} would be both true and false`))
    }
  }
  return problems
}

const MADE_FOR: [key: 'format' | 'timezone' | 'encoding' | 'true_values' | 'false_values', kinds: string[]][] = [
  ['format', ['date', 'timestamp']],
  ['timezone', ['timestamp']],
  ['encoding', ['binary']],
  ['true_values', ['boolean']],
  ['false_values', ['boolean']],
]

const TRUE_WORDS = ['true', 't', 'yes', 'y', '1']
const FALSE_WORDS = ['false', 'f', 'no', 'n', '0']

function sameWords(data: ColumnFile): string[] {
  const falseWords = new Set((data.false_values ?? FALSE_WORDS).map((word) => word.toLowerCase()))
  return (data.true_values ?? TRUE_WORDS).filter((word) => falseWords.has(word.toLowerCase()))
}

function kindsIn(type: ColumnType): Set<string> {
  switch (type.kind) {
    case 'list':
      return kindsIn(type.element)
    case 'map':
      return kindsIn(type.value)
    case 'struct':
      return new Set(type.fields.flatMap((field) => [...kindsIn(field.type)]))
    default:
      return new Set([type.kind])
  }
}
