/** Counts since 1970 to days and moments, by floor division: before 1970 too. */

const DAY_SECONDS = 86_400n

/** ISO, of a day between the years 0001 and 9999; undefined outside of them. */
export function dateText(days: number): string | undefined {
  // Days since 1 March 0000, when each year ends with its leap day; 400 years are one era (H. Hinnant's algorithm).
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
  if (!(year >= 1 && year <= 9999)) return undefined
  return `${String(year).padStart(4, '0')}-${pad(month >= 10 ? month - 9 : month + 3)}-${pad(day)}`
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
