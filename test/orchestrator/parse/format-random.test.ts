/** Random formats, with the texts of random moments put together by their letters, and with texts that are almost right. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseFormat } from '../../../orchestrator/connector/format.ts'
import { castAll } from './support.ts'

type Time = Temporal.ZonedDateTime

const two = (value: number) => String(value).padStart(2, '0')
const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const WEEKDAYS = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ')
const clockHour = ({ hour }: Time) => hour % 12 || 12
const offset = ({ offset }: Time, colon: string) => offset.replace(':', colon)
const orZ = (text: string) => (/^.00/.test(text) && !/[1-9]/.test(text) ? 'Z' : text)
const short = (text: string) => text.replace(/00$/, '')

const LETTERS: Record<string, (time: Time) => string> = {
  yyyy: ({ year }) => String(year).padStart(4, '0'),
  uuuu: ({ year }) => String(year).padStart(4, '0'),
  MM: ({ month }) => two(month),
  M: ({ month }) => String(month),
  MMM: ({ month }) => MONTHS[month - 1]!.slice(0, 3),
  MMMM: ({ month }) => MONTHS[month - 1]!,
  dd: ({ day }) => two(day),
  d: ({ day }) => String(day),
  EEE: ({ dayOfWeek }) => WEEKDAYS[dayOfWeek - 1]!.slice(0, 3),
  EEEE: ({ dayOfWeek }) => WEEKDAYS[dayOfWeek - 1]!,
  HH: ({ hour }) => two(hour),
  H: ({ hour }) => String(hour),
  hh: (time) => two(clockHour(time)),
  h: (time) => String(clockHour(time)),
  a: ({ hour }) => (hour < 12 ? 'AM' : 'PM'),
  mm: ({ minute }) => two(minute),
  m: ({ minute }) => String(minute),
  ss: ({ second }) => two(second),
  s: ({ second }) => String(second),
  XXX: (time) => orZ(offset(time, ':')),
  XX: (time) => orZ(offset(time, '')),
  X: (time) => orZ(short(offset(time, ''))),
  xxx: (time) => offset(time, ':'),
  xx: (time) => offset(time, ''),
  x: (time) => short(offset(time, '')),
  Z: (time) => offset(time, ''),
  VV: (time) => (time.timeZoneId === 'UTC' ? 'UTC' : offset(time, ':')),
}
const fraction = (letters: string, { millisecond, microsecond, nanosecond }: Time) =>
  [millisecond, microsecond, nanosecond]
    .map((value) => String(value).padStart(3, '0'))
    .join('')
    .slice(0, letters.length)

const one = (...letters: string[]) => fc.constantFrom(...letters)
const format = fc
  .record({
    parts: fc.tuple(
      one('yyyy', 'uuuu'),
      one('MM', 'M', 'MMM', 'MMMM'),
      one('dd', 'd'),
      one('', 'EEE', 'EEEE'),
      one('HH', 'H', 'hh a', 'h a', 'HH a'),
      one('mm', 'm'),
      one('ss', 's'),
      fc.oneof(
        fc.constant(''),
        fc.integer({ min: 1, max: 9 }).map((digits) => 'S'.repeat(digits)),
      ),
      one('', 'XXX', 'XX', 'X', 'xxx', 'xx', 'x', 'Z'),
    ),
    separators: fc.array(one(' ', '. ', ':', "''", "' o''clock '", '年'), { minLength: 12, maxLength: 12 }),
    order: fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
    hasName: fc.boolean(),
    isOpen: fc.boolean(),
  })
  .map(({ parts, separators, order, hasName, isOpen }) => {
    const zoned = parts.at(-1) === '' && hasName ? [' VV'] : []
    const letters = parts.flatMap((part) => part.split(' ')).filter(Boolean)
    const mixed = letters.map((part, k) => [order[k]!, part] as const).sort(([a], [b]) => a - b)
    const text = mixed.map(([, part], k) => (k === 0 ? part : separators[k] + part)).join('')
    // A section that no text has makes the general reader of one that fixed places would do for.
    return text + zoned.join('') + (isOpen ? '[#]'.replace('#', "'#'") : '')
  })
const time = fc
  .tuple(
    fc.bigInt({ min: -62_135_510_400_000_000_000n, max: 253_402_214_399_999_999_999n }),
    fc.constantFrom('UTC', '+00:00', '+05:45', '-03:00', '-23:59', '+23:59', '+00:30', '-11:00'),
  )
  .map(([nanoseconds, zone]) => new Temporal.Instant(nanoseconds).toZonedDateTimeISO(zone))

function textOf(format: string, time: Time): string {
  return format.replace(/'((?:[^']|'')*)'|\[.*\]|([A-Za-z])\2*/g, (found, quoted?: string) => {
    if (quoted !== undefined) return quoted === '' ? "'" : quoted.replaceAll("''", "'")
    if (found.startsWith('[')) return ''
    return found.startsWith('S') ? fraction(found, time) : LETTERS[found]!(time)
  })
}

/** What is left of the moment when it is written in that format, read by a clock in UTC unless the text says where. */
function published(format: string, time: Time): string {
  const digits = /S+/.exec(format)?.[0].length ?? 0
  const hasZone = /X|x|Z|V/.test(format.replace(/'((?:[^']|'')*)'/g, ''))
  const known = hasZone ? time.toInstant() : time.toPlainDateTime().toZonedDateTime('UTC').toInstant()
  // A short offset leaves minutes out only when there are none.
  return JSON.stringify(known.toString({ fractionalSecondDigits: digits as 0, roundingMode: 'trunc' }))
}

describe('random formats', () => {
  it('read what their letters write', () => {
    fc.assert(
      fc.property(format, fc.array(time, { minLength: 20, maxLength: 20 }), (format, times) => {
        expect(parseFormat(format)).toMatchObject({ kind: 'pattern' })
        const texts = times.map((time) => textOf(format, time))
        expect(castAll({ type: 'timestamp', format: [format] }, texts), format).toEqual(
          times.map((time) => published(format, time)),
        )
      }),
      { seed: 3, numRuns: 150 },
    )
  })

  it('refuse, or read as some moment, whatever else there is', () => {
    const noise = fc.constantFrom(...'0123456789 :.-+ZT/aPM"\\\'年é'.split(''), '')
    fc.assert(
      fc.property(
        format,
        fc.array(fc.tuple(time, fc.nat(), noise), { minLength: 30, maxLength: 30 }),
        (format, all) => {
          const texts = all.map(([time, where, char]) => {
            const text = textOf(format, time)
            const at = where % (text.length + 1)
            return text.slice(0, at) + char + text.slice(at + (where % 3))
          })
          for (const token of castAll({ type: 'timestamp', format: [format] }, texts))
            expect(token).toMatch(/^("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"|row\.value|row\.range)$/)
        },
      ),
      { seed: 4, numRuns: 100 },
    )
  })

  it('at fixed places say the same as when they are read step by step', () => {
    const fixed = fc.constantFrom('dd.MM.yyyy HH:mm:ss', 'yyyyMMddHHmmssSSS', "uuuu-MM-dd'T'HH:mm", 'MM/dd/yyyy')
    const digits = fc.string({ unit: fc.constantFrom(...'0011223456789'), minLength: 24, maxLength: 24 })
    fc.assert(
      fc.property(
        fixed,
        fc.array(fc.tuple(digits, time, fc.nat({ max: 30 })), { minLength: 40, maxLength: 40 }),
        (format, all) => {
          // Some digits of a good text are replaced.
          const texts = all.map(([others, time, from]) =>
            textOf(format, time).replace(/\d/g, (digit, at) =>
              at >= from && at < from + 3 ? others[at % 24]! : digit,
            ),
          )
          const words = { type: 'timestamp', trim: false }
          expect(castAll({ ...words, format: [format] }, texts)).toEqual(
            castAll({ ...words, format: [`${format}['#']`] }, texts),
          )
        },
      ),
      { seed: 5, numRuns: 60 },
    )
  })
})
