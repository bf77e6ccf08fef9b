/**
 * Patterns of digits at fixed places, as dd.MM.yyyy HH:mm:ss: the same as time-pattern.ts reads, without a loop over steps
 * (30 in place of 100 ns; wasm/shared.h does them too).
 */
import type { FormatStep } from '../connector/format.ts'
import { type Moment, NO_OFFSET } from './moment.ts'
import type { ProgramValue } from './program.ts'
import { bytesOf } from './tables.ts'
import type { Form } from './time-forms.ts'
import { daysIn } from './times.ts'

const WIDTHS: Record<string, number> = { yyyy: 4, uuuu: 4, MM: 2, dd: 2, HH: 2, mm: 2, ss: 2 }

/** Where the fields of such a text are. */
export interface Places {
  /** Its bytes, with 0 for each digit. */
  template: Uint8Array
  year: number
  month: number
  day: number
  /** -1 for a field that is not there. */
  hour: number
  minute: number
  second: number
  fraction: number
  fractionLength: number
}

/** undefined when the pattern has anything but such fields and text between them. */
export function placesOf(steps: readonly FormatStep[]): Places | undefined {
  const places = new Map<string, number>()
  const template: number[] = []
  let fractionLength = 0
  for (const step of steps) {
    if (step.step === 'optional') return undefined
    if (step.step === 'literal') {
      template.push(...bytesOf(step.text))
      continue
    }
    const isFraction = step.letters.startsWith('S')
    const width = isFraction ? step.letters.length : WIDTHS[step.letters]
    if (width === undefined) return undefined
    if (isFraction) fractionLength = width
    places.set(step.letters[0]!, template.length)
    template.push(...new Uint8Array(width))
  }
  const at = (letter: string) => places.get(letter) ?? -1
  return {
    template: Uint8Array.from(template),
    year: Math.max(at('y'), at('u')),
    month: at('M'),
    day: at('d'),
    hour: at('H'),
    minute: at('m'),
    second: at('s'),
    fraction: at('S'),
    fractionLength,
  }
}

/** Those of the one format of a value whose texts name no zone and need none. */
export function placesOfValue({ formats, timezone }: ProgramValue): Places | undefined {
  const [format] = formats
  return formats.length === 1 && format?.kind === 'pattern' && timezone === 'UTC' ? placesOf(format.steps) : undefined
}

export class FixedPattern implements Form {
  private readonly length: number
  /** Pairs of place and byte. */
  private readonly literals: Uint16Array
  private readonly year: number
  private readonly month: number
  private readonly day: number
  private readonly hour: number
  private readonly minute: number
  private readonly second: number
  private readonly fraction: number
  private readonly fractionLength: number

  constructor({ template, year, month, day, hour, minute, second, fraction, fractionLength }: Places) {
    this.length = template.length
    this.literals = Uint16Array.from([...template].flatMap((byte, at) => (byte === 0 ? [] : [at, byte])))
    this.year = year
    this.month = month
    this.day = day
    this.hour = hour
    this.minute = minute
    this.second = second
    this.fraction = fraction
    this.fractionLength = fractionLength
  }

  read(b: Uint8Array, i: number, moment: Moment): number {
    const { literals, fractionLength } = this
    for (let k = 0; k < literals.length; k += 2) if (b[i + literals[k]!] !== literals[k + 1]) return -1
    const century = two(b, i + this.year)
    const inCentury = two(b, i + this.year + 2)
    const month = two(b, i + this.month)
    const day = two(b, i + this.day)
    const hour = this.hour < 0 ? 0 : two(b, i + this.hour)
    const minute = this.minute < 0 ? 0 : two(b, i + this.minute)
    const second = this.second < 0 ? 0 : two(b, i + this.second)
    const year = century * 100 + inCentury
    if ((century | inCentury | hour | minute | second) < 0 || year < 1 || month < 1 || month > 12 || day < 1) return -1
    if (hour > 23 || minute > 59 || second > 59 || (day > 28 && day > daysIn(year, month))) return -1
    for (let k = 0, at = i + this.fraction; k < fractionLength; k++, at++) {
      if ((b[at]! - 48) >>> 0 > 9) return -1
      moment.fraction[k] = b[at]!
    }
    moment.year = year
    moment.month = month
    moment.day = day
    moment.hour = hour
    moment.minute = minute
    moment.second = second
    moment.digits = fractionLength
    moment.isTooFine = false
    moment.offset = NO_OFFSET
    moment.zone = undefined
    return i + this.length
  }
}

/** The number of two digits, or -1. */
function two(b: Uint8Array, i: number): number {
  const tens = b[i]! - 48
  const ones = b[i + 1]! - 48
  return tens >>> 0 > 9 || ones >>> 0 > 9 ? -1 : tens * 10 + ones
}
