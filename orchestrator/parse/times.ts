/** Days and moments on our own calendar: Date.parse takes 30 February for 1 March, and 24:00 for the next day. */

const ZERO = 48

function isNoDigit(byte: number): number {
  return (byte - ZERO) >>> 0 > 9 ? 1 : 0
}

/** `YYYY-MM-DD`, years 0001 to 9999; its end or -1. */
export function endOfDate(b: Uint8Array, i: number): number {
  if (
    isNoDigit(b[i]!) |
      isNoDigit(b[i + 1]!) |
      isNoDigit(b[i + 2]!) |
      isNoDigit(b[i + 3]!) |
      isNoDigit(b[i + 5]!) |
      isNoDigit(b[i + 6]!) |
      isNoDigit(b[i + 8]!) |
      isNoDigit(b[i + 9]!) ||
    b[i + 4] !== 45 ||
    b[i + 7] !== 45
  )
    return -1
  const month = b[i + 5]! * 10 + b[i + 6]! - 528
  const day = b[i + 8]! * 10 + b[i + 9]! - 528
  const year = b[i]! * 1000 + b[i + 1]! * 100 + b[i + 2]! * 10 + b[i + 3]! - 53328
  if (year === 0 || month < 1 || month > 12 || day < 1) return -1
  return day <= 28 || day <= daysIn(year, month) ? i + 10 : -1
}

export function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** `YYYY-MM-DD[Tt ]HH:MM:SS` and any fraction; the end, before any zone, or -1. */
export function endOfLocalTime(b: Uint8Array, i: number): number {
  if (endOfDate(b, i) < 0 || ((b[i + 10]! | 32) !== 116 && b[i + 10] !== 32)) return -1
  if (
    isNoDigit(b[i + 11]!) |
      isNoDigit(b[i + 12]!) |
      isNoDigit(b[i + 14]!) |
      isNoDigit(b[i + 15]!) |
      isNoDigit(b[i + 17]!) |
      isNoDigit(b[i + 18]!) ||
    b[i + 13] !== 58 ||
    b[i + 16] !== 58
  )
    return -1
  if (b[i + 11]! * 10 + b[i + 12]! - 528 > 23 || b[i + 14]! > 53 || b[i + 17]! > 53) return -1
  if (b[i + 19] !== 46) return i + 19
  let e = i + 20
  while ((b[e]! - ZERO) >>> 0 <= 9) e++
  return e === i + 20 ? -1 : e
}

/** The same with at most 9 fraction digits and a Z or no zone: what can be published as it stands; the end or -1. */
export function endOfTimestamp(b: Uint8Array, i: number): number {
  const e = endOfLocalTime(b, i)
  if (e < 0 || e > i + 29) return -1
  return b[e] === 90 ? e + 1 : e
}
