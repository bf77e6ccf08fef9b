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

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** `YYYY-MM-DD[T ]HH:MM:SS` and up to 9 fraction digits; the end, before any zone, or -1. */
export function endOfLocalTime(b: Uint8Array, i: number): number {
  if (endOfDate(b, i) < 0 || (b[i + 10] !== 84 && b[i + 10] !== 32)) return -1
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
  return e === i + 20 || e > i + 29 ? -1 : e
}

const TIMESTAMP =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?([Zz]|([-+])([0-9]{2}):([0-9]{2}))?$/

/** Any RFC 3339 moment, without quotes, in UTC with the source's fraction digits. */
export function timestampText(text: string): string | 'value' | 'range' {
  const found = TIMESTAMP.exec(text)
  if (!found || !isDate(found[1]!)) return 'value'
  const [, date, hour, minute, second, digits = '', , sign, offsetHour = '0', offsetMinute = '0'] = found
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return 'value'
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return 'value'
  if (/[1-9]/.test(digits.slice(9))) return 'range'
  const fraction = digits === '' ? '' : `.${digits.slice(0, 9)}`
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === '-' ? -1 : 1)
  const local = Number(hour) * 60 + Number(minute)
  const minutes = local - offset
  // Floor division, so that a moment before midnight belongs to the day before.
  const days = Math.floor(minutes / 1440)
  const day = days === 0 ? date! : addDays(date!, days)
  if (day === undefined) return 'range'
  const inDay = minutes - days * 1440
  return `${day}T${pad(Math.floor(inDay / 60))}:${pad(inDay % 60)}:${second}${fraction}Z`
}

export function isDate(text: string): boolean {
  if (text.length !== 10) return false
  const bytes = new Uint8Array(10)
  for (let i = 0; i < 10; i++) bytes[i] = text.charCodeAt(i) & 127
  return /^[0-9-]+$/.test(text) && endOfDate(bytes, 0) === 10
}

/** One day up or down; undefined outside of the years 0001 to 9999. */
function addDays(date: string, days: number): string | undefined {
  let [year, month, day] = date.split('-').map(Number) as [number, number, number]
  day += days
  if (day < 1) {
    month--
    if (month < 1) [year, month] = [year - 1, 12]
    day = daysIn(year, month)
  } else if (day > daysIn(year, month)) {
    day = 1
    month++
    if (month > 12) [year, month] = [year + 1, 1]
  }
  return year < 1 || year > 9999 ? undefined : `${String(year).padStart(4, '0')}-${pad(month)}-${pad(day)}`
}

function pad(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
