/** The kinds of single values in connector.yaml: each says what it accepts, in words, as a check and as JSON Schema. */
import * as z from 'zod'
import { didYouMean } from '../nearest.ts'
import { parseDuration } from './duration.ts'
import { parsePercent, parseSize } from './size.ts'

/** What `check` returns for a value that it does not accept. */
export class Refused {
  readonly why: string
  constructor(why = '') {
    this.why = why
  }
}

/**
 * A value that `check` turns into what the program uses. `expected` goes into the message, `json` into the JSON Schema.
 */
export function scalar<T>(expected: string, json: Record<string, unknown>, check: (value: unknown) => T | Refused) {
  return z
    .unknown()
    .transform((value, context): T => {
      const result = value === undefined ? new Refused('missing') : check(value)
      if (!(result instanceof Refused)) return result
      const message = result.why === '' ? `expected ${expected}, found ${show(value)}` : result.why
      context.addIssue({
        code: 'custom',
        message: result.why === 'missing' ? `missing; expected ${expected}` : message,
      })
      return z.NEVER
    })
    .meta(json)
}

/** How a value of the file is shown in a message. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  const text = typeof value === 'string' ? JSON.stringify(value) : `the ${typeof value} ${String(value)}`
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

/** Text; a number or boolean is refused with the advice to quote it. */
export function text(expected = 'text', pattern?: RegExp) {
  return scalar(expected, { type: 'string', ...(pattern ? { pattern: pattern.source } : {}) }, (value) => {
    if (typeof value === 'number' || typeof value === 'boolean') {
      return new Refused(`expected ${expected}, found ${show(value)}; if that is the text, write "${value}" in quotes`)
    }
    if (value === null)
      return new Refused(`expected ${expected}, found nothing; for the word null write "null" in quotes`)
    return typeof value === 'string' && (pattern ?? /^/).test(value) ? value : new Refused()
  })
}

/** One of a few words; `later` are those that a later version will know. */
export function word<const W extends string>(words: readonly W[], later: readonly string[] = []) {
  const expected = `${words.length > 1 ? 'one of ' : ''}${words.join(', ')}`
  return scalar<W>(expected, { enum: words }, (value) => {
    const found = words.find((known) => known === value)
    if (found !== undefined) return found
    if (typeof value !== 'string') return new Refused()
    if (later.includes(value)) return new Refused(`${value} is not supported yet; supported: ${words.join(', ')}`)
    return new Refused(`expected ${expected}, found ${show(value)}${didYouMean(value, words)}`)
  })
}

/** true or false. */
export function flag() {
  return scalar('true or false', { type: 'boolean' }, (value) => (typeof value === 'boolean' ? value : new Refused()))
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER) {
  const expected =
    most === Number.MAX_SAFE_INTEGER ? `a whole number, at least ${least}` : `a whole number from ${least} to ${most}`
  return scalar(expected, { type: 'integer', minimum: least, maximum: most }, (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? (value as number)
      : new Refused(),
  )
}

/** A length of time of at least `least` milliseconds. */
export function duration(least: number, leastText: string) {
  return scalar(
    `a duration of at least ${leastText}, as in 5m or 1h30m`,
    { type: 'string', pattern: '^(\\d+(ms|s|m|h|d))+$', examples: ['30s', '5m', '1h30m'] },
    (value) => {
      const ms = typeof value === 'string' ? parseDuration(value) : undefined
      return ms === undefined || ms < least ? new Refused() : ms
    },
  )
}

/** A number of bytes of at least `least`. */
export function size(least: number, leastText: string) {
  return scalar(
    `a size of at least ${leastText}, as in 512MiB or 1GiB`,
    { type: ['string', 'integer'], examples: ['512MiB', '1GiB'] },
    (value) => {
      const bytes = parseSize(value)
      return bytes === undefined || bytes < least ? new Refused() : bytes
    },
  )
}

/** A share as `1` or `1%`. */
export function percent() {
  return scalar(
    'a percentage from 0 to 100, as in 1 or 1%',
    { type: ['number', 'string'], minimum: 0, maximum: 100 },
    (value) => {
      if (typeof value === 'number') return value >= 0 && value <= 100 ? value : new Refused()
      return (typeof value === 'string' ? parsePercent(value) : undefined) ?? new Refused()
    },
  )
}

/** A key that a later version will know; `only` are values that mean what this version does anyway. */
export function later(supported: string, only: readonly unknown[] = []) {
  return scalar('', only.length > 0 ? { enum: only } : { not: {} }, (value) =>
    only.includes(value) ? undefined : new Refused(`${plain(value)} is not supported yet; supported: ${supported}`),
  ).optional()
}

const plain = (value: unknown) =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : show(value)
