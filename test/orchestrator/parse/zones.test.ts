/** Local times of named zones, by the clocks of three of them and by two oracles. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Output } from '../../../orchestrator/parse/output.ts'
import { compile } from '../../../orchestrator/parse/program.ts'
import { TypedValues } from '../../../orchestrator/parse/typed-values.ts'
import { cast, castAll, connector, parse, parseEveryWay } from './support.ts'

const berlin = { type: 'timestamp', timezone: 'Europe/Berlin' }
const newYork = { type: 'timestamp', timezone: 'America/New_York' }
const lordHowe = { type: 'timestamp', timezone: 'Australia/Lord_Howe' }

describe('the edges of summer time', () => {
  it.each([
    [berlin, '2024-03-31 01:59:59.999', '"2024-03-31T00:59:59.999Z"'],
    [berlin, '2024-03-31 02:00:00', 'row.value'],
    [berlin, '2024-03-31 02:59:59.999999999', 'row.value'],
    [berlin, '2024-03-31 03:00:00', '"2024-03-31T01:00:00Z"'],
    [berlin, '2024-10-27 01:59:59', '"2024-10-26T23:59:59Z"'],
    [berlin, '2024-10-27 02:00:00', '"2024-10-27T00:00:00Z"'],
    [berlin, '2024-10-27 02:59:59', '"2024-10-27T00:59:59Z"'],
    [berlin, '2024-10-27 03:00:00', '"2024-10-27T02:00:00Z"'],
    [newYork, '2024-03-10 01:59:59', '"2024-03-10T06:59:59Z"'],
    [newYork, '2024-03-10 02:30:00', 'row.value'],
    [newYork, '2024-03-10 03:00:00', '"2024-03-10T07:00:00Z"'],
    [newYork, '2024-11-03 01:30:00', '"2024-11-03T05:30:00Z"'],
    [newYork, '2024-11-03 02:00:00', '"2024-11-03T07:00:00Z"'],
    // Half an hour.
    [lordHowe, '2024-10-06 01:59:59', '"2024-10-05T15:29:59Z"'],
    [lordHowe, '2024-10-06 02:00:00', 'row.value'],
    [lordHowe, '2024-10-06 02:29:59', 'row.value'],
    [lordHowe, '2024-10-06 02:30:00', '"2024-10-05T15:30:00Z"'],
    [lordHowe, '2024-04-07 01:29:59', '"2024-04-06T14:29:59Z"'],
    [lordHowe, '2024-04-07 01:30:00', '"2024-04-06T14:30:00Z"'],
    [lordHowe, '2024-04-07 01:59:59', '"2024-04-06T14:59:59Z"'],
    [lordHowe, '2024-04-07 02:00:00', '"2024-04-06T15:30:00Z"'],
    // A zone's own text wins; a clock of 1890 was 53 minutes and 28 seconds off.
    [berlin, '2024-03-31T02:30:00Z', '"2024-03-31T02:30:00Z"'],
    [berlin, '2024-07-01T00:00:00-01:00', '"2024-07-01T01:00:00Z"'],
    [berlin, '1890-01-01 00:00:00', '"1889-12-31T23:06:32Z"'],
    [berlin, '0001-01-01 00:00:00', 'row.range'],
    [newYork, '9999-12-31 23:59:59', 'row.range'],
    [newYork, '9999-12-31 18:59:59', '"9999-12-31T23:59:59Z"'],
    // A day that Samoa left out.
    [{ type: 'timestamp', timezone: 'Pacific/Apia' }, '2011-12-30 12:00:00', 'row.value'],
    [{ type: 'timestamp', timezone: 'Pacific/Apia' }, '2011-12-31 00:00:00', '"2011-12-30T10:00:00Z"'],
    [{ type: 'timestamp', timezone: '+05:30' }, '1970-01-01 05:29:59.5', '"1969-12-31T23:59:59.5Z"'],
    [{ type: 'timestamp', timezone: '-23:59' }, '2023-12-31 23:59:59', '"2024-01-01T23:58:59Z"'],
  ])('%j %s → %s', (words, text, expected) => {
    expect(cast(words, text)).toBe(expected)
    expect(cast({ ...words, format: ['yyyy-MM-dd HH:mm:ss[.SSSSSSSSS][.SSS][.S]', 'iso'] }, text)).toBe(expected)
  })

  it('does not carry an offset over a step that is asked about exactly a day later', () => {
    // The first question to this zone, 24 hours behind the step of 2024-03-31T01:00Z.
    const vienna = { type: 'timestamp', timezone: 'Europe/Vienna' }
    expect(castAll(vienna, ['2024-04-01 01:00:00', '2024-02-01 00:00:00'])).toEqual([
      '"2024-03-31T23:00:00Z"',
      '"2024-01-31T23:00:00Z"',
    ])
  })

  it('says that the clock skips a time', () => {
    const of = connector({ columns: [{ name: 'v', ...berlin }] })
    expect(parseEveryWay(of, 'v\n2024-03-31 02:30:00\n').rejects).toMatchObject([
      {
        code: 'row.value',
        message: '"2024-03-31 02:30:00" never was: the clock of Europe/Berlin skips that time',
      },
    ])
    const list = connector({
      parser: { type: 'json' },
      columns: [{ name: 'v', type: 'list<timestamp>', format: ['d.M.yyyy VV', 'iso'] }],
    })
    expect(parse(list, '{"v":["1.1.2024 Europe/Berlin","30.12.2011 Pacific/Apia"]}').rejects[0]?.message).toBe(
      'at [1]: "30.12.2011 Pacific/Apia" never was: the clock of Pacific/Apia skips that time',
    )
  })

  it('does not take a skipped time for another form', () => {
    const words = { ...newYork, format: ['MM/dd/yyyy HH:mm', 'dd/MM/yyyy HH:mm'] }
    expect(cast(words, '03/10/2024 02:30')).toBe('row.value')
    expect(cast(words, '13/10/2024 02:30')).toBe('"2024-10-13T06:30:00Z"')
  })

  it('places local times of typed sources, by the zone and not by the format of texts', () => {
    const [column] = compile(
      connector({ columns: [{ name: 'v', ...berlin, format: ['dd.MM.yyyy'], trim: true }] }),
    ).columns
    const written = (ticks: bigint, digits: number, isLocal: boolean) => {
      const values = new TypedValues()
      values.bytes = new Output().grow(0, 100)
      values.timestamp(column!, ticks, digits, isLocal)
      return values.bad?.message ?? Buffer.from(values.bytes.subarray(0, values.o)).toString()
    }
    const skipped = BigInt(Date.UTC(2024, 2, 31, 2, 30))
    expect(written(skipped, 3, false)).toBe('"2024-03-31T02:30:00.000Z"')
    expect(written(skipped, 3, true)).toBe(
      '"2024-03-31T02:30:00.000" never was: the clock of Europe/Berlin skips that time',
    )
    expect(written((skipped + 3_600_000n) * 1_000_000n + 1n, 9, true)).toBe('"2024-03-31T01:30:00.000000001Z"')
  })
})

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Pacific/Apia',
  'Asia/Kolkata',
  'America/Caracas',
  'Antarctica/Troll',
]

/** What a clock there shows at a moment. */
function clockOf(timeZone: string): (ms: number) => string {
  const two = '2-digit'
  const date = { calendar: 'iso8601', year: 'numeric', month: two, day: two } as const
  const time = { hour: two, minute: two, second: two, hourCycle: 'h23' } as const
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, ...date, ...time })
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]))
    const day = `${parts.get('year')!.padStart(4, '0')}-${parts.get('month')}-${parts.get('day')}`
    return `${day} ${parts.get('hour')}:${parts.get('minute')}:${parts.get('second')}`
  }
}

describe.each(ZONES)('%s', (timezone) => {
  const clock = clockOf(timezone)
  // Half of the moments, and of the local times, lie within hours of a step of the clock.
  const steps = [Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timezone)]
  let next = Temporal.Instant.from('1960-01-01T00:00Z').toZonedDateTimeISO(timezone).getTimeZoneTransition('next')
  while (next && next.year < 2040) {
    steps.push(next)
    next = next.getTimeZoneTransition('next')
  }
  const seconds = fc.integer({ min: -10_800, max: 10_800 })
  const far = fc.integer({ min: -2_000_000_000, max: 250_000_000_000 }).map((all) => all * 1000)
  const near = fc.tuple(fc.constantFrom(...steps), seconds).map(([step, more]) => step.epochMilliseconds + more * 1000)
  const nearLocal = fc
    .tuple(fc.constantFrom(...steps), seconds)
    .map(([step, more]) => step.epochMilliseconds + step.offsetNanoseconds / 1e6 + more * 1000)

  it('publishes the earlier of the moments at which its clock shows a time (oracle: Intl)', () => {
    const moments = fc.sample(fc.oneof(near, far), { seed: 11, numRuns: 1000 })
    const published = castAll({ type: 'timestamp', timezone }, moments.map(clock))
    for (const [k, ms] of moments.entries()) {
      const shown = clock(ms)
      const found = Date.parse(JSON.parse(published[k]!))
      expect(clock(found)).toBe(shown)
      expect(found).toBeLessThanOrEqual(ms)
      if (found < ms) continue
      for (const step of [1800, 3600, 7200, 10_800]) expect(clock(ms - step * 1000)).not.toBe(shown)
    }
  })

  it('agrees with Temporal on any local time, and on none in a gap', () => {
    const local = fc.oneof(nearLocal, far).map((ms) => new Date(ms).toISOString().slice(0, 19))
    const texts = fc.sample(local, { seed: 12, numRuns: 2000 })
    const expected = texts.map((text) => {
      const time = Temporal.PlainDateTime.from(text)
      const zoned = time.toZonedDateTime(timezone, { disambiguation: 'earlier' })
      return zoned.toPlainDateTime().equals(time) ? JSON.stringify(zoned.toInstant().toString()) : 'row.value'
    })
    expect(castAll({ type: 'timestamp', timezone }, texts)).toEqual(expected)
    if (steps.length > 50) expect(expected.filter((code) => code === 'row.value').length).toBeGreaterThan(10)
  })
})

it('promise 5: a source that names all moments and zones fills no memory, and is read right', () => {
  const zones = Intl.supportedValuesOf('timeZone')
  const values = Array.from(
    { length: 3000 },
    (_, k) => [zones[(k * 7) % zones.length]!, 1 + ((k * 97) % 9998)] as const,
  )
  const of = connector({ columns: [{ name: 'v', type: 'timestamp', format: ['yyyy-MM-dd VV'] }] })
  const { rows } = parse(
    of,
    `v\n${values.map(([zone, year]) => `${String(year).padStart(4, '0')}-07-01 ${zone}\n`).join('')}`,
  )
  expect(rows.map(({ v }) => v)).toEqual(
    values.map(([zone, year]) =>
      Temporal.PlainDate.from({ year, month: 7, day: 1 }).toZonedDateTime(zone).toInstant().toString(),
    ),
  )
})
