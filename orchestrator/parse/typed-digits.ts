/**
 * Typed values to digits without a text in between: what TypedValues does, for the values that most files are made of.
 *
 * Each writes exactly what TypedValues would, or false, and then nothing: the value is a rare one, to be written by that.
 * All numbers are doubles that hold whole numbers below 2^53, or are the value itself.
 */
import { HEX, QUOTE } from './tables.ts'
import type { TypedValues } from './typed-values.ts'

const MINUS = 45
const ZERO = 48
const POINT = 46
const COLON = 58
const BILLION = 1e9
const POWERS = [1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]
const DAY_SECONDS = 86_400
/** 0001-01-01 and 9999-12-31, in days since 1970. */
const FIRST_DAY = -719_162
const LAST_DAY = 2_932_896

const BASE64 = new Uint8Array(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'))

export function writeWhole(values: TypedValues, given: number): void {
  const { bytes } = values
  let { o } = values
  if (given < 0) bytes[o++] = MINUS
  values.o = whole(bytes, o, Math.abs(given))
}

/** A text of a number of 10^-scale; `unscaled` is not of more than 15 digits. */
export function writeDecimal(values: TypedValues, unscaled: number, scale: number): void {
  const { bytes } = values
  let { o } = values
  bytes[o++] = QUOTE
  if (unscaled < 0) bytes[o++] = MINUS
  const size = Math.abs(unscaled)
  if (scale === 0) o = whole(bytes, o, size)
  else {
    const end = o + Math.max(digitsOf(size), scale + 1)
    padded(bytes, o, end, size)
    // Room for the point.
    for (let k = end; k > end - scale; k--) bytes[k] = bytes[k - 1]!
    bytes[end - scale] = POINT
    o = end + 1
  }
  bytes[o++] = QUOTE
  values.o = o
}

/** The shortest text that reads back as the same double, when that has 15 digits at most. */
export function writeDouble(values: TypedValues, given: number): boolean {
  const size = Math.abs(given)
  // So many places that the digits make a whole number below 10^15. No two of these are the same double, so a text of
  // that length that reads back is the shortest one.
  const places = size < 1e6 ? 9 : size < BILLION ? 6 : size < 1e12 ? 3 : 0
  return (size >= 1e-6 && size < 1e15 && fixed(values, given, size, places, false)) || zero(values, given)
}

/** The same of a float, and 6 digits. */
export function writeFloat(values: TypedValues, given: number): boolean {
  const size = Math.abs(given)
  const places = size < 1 ? 6 : size < 10 ? 5 : size < 100 ? 4 : size < 1000 ? 3 : size < 1e4 ? 2 : size < 1e5 ? 1 : 0
  return (size >= 1e-6 && size < 1e6 && fixed(values, given, size, places, true)) || zero(values, given)
}

function zero(values: TypedValues, given: number): boolean {
  if (given !== 0) return false
  if (Object.is(given, -0)) values.byte(MINUS)
  values.byte(ZERO)
  return true
}

function fixed(values: TypedValues, given: number, size: number, places: number, isFloat: boolean): boolean {
  const unit = POWERS[places]!
  const digits = Math.round(size * unit)
  const near = digits / unit
  if (size !== (isFloat ? Math.fround(near) : near)) return false
  const { bytes } = values
  let { o } = values
  if (given < 0) bytes[o++] = MINUS
  const integer = Math.floor(near)
  o = whole(bytes, o, integer)
  let rest = digits - integer * unit
  if (rest > 0) {
    let left = places
    while (rest % 10 === 0) {
      rest /= 10
      left--
    }
    bytes[o++] = POINT
    padded(bytes, o, o + left, rest)
    o += left
  }
  values.o = o
  return true
}

/** `"YYYY-MM-DD"`, of days since 1970. */
export function writeDate(values: TypedValues, days: number): boolean {
  if (!(days >= FIRST_DAY && days <= LAST_DAY)) return false
  const { bytes, o } = values
  bytes[o] = QUOTE
  date(bytes, o + 1, days)
  bytes[o + 11] = QUOTE
  values.o = o + 12
  return true
}

/** `"YYYY-MM-DDTHH:MM:SS.sssZ"`, of ticks of 10^-digits seconds since 1970. */
export function writeMoment(values: TypedValues, ticks: number, digits: number): boolean {
  const unit = POWERS[digits]!
  const seconds = parts(ticks, unit)
  const days = Math.floor(seconds / DAY_SECONDS)
  if (!(days >= FIRST_DAY && days <= LAST_DAY)) return false
  const { bytes, o } = values
  bytes[o] = QUOTE
  date(bytes, o + 1, days)
  bytes[o + 11] = 84
  const end = clock(bytes, o + 12, seconds - days * DAY_SECONDS, ticks - seconds * unit, digits)
  bytes[end] = 90
  bytes[end + 1] = QUOTE
  values.o = end + 2
  return true
}

/** `"HH:MM:SS.sss"`, of ticks of 10^-digits seconds since midnight. */
export function writeTime(values: TypedValues, ticks: number, digits: number): boolean {
  const unit = POWERS[digits]!
  if (!(ticks >= 0 && ticks < DAY_SECONDS * unit)) return false
  const seconds = parts(ticks, unit)
  const { bytes, o } = values
  bytes[o] = QUOTE
  const end = clock(bytes, o + 1, seconds, ticks - seconds * unit, digits)
  bytes[end] = QUOTE
  values.o = end + 1
  return true
}

/** Base64 of b[start, end), in quotes. */
export function writeBase64(values: TypedValues, b: Uint8Array, start: number, end: number): void {
  const { bytes } = values
  let { o } = values
  bytes[o++] = QUOTE
  let i = start
  for (; i + 2 < end; i += 3) {
    const three = (b[i]! << 16) | (b[i + 1]! << 8) | b[i + 2]!
    bytes[o++] = BASE64[three >> 18]!
    bytes[o++] = BASE64[(three >> 12) & 63]!
    bytes[o++] = BASE64[(three >> 6) & 63]!
    bytes[o++] = BASE64[three & 63]!
  }
  if (i < end) {
    const two = (b[i]! << 8) | (i + 1 < end ? b[i + 1]! : 0)
    bytes[o++] = BASE64[two >> 10]!
    bytes[o++] = BASE64[(two >> 4) & 63]!
    bytes[o++] = i + 1 < end ? BASE64[(two << 2) & 63]! : 61
    bytes[o++] = 61
  }
  bytes[o++] = QUOTE
  values.o = o
}

/** The 16 bytes from `start` on as a UUID, in quotes. */
export function writeUuid(values: TypedValues, b: Uint8Array, start: number): void {
  const { bytes } = values
  let { o } = values
  bytes[o++] = QUOTE
  for (let k = 0; k < 16; k++) {
    if (k === 4 || k === 6 || k === 8 || k === 10) bytes[o++] = MINUS
    const byte = b[start + k]!
    bytes[o++] = HEX[byte >> 4]!
    bytes[o++] = HEX[byte & 15]!
  }
  bytes[o++] = QUOTE
  values.o = o
}

/** Whole units in `ticks`, by floor division. The quotient may have been rounded up to the next one. */
function parts(ticks: number, unit: number): number {
  const found = Math.floor(ticks / unit)
  return found * unit > ticks ? found - 1 : found
}

function whole(bytes: Uint8Array, o: number, size: number): number {
  const end = o + digitsOf(size)
  padded(bytes, o, end, size)
  return end
}

/** Fills bytes[o, end) with the digits of `size`, and zeros before them. */
function padded(bytes: Uint8Array, o: number, end: number, size: number): void {
  let at = end
  let left = size
  if (size >= BILLION) {
    const high = parts(size, BILLION)
    at = end - 9
    small(bytes, at, end, size - high * BILLION)
    left = high
  }
  small(bytes, o, at, left)
}

/** The same below 2^31: division by multiplication. */
function small(bytes: Uint8Array, o: number, end: number, size: number): void {
  let left = size | 0
  for (let k = end - 1; k >= o; k--) {
    const rest = (left / 10) | 0
    bytes[k] = left - rest * 10 + ZERO
    left = rest
  }
}

function digitsOf(size: number): number {
  if (size >= BILLION) return size >= 1e15 ? 16 : 9 + digitsOf(parts(size, BILLION))
  if (size < 1e4) return size < 100 ? (size < 10 ? 1 : 2) : size < 1000 ? 3 : 4
  return size < 1e6 ? (size < 1e5 ? 5 : 6) : size < 1e8 ? (size < 1e7 ? 7 : 8) : 9
}

function clock(bytes: Uint8Array, o: number, second: number, fraction: number, digits: number): number {
  const minutes = (second / 60) | 0
  const hours = (minutes / 60) | 0
  two(bytes, o, hours)
  bytes[o + 2] = COLON
  two(bytes, o + 3, minutes - hours * 60)
  bytes[o + 5] = COLON
  two(bytes, o + 6, second - minutes * 60)
  if (digits === 0) return o + 8
  bytes[o + 8] = POINT
  small(bytes, o + 9, o + 9 + digits, fraction)
  return o + 9 + digits
}

/** See calendar.ts; in whole numbers that fit 32 bits. */
function date(bytes: Uint8Array, o: number, days: number): void {
  const shifted = days + 719_468
  const era = (shifted / 146_097) | 0
  const inEra = shifted - era * 146_097
  const yearOfEra = ((inEra - ((inEra / 1460) | 0) + ((inEra / 36_524) | 0) - ((inEra / 146_096) | 0)) / 365) | 0
  const inYear = inEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0))
  const month = ((5 * inYear + 2) / 153) | 0
  small(bytes, o, o + 4, yearOfEra + era * 400 + (month >= 10 ? 1 : 0))
  bytes[o + 4] = MINUS
  two(bytes, o + 5, month >= 10 ? month - 9 : month + 3)
  bytes[o + 7] = MINUS
  two(bytes, o + 8, inYear - (((153 * month + 2) / 5) | 0) + 1)
}

function two(bytes: Uint8Array, o: number, value: number): void {
  const tens = (value / 10) | 0
  bytes[o] = tens + ZERO
  bytes[o + 1] = value - tens * 10 + ZERO
}
