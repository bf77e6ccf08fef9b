/** A day or moment while it is read: first what a text says, then the same in UTC, then bytes. Used again for each value. */
import { dayNumber, FIRST_DAY, LAST_DAY, packedDay } from './calendar.ts'
import { QUOTE } from './tables.ts'
import type { Zone } from './zones.ts'

/** No text says so many seconds. */
export const NO_OFFSET = 1_000_000

const DAY_SECONDS = 86_400

export class Moment {
  year = 0
  month = 0
  day = 0
  hour = 0
  minute = 0
  second = 0
  /** Of a second: digits as bytes, and how many. */
  readonly fraction = new Uint8Array(9)
  digits = 0
  /** The source's fraction has more than these, and they are not all zero. */
  isTooFine = false
  /** Seconds east of UTC, or the zone, that the text names; NO_OFFSET and undefined when it names none. */
  offset = NO_OFFSET
  zone: Zone | undefined

  /** Days since 1970. */
  days(): number {
    return dayNumber(this.year, this.month, this.day)
  }

  secondOfDay(): number {
    return this.hour * 3600 + this.minute * 60 + this.second
  }

  /** From a clock that is `offset` seconds east of UTC to UTC; false outside of the years 0001 to 9999. */
  toUtc(offset: number): boolean {
    if (offset === 0) return true
    const second = this.secondOfDay() - offset
    // Floor division: a second before midnight belongs to the day before.
    const days = Math.floor(second / DAY_SECONDS)
    this.setSecond(second - days * DAY_SECONDS)
    return days === 0 || this.setDays(this.days() + days)
  }

  /** False outside of the years 0001 to 9999; the year is 0 then. */
  setDays(days: number): boolean {
    if (days < FIRST_DAY || days > LAST_DAY) {
      this.year = 0
      return false
    }
    const packed = packedDay(days)
    this.year = Math.floor(packed / 10_000)
    this.month = Math.floor(packed / 100) % 100
    this.day = packed % 100
    return true
  }

  setSecond(second: number): void {
    this.hour = Math.floor(second / 3600)
    this.minute = Math.floor(second / 60) % 60
    this.second = second % 60
  }

  /** `"YYYY-MM-DD"`; the new end. */
  writeDate(bytes: Uint8Array, start: number): number {
    let o = start
    bytes[o++] = QUOTE
    o = this.writeDay(bytes, o)
    bytes[o++] = QUOTE
    return o
  }

  /** `"YYYY-MM-DDTHH:MM:SS.fffZ"`, with the fraction's digits as they are; the new end. */
  writeTimestamp(bytes: Uint8Array, start: number): number {
    const { fraction, digits } = this
    let o = start
    bytes[o++] = QUOTE
    o = this.writeDay(bytes, o)
    bytes[o++] = 84
    o = two(bytes, o, this.hour)
    bytes[o++] = 58
    o = two(bytes, o, this.minute)
    bytes[o++] = 58
    o = two(bytes, o, this.second)
    if (digits > 0) {
      bytes[o++] = 46
      for (let k = 0; k < digits; k++) bytes[o++] = fraction[k]!
    }
    bytes[o++] = 90
    bytes[o++] = QUOTE
    return o
  }

  private writeDay(bytes: Uint8Array, start: number): number {
    const century = Math.floor(this.year / 100)
    let o = two(bytes, start, century)
    o = two(bytes, o, this.year - century * 100)
    bytes[o++] = 45
    o = two(bytes, o, this.month)
    bytes[o++] = 45
    return two(bytes, o, this.day)
  }
}

function two(bytes: Uint8Array, o: number, value: number): number {
  // A tenth, of numbers below 100.
  const tens = (value * 205) >> 11
  bytes[o] = tens + 48
  bytes[o + 1] = value - tens * 10 + 48
  return o + 2
}
