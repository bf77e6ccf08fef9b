/**
 * Forms of a day or moment that are no pattern: ISO, and counts since 1970. All digits go from bytes to bytes or through
 * whole numbers below 2^53 (promise 7).
 */
import { type Moment, NO_OFFSET } from './moment.ts'
import { endOfDate, endOfLocalTime } from './times.ts'
import { COLON, MINUTES, readOffset } from './zone-text.ts'

/** Reads what begins at b[i] into the moment; the end, or -1. Stops at a control byte at the latest. */
export interface Form {
  read(b: Uint8Array, i: number, moment: Moment): number
}

const ZERO = 48
const DAY_SECONDS = 86_400
/** Digits of the seconds of 9999-12-31, and no more. */
const MAX_SECOND_DIGITS = 12

const isDigit = (byte: number) => (byte - ZERO) >>> 0 <= 9

/** YYYY-MM-DD */
export const isoDate: Form = {
  read(b, i, moment) {
    const end = endOfDate(b, i)
    if (end < 0) return -1
    takeDate(b, i, moment)
    return end
  },
}

/** RFC 3339, with T or a space, and a zone or none. */
export const isoTimestamp: Form = {
  read(b, i, moment) {
    let end = endOfLocalTime(b, i)
    if (end < 0) return end
    takeDate(b, i, moment)
    moment.hour = number(b, i + 11, 2)
    moment.minute = number(b, i + 14, 2)
    moment.second = number(b, i + 17, 2)
    const fraction = i + 20
    moment.digits = Math.min(Math.max(end - fraction, 0), 9)
    for (let k = 0; k < moment.digits; k++) moment.fraction[k] = b[fraction + k]!
    moment.isTooFine = false
    for (let k = fraction + 9; k < end; k++) if (b[k] !== ZERO) moment.isTooFine = true
    moment.offset = NO_OFFSET
    moment.zone = undefined
    const next = b[end]!
    if ((next | 32) === 122) {
      moment.offset = 0
      end++
    } else if (next === 43 || next === 45) return readOffset(b, end, MINUTES | COLON, moment)
    return end
  },
}

function takeDate(b: Uint8Array, i: number, moment: Moment): void {
  moment.year = number(b, i, 4)
  moment.month = number(b, i + 5, 2)
  moment.day = number(b, i + 8, 2)
}

function number(b: Uint8Array, start: number, digits: number): number {
  let value = 0
  for (let i = start; i < start + digits; i++) value = value * 10 + b[i]! - ZERO
  return value
}

/** `[+-]digits` in units of 10^-digits seconds; seconds may have a fraction behind `point`. */
export class Epoch implements Form {
  private readonly digits: number
  private readonly point: number

  constructor(digits: number, point: number) {
    this.digits = digits
    this.point = point
  }

  read(b: Uint8Array, i: number, moment: Moment): number {
    const { fraction } = moment
    const isNegative = b[i] === 45
    let first = isNegative || b[i] === 43 ? i + 1 : i
    let end = first
    while (isDigit(b[end]!)) end++
    if (end === first) return -1
    let { digits } = this
    const split = Math.max(end - digits, first)
    for (let k = 0, at = end - digits; k < digits; k++, at++) fraction[k] = at < first ? ZERO : b[at]!
    while (first < split && b[first] === ZERO) first++
    const isHuge = split - first > MAX_SECOND_DIGITS
    let seconds = isHuge ? Number.MAX_SAFE_INTEGER : number(b, first, split - first)
    moment.isTooFine = false
    if (digits === 0 && b[end] === this.point) {
      const mark = ++end
      for (; isDigit(b[end]!); end++) {
        if (digits < 9) fraction[digits++] = b[end]!
        else if (b[end] !== ZERO) moment.isTooFine = true
      }
      if (end === mark) return -1
    }
    if (isNegative) seconds = -seconds - complement(fraction, digits)
    const days = Math.floor(seconds / DAY_SECONDS)
    moment.setSecond(seconds - days * DAY_SECONDS)
    moment.setDays(days)
    moment.digits = digits
    moment.offset = 0
    return end
  }
}

/** 1 minus the fraction, in place; 1 when that took from the second, 0 for a fraction of zeros. */
function complement(fraction: Uint8Array, digits: number): number {
  let k = digits - 1
  while (k >= 0 && fraction[k] === ZERO) k--
  if (k < 0) return 0
  fraction[k] = 2 * ZERO + 10 - fraction[k]!
  while (--k >= 0) fraction[k] = 2 * ZERO + 9 - fraction[k]!
  return 1
}
