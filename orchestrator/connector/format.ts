/**
 * What `format` says of a date or timestamp: a pattern with letters as in Java's DateTimeFormatter, `epoch_…` or `iso`.
 *
 *   yyyy-MM-dd[ HH:mm:ss[.SSS]]     letters stand for fields, other characters for themselves; [ ] may be there or not
 *   d. MMM yyyy 'at' h:mm a         letters that are text stand in single quotes; '' is one quote
 */
import { didYouMean } from '../nearest.ts'

/** `letters` is a key of FIELDS, or one to nine S. */
export type FormatStep =
  | { step: 'literal'; text: string }
  | { step: 'field'; letters: string }
  | { step: 'optional'; steps: FormatStep[] }

export type Format =
  | { kind: 'iso' }
  /** A count since 1970 in units of 10^-digits seconds. */
  | { kind: 'epoch'; digits: number }
  | { kind: 'pattern'; steps: FormatStep[] }

type Field = 'year' | 'month' | 'day' | 'weekday' | 'hour' | 'half' | 'minute' | 'second' | 'fraction' | 'zone'

const FIELDS: Record<string, Field> = {
  yyyy: 'year',
  uuuu: 'year',
  yy: 'year',
  MM: 'month',
  M: 'month',
  MMM: 'month',
  MMMM: 'month',
  dd: 'day',
  d: 'day',
  EEE: 'weekday',
  EEEE: 'weekday',
  HH: 'hour',
  H: 'hour',
  hh: 'hour',
  h: 'hour',
  a: 'half',
  mm: 'minute',
  m: 'minute',
  ss: 'second',
  s: 'second',
  XXX: 'zone',
  XX: 'zone',
  X: 'zone',
  xxx: 'zone',
  xx: 'zone',
  x: 'zone',
  Z: 'zone',
  z: 'zone',
  VV: 'zone',
}

const EPOCHS: Record<string, number> = { epoch_s: 0, epoch_ms: 3, epoch_us: 6, epoch_ns: 9 }
const WORDS = ['iso', ...Object.keys(EPOCHS)]
const MAX_LENGTH = 100
const MAX_DEPTH = 8
const KNOWN = `${Object.keys(FIELDS).join(' ')} S… (1 to 9), or alone one of ${WORDS.join(', ')}; other letters stand in single quotes, as in 'T'`
/** What each field makes no sense without. */
const NEEDS: [field: Field, other: Field, letters: string][] = [
  ['half', 'hour', 'hh'],
  ['minute', 'hour', 'HH (mm are minutes, MM is the month)'],
  ['second', 'minute', 'mm'],
  ['fraction', 'second', 'ss'],
]

/** The format, or what is wrong with `text`. */
export function parseFormat(text: string): Format | { problem: string } {
  if (text === 'iso') return { kind: 'iso' }
  const digits = Object.hasOwn(EPOCHS, text) ? EPOCHS[text] : undefined
  if (digits !== undefined) return { kind: 'epoch', digits }
  const hint = didYouMean(text, WORDS)
  if (hint !== '') return { problem: `${JSON.stringify(text)} is no format${hint}` }
  if (text.length > MAX_LENGTH || !text.isWellFormed())
    return { problem: `a format is Unicode text of at most ${MAX_LENGTH} characters` }
  try {
    const steps = new PatternReader(text).steps(0)
    const fields = fieldsOf(steps, new Set())
    checkWhole(fields, new Set(lettersOf(steps)))
    checkEnds(steps, [])
    return { kind: 'pattern', steps }
  } catch (error) {
    if (error instanceof Wrong) return { problem: `${JSON.stringify(text)}: ${error.message}` }
    throw error
  }
}

/** Why the format cannot be that of a date or timestamp, or undefined. */
export function misfit(format: Format, kind: 'date' | 'timestamp'): string | undefined {
  if (kind === 'timestamp' || format.kind === 'iso') return undefined
  if (format.kind === 'epoch') return 'it counts to a moment, and a date has no time of day'
  const letters = lettersOf(format.steps).find((found) => !OF_DAYS.has(fieldOf(found)))
  return letters && `it has a time of day or zone (${letters}), and a date has none`
}

const OF_DAYS = new Set<Field>(['year', 'month', 'day', 'weekday'])

/** True when a text may name a zone by its IANA name. */
export function namesZones(format: Format): boolean {
  return format.kind === 'pattern' && lettersOf(format.steps).includes('VV')
}

class Wrong extends Error {}

const fieldOf = (letters: string): Field => FIELDS[letters] ?? 'fraction'

function lettersOf(steps: FormatStep[]): string[] {
  return steps.flatMap((step) =>
    step.step === 'field' ? [step.letters] : step.step === 'optional' ? lettersOf(step.steps) : [],
  )
}

/** All fields; Wrong when one is there twice wherever its first is. */
function fieldsOf(steps: FormatStep[], outside: ReadonlySet<Field>): Set<Field> {
  const here = new Set(outside)
  for (const step of steps) {
    if (step.step !== 'field') continue
    const field = fieldOf(step.letters)
    if (here.has(field)) throw new Wrong(`the ${field} is there twice (${step.letters})`)
    here.add(field)
  }
  const all = new Set(here)
  for (const step of steps) if (step.step === 'optional') for (const field of fieldsOf(step.steps, here)) all.add(field)
  return all
}

function checkWhole(fields: Set<Field>, letters: Set<string>): void {
  for (const [field, example] of [
    ['year', 'yyyy'],
    ['month', 'MM'],
    ['day', 'dd'],
  ] as const)
    if (!fields.has(field)) throw new Wrong(`it has no ${field} (${example})`)
  if ((letters.has('h') || letters.has('hh')) && !fields.has('half'))
    throw new Wrong('h counts to 12 and needs a (AM or PM); hours from 0 to 23 are H')
  for (const [field, other, example] of NEEDS)
    if (fields.has(field) && !fields.has(other))
      throw new Wrong(`it has a ${field === 'half' ? 'half of the day' : field} without ${example}`)
}

/** Wrong when nobody can say where a field of one or two digits ends. */
function checkEnds(steps: FormatStep[], behind: FormatStep[]): void {
  for (const [at, step] of steps.entries()) {
    const rest = [...steps.slice(at + 1), ...behind]
    if (step.step === 'optional') checkEnds(step.steps, rest)
    else if (step.step === 'field' && /^[MdHhmsXx]$/.test(step.letters) && mayBeginWithDigit(rest))
      throw new Wrong(
        `${step.letters} may take more or fewer digits, and others follow at once; write ${step.letters.repeat(2)}`,
      )
  }
}

function mayBeginWithDigit(steps: FormatStep[]): boolean {
  for (const step of steps) {
    if (step.step === 'literal') return /^[0-9]/.test(step.text)
    if (step.step === 'field') return /^([yudHhmsS]|MM?$)/.test(step.letters)
    if (mayBeginWithDigit(step.steps)) return true
  }
  return false
}

class PatternReader {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  steps(depth: number): FormatStep[] {
    const { text } = this
    const steps: FormatStep[] = []
    const opened = this.at
    while (this.at < text.length) {
      const start = this.at
      const char = text[start]!
      if (char === ']' && depth > 0) break
      if (char === '[') {
        if (depth === MAX_DEPTH) throw new Wrong(`[ ] are nested deeper than ${MAX_DEPTH}`)
        this.at++
        steps.push({ step: 'optional', steps: this.steps(depth + 1) })
        this.at++
      } else if (/[A-Za-z]/.test(char)) steps.push({ step: 'field', letters: this.letters(char) })
      else literal(steps, char === "'" ? this.quoted() : this.plain(char))
    }
    if (depth > 0 && this.at === text.length) throw new Wrong(`the [ at character ${opened} is never closed`)
    if (steps.length === 0)
      throw new Wrong(depth > 0 ? `there is nothing in the [ ] at character ${opened}` : 'it is empty')
    return steps
  }

  private letters(char: string): string {
    const start = this.at
    while (this.text[this.at] === char) this.at++
    const letters = this.text.slice(start, this.at)
    if (Object.hasOwn(FIELDS, letters) || /^S{1,9}$/.test(letters)) return letters
    const others = [...Object.keys(FIELDS), 'S…'].filter((known) => known.toLowerCase().startsWith(char.toLowerCase()))
    const hint = others.length === 0 ? '' : `; of this letter there are ${others.join(' ')}`
    throw new Wrong(`unknown letters "${letters}" at character ${start + 1}${hint}; expected ${KNOWN}`)
  }

  private quoted(): string {
    const start = this.at
    const found = /'((?:[^']|'')*)'/y
    found.lastIndex = start
    const inside = found.exec(this.text)?.[1]
    if (inside === undefined) throw new Wrong(`the quote at character ${start + 1} is never closed`)
    this.at = found.lastIndex
    return plainText(inside === '' ? "'" : inside.replaceAll("''", "'"), start)
  }

  private plain(char: string): string {
    if (']{}#'.includes(char)) throw new Wrong(`"${char}" at character ${this.at + 1} has to stand in single quotes`)
    this.at++
    return plainText(char, this.at - 1)
  }
}

function plainText(text: string, start: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break would end the record before it ends the value
  if (/[\u0000-\u0008\u000a-\u001f]/.test(text)) throw new Wrong(`a control character at character ${start + 1}`)
  return text
}

function literal(steps: FormatStep[], text: string): void {
  const last = steps.at(-1)
  if (last?.step === 'literal') last.text += text
  else steps.push({ step: 'literal', text })
}
