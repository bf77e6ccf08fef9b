/** Counts since 1970 to days and moments, by floor division: before 1970 too. */

const DAY_SECONDS = 86_400n

/** 0001-01-01 and 9999-12-31, as days since 1970. */
export const FIRST_DAY = -719_162
export const LAST_DAY = 2_932_896

/** Days since 1970 of a day of the calendar, from year 0001 on. */
export function dayNumber(year: number, month: number, day: number): number {
  // Years begin on 1 March, so that each ends with its leap day (H. Hinnant's algorithm).
  const shifted = month > 2 ? year : year - 1
  const era = Math.floor(shifted / 400)
  const inEra = shifted - era * 400
  const inYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * 146_097 + inEra * 365 + Math.floor(inEra / 4) - Math.floor(inEra / 100) + inYear - 719_468
}

/** The day of the calendar as the number YYYYMMDD. */
export function packedDay(days: number): number {
  // Days since 1 March 0000; 400 years are one era.
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const inEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (inEra - Math.floor(inEra / 1460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) / 365,
  )
  const inYear = inEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const month = Math.floor((5 * inYear + 2) / 153)
  const day = inYear - Math.floor((153 * month + 2) / 5) + 1
  const year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
  return year * 10_000 + (month >= 10 ? month - 9 : month + 3) * 100 + day
}

/** ISO, of a day between the years 0001 and 9999; undefined outside of them. */
export function dateText(days: number): string | undefined {
  if (!(days >= FIRST_DAY && days <= LAST_DAY)) return undefined
  const text = String(packedDay(days)).padStart(8, '0')
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`
}

/** `YYYY-MM-DDTHH:MM:SS` and `digits` fraction digits, without a zone; undefined outside of the years 0001 to 9999. */
export function timestampText(ticks: bigint, digits: number): string | undefined {
  const unit = 10n ** BigInt(digits)
  const day = unit * DAY_SECONDS
  let days = ticks / day
  let rest = ticks - days * day
  if (rest < 0n) {
    days--
    rest += day
  }
  const date = dateText(Number(days))
  return date && `${date}T${clock(rest, unit, digits)}`
}

/** `HH:MM:SS` and `digits` fraction digits; undefined when it is not within a day. */
export function timeText(ticks: bigint, digits: number): string | undefined {
  const unit = 10n ** BigInt(digits)
  return ticks < 0n || ticks >= unit * DAY_SECONDS ? undefined : clock(ticks, unit, digits)
}

function clock(ticks: bigint, unit: bigint, digits: number): string {
  const seconds = Number(ticks / unit)
  const fraction = digits === 0 ? '' : `.${String(ticks % unit).padStart(digits, '0')}`
  return `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}${fraction}`
}

function pad(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
