/** Texts of a pattern (connector/format.ts) over bytes: one loop over its code, no allocation for a value. */
import type { FormatStep } from '../connector/format.ts'
import { type Moment, NO_OFFSET } from './moment.ts'
import { bytesOf } from './tables.ts'
import {
  ABBREVIATION,
  CENTURY,
  CLOCK,
  codeOf,
  DAY,
  END,
  FOUR,
  FRACTION,
  FRACTION_DIGITS,
  HALF,
  HALF_NAME,
  HOUR,
  LITERAL,
  MINUTE,
  MONTH,
  MONTH_NAME,
  OFFSET,
  ONE_OR_TWO,
  SECOND,
  SECTION,
  TWO,
  WEEKDAY,
  WEEKDAY_NAME,
  YEAR,
  ZONE,
  ZONE_NAME,
} from './time-code.ts'
import type { Form } from './time-forms.ts'
import { daysIn } from './times.ts'
import { readAbbreviation, readOffset, ZoneNames } from './zone-text.ts'

const MONTHS = names('january february march april may june july august september october november december')
/** As days since 1970 count: that began on a Thursday. */
const WEEKDAYS = names('thursday friday saturday sunday monday tuesday wednesday')

/** By field: the smallest and largest number. */
const LEAST = Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 0, 1)
const MOST = Uint8Array.of(0, 12, 31, 23, 59, 59, 0, 0, 12)

/** By field: the bit that says it was seen; that of an hour is in the clock's too. */
const BITS = Int32Array.from({ length: ZONE + 1 }, (_, field) => 1 << field)
BITS[CLOCK]! |= 1 << HOUR

const DAY_BITS = (1 << YEAR) | (1 << MONTH) | (1 << DAY)
/** Bits of a field, and of what it makes no sense without. */
const NEEDS = [
  [1 << CLOCK, 1 << HALF],
  [1 << HALF, 1 << HOUR],
  [1 << MINUTE, 1 << HOUR],
  [1 << SECOND, 1 << MINUTE],
  [1 << FRACTION, 1 << SECOND],
] as const

export class Pattern implements Form {
  private readonly code: Uint16Array
  /** By field; counts only when its bit was seen. */
  private readonly values = new Int32Array(ZONE + 1)
  /** Of each section that is open: the code behind it, input and bits before it. */
  private readonly open: Int32Array
  private readonly zoneNames = new ZoneNames()
  /** Bits that are known to be of a whole moment. */
  private whole = -1

  constructor(steps: readonly FormatStep[]) {
    const code = codeOf(steps)
    this.code = Uint16Array.from(code)
    this.open = new Int32Array(3 * code.filter((op, at) => at % 2 === 0 && op === SECTION).length)
  }

  read(b: Uint8Array, start: number, moment: Moment): number {
    const { code, values, open } = this
    let i = start
    let seen = 0
    let depth = 0
    moment.offset = NO_OFFSET
    moment.zone = undefined
    moment.isTooFine = false
    for (let pc = 0; pc < code.length; pc += 2) {
      const op = code[pc]!
      const operand = code[pc + 1]!
      let field = operand
      let value = 0
      let end = -1
      switch (op) {
        case LITERAL:
          if (b[i] !== operand) break
          i++
          continue
        case TWO: {
          const tens = (b[i]! - 48) >>> 0
          const ones = (b[i + 1]! - 48) >>> 0
          value = tens * 10 + ones
          if (tens <= 9 && ones <= 9 && value >= LEAST[field]! && value <= MOST[field]!) end = i + 2
          break
        }
        case ONE_OR_TWO: {
          const first = (b[i]! - 48) >>> 0
          const second = (b[i + 1]! - 48) >>> 0
          value = second > 9 ? first : first * 10 + second
          if (first <= 9 && value >= LEAST[field]! && value <= MOST[field]!) end = second > 9 ? i + 1 : i + 2
          break
        }
        case FOUR:
          value = digits(b, i, i + 4)
          if (value >= 1) end = i + 4
          break
        case CENTURY:
          value = digits(b, i, i + 2)
          if (value >= 0) end = i + 2
          value += 2000
          break
        case MONTH_NAME:
          field = MONTH
          value = nameAt(MONTHS, b, i) + 1
          if (value > 0) end = endOfName(MONTHS[value - 1]!, b, i, operand)
          break
        case WEEKDAY_NAME:
          field = WEEKDAY
          value = nameAt(WEEKDAYS, b, i)
          if (value >= 0) end = endOfName(WEEKDAYS[value]!, b, i, operand)
          break
        case HALF_NAME:
          field = HALF
          value = (b[i]! | 32) === 112 ? 12 : 0
          if ((value > 0 || (b[i]! | 32) === 97) && (b[i + 1]! | 32) === 109) end = i + 2
          break
        case FRACTION_DIGITS:
          field = FRACTION
          value = operand
          // A second fraction, or zone, is refused below; it must not replace the first.
          if ((seen & BITS[FRACTION]!) === 0) end = fraction(b, i, operand, moment)
          break
        case OFFSET:
        case ABBREVIATION:
        case ZONE_NAME:
          field = ZONE
          if ((seen & BITS[ZONE]!) === 0) end = this.zone(b, i, op, operand, moment)
          break
        case SECTION:
          open[depth++] = operand
          open[depth++] = i
          open[depth++] = seen
          continue
        case END:
          depth -= 3
          continue
      }
      if (end >= 0 && (seen & BITS[field]!) === 0) {
        values[field] = value
        seen |= BITS[field]!
        i = end
        continue
      }
      // No fit: neither is the innermost section that is open.
      if (depth === 0) return -1
      seen = open[--depth]!
      i = open[--depth]!
      pc = open[--depth]! - 2
      if ((seen & BITS[ZONE]!) === 0) {
        moment.offset = NO_OFFSET
        moment.zone = undefined
      }
    }
    return this.take(seen, moment) ? i : -1
  }

  private zone(b: Uint8Array, i: number, op: number, style: number, moment: Moment): number {
    if (op === OFFSET) return readOffset(b, i, style, moment)
    return op === ABBREVIATION ? readAbbreviation(b, i, moment) : this.zoneNames.read(b, i, moment)
  }

  /** What was seen, when it is a day that exists, and a time. */
  private take(seen: number, moment: Moment): boolean {
    const { values } = this
    if (seen !== this.whole) {
      if ((seen & DAY_BITS) !== DAY_BITS) return false
      for (const [bit, other] of NEEDS) if ((seen & bit) !== 0 && (seen & other) === 0) return false
      this.whole = seen
    }
    const year = values[YEAR]!
    const month = values[MONTH]!
    const day = values[DAY]!
    if (day > 28 && day > daysIn(year, month)) return false
    moment.year = year
    moment.month = month
    moment.day = day
    moment.hour = (seen & (1 << HOUR)) === 0 ? 0 : values[HOUR]!
    moment.minute = (seen & (1 << MINUTE)) === 0 ? 0 : values[MINUTE]!
    moment.second = (seen & (1 << SECOND)) === 0 ? 0 : values[SECOND]!
    moment.digits = (seen & (1 << FRACTION)) === 0 ? 0 : values[FRACTION]!
    if ((seen & (1 << CLOCK)) !== 0) moment.hour = (values[CLOCK]! % 12) + values[HALF]!
    else if ((seen & (1 << HALF)) !== 0 && moment.hour >= 12 !== values[HALF]! > 0) return false
    if ((seen & (1 << WEEKDAY)) === 0) return true
    // Floor division, as 1970 is not the first year.
    const days = moment.days()
    return days - Math.floor(days / 7) * 7 === values[WEEKDAY]
  }
}

function names(text: string): Uint8Array[] {
  return text.split(' ').map(bytesOf)
}

/** Which name begins at b[i], by its first three letters in any case; -1 for none. */
function nameAt(names: readonly Uint8Array[], b: Uint8Array, i: number): number {
  for (let k = 0; k < names.length; k++) if (endOfName(names[k]!, b, i, 0) >= 0) return k
  return -1
}

function endOfName(name: Uint8Array, b: Uint8Array, i: number, isWhole: number): number {
  const length = isWhole === 1 ? name.length : 3
  for (let k = 0; k < length; k++) if ((b[i + k]! | 32) !== name[k]) return -1
  return i + length
}

/** The number that the digits b[start, end) are, or -1. */
function digits(b: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (b[i]! - 48) >>> 0
    if (digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** The end of so many digits of a second's fraction, or -1. */
function fraction(b: Uint8Array, start: number, digits: number, moment: Moment): number {
  for (let k = 0; k < digits; k++) {
    const byte = b[start + k]!
    if ((byte - 48) >>> 0 > 9) return -1
    moment.fraction[k] = byte
  }
  return start + digits
}
