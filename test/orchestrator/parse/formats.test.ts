/** Formats of dates and timestamps: what they take, what they refuse, and that digits stay (promise 7). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cast, castAll, connector, parse, parseEveryWay } from './support.ts'

const CASES: [type: 'date' | 'timestamp', format: string | string[], cases: Record<string, string>][] = [
  [
    'date',
    'dd.MM.yyyy',
    {
      '29.02.2024': '"2024-02-29"',
      '29.02.2023': 'row.value',
      '29.02.1900': 'row.value',
      '29.02.2000': '"2000-02-29"',
      '31.12.9999': '"9999-12-31"',
      '01.01.0001': '"0001-01-01"',
      '01.01.0000': 'row.value',
      '31.04.2024': 'row.value',
      '00.01.2024': 'row.value',
      '01.13.2024': 'row.value',
      '1.01.2024': 'row.value',
      '01.01.24': 'row.value',
      '01.01.20245': 'row.value',
      '01-01-2024': 'row.value',
      ' 01.01.2024': 'row.value',
      '01.01.2024 ': 'row.value',
      '01.01.2024\n': 'row.value',
      '2024-01-01': 'row.value',
      '': 'row.value',
    },
  ],
  [
    'date',
    'yyyyMMdd',
    { 20240229: '"2024-02-29"', 20240230: 'row.value', 202402: 'row.value', 202402290: 'row.value' },
  ],
  [
    'date',
    'd/M/yy',
    {
      '1/2/24': '"2024-02-01"',
      '01/02/24': '"2024-02-01"',
      '31/12/99': '"2099-12-31"',
      '1/1/00': '"2000-01-01"',
      '001/2/24': 'row.value',
      '1/2/4': 'row.value',
      '29/2/23': 'row.value',
    },
  ],
  [
    'date',
    'EEE, d MMM uuuu',
    {
      'Thu, 1 Jan 1970': '"1970-01-01"',
      'wed, 31 DEC 1969': '"1969-12-31"',
      'Fri, 1 Jan 1970': 'row.value',
      'Mon, 1 Jan 0001': '"0001-01-01"',
      'Thu, 1 Juni 1970': 'row.value',
      'Thu, 1 Jax 1970': 'row.value',
      'Thursday, 1 Jan 1970': 'row.value',
    },
  ],
  [
    'date',
    'EEEE d MMMM yyyy',
    {
      'Thursday 29 February 2024': '"2024-02-29"',
      'sunday 1 may 2022': '"2022-05-01"',
      'Thu 29 February 2024': 'row.value',
      'Thursday 29 Feb 2024': 'row.value',
    },
  ],
  [
    'date',
    "yyyy'年'M'月'd'日'",
    { '2024年2月29日': '"2024-02-29"', '2024年12月1日': '"2024-12-01"', '2024年2月29': 'row.value' },
  ],
  ['date', "''yy''MM''dd", { "'24'02'29": '"2024-02-29"' }],
  ['date', "'o''clock' yyyy-MM-dd", { "o'clock 2024-01-31": '"2024-01-31"' }],
  ['date', '"yyyy\\MM"dd', { '"2024\\02"29': '"2024-02-29"' }],
  [
    'date',
    ['iso', 'dd.MM.yyyy'],
    { '2024-01-31': '"2024-01-31"', '31.01.2024': '"2024-01-31"', '31/01/2024': 'row.value' },
  ],
  [
    'date',
    ['dd/MM/yyyy', 'MM/dd/yyyy'],
    { '03/04/2024': '"2024-04-03"', '04/13/2024': '"2024-04-13"', '13/13/2024': 'row.value' },
  ],
  [
    'date',
    '[yyyy-MM-dd][dd.MM.yyyy]',
    { '2024-01-31': '"2024-01-31"', '31.01.2024': '"2024-01-31"', '2024-01-3131.01.2024': 'row.value' },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mm:ss',
    {
      '2024-01-31 23:59:59': '"2024-01-31T23:59:59Z"',
      '2024-01-31 24:00:00': 'row.value',
      '2024-01-31 23:59:60': 'row.value',
      '2024-01-31 23:60:00': 'row.value',
      '2024-01-31 3:59:00': 'row.value',
      '2024-01-31T23:59:59': 'row.value',
      '2024-01-31 23:59:59.1': 'row.value',
      '1969-12-31 23:59:59': '"1969-12-31T23:59:59Z"',
    },
  ],
  [
    'timestamp',
    'yyyyMMddHHmmssSSS',
    {
      '20240131235959007': '"2024-01-31T23:59:59.007Z"',
      '20240131235959000': '"2024-01-31T23:59:59.000Z"',
      '2024013123595900': 'row.value',
    },
  ],
  ['timestamp', 'dd.MM.yyyy', { '29.02.2024': '"2024-02-29T00:00:00Z"' }],
  [
    'timestamp',
    'M/d/yyyy h:mm a',
    {
      '1/2/2024 12:05 AM': '"2024-01-02T00:05:00Z"',
      '1/2/2024 12:05 PM': '"2024-01-02T12:05:00Z"',
      '1/2/2024 1:05 pm': '"2024-01-02T13:05:00Z"',
      '12/31/2024 11:59 Pm': '"2024-12-31T23:59:00Z"',
      '1/2/2024 0:05 AM': 'row.value',
      '1/2/2024 13:05 PM': 'row.value',
      '1/2/2024 1:05': 'row.value',
      '1/2/2024 1:05 XM': 'row.value',
    },
  ],
  [
    'timestamp',
    'M/d/yyyy h:mm[ a]',
    { '1/2/2024 1:05 PM': '"2024-01-02T13:05:00Z"', '1/2/2024 1:05': 'row.value', '1/2/2024 1:05 ': 'row.value' },
  ],
  [
    'timestamp',
    '[HH:]mm:ss yyyy-MM-dd',
    { '10:05:00 2024-01-02': '"2024-01-02T10:05:00Z"', '05:00 2024-01-02': 'row.value' },
  ],
  ['date', '""yyyy-MM-dd', { '""2024-01-31': '"2024-01-31"', '"2024-01-31': 'row.value' }],
  [
    'timestamp',
    'yyyy-MM-dd HH:mm a',
    {
      '2024-01-31 13:05 PM': '"2024-01-31T13:05:00Z"',
      '2024-01-31 13:05 AM': 'row.value',
      '2024-01-31 00:05 AM': '"2024-01-31T00:05:00Z"',
    },
  ],
  [
    'timestamp',
    'yyyy-MM-dd[ HH:mm[:ss[.SSS]]][ ]XXX',
    {
      '2024-01-31Z': '"2024-01-31T00:00:00Z"',
      '2024-01-31+02:00': '"2024-01-30T22:00:00Z"',
      '2024-01-31 10:30-05:30': '"2024-01-31T16:00:00Z"',
      '2024-01-31 10:30:15 Z': '"2024-01-31T10:30:15Z"',
      '2024-01-31 10:30:15.250 +23:59': '"2024-01-30T10:31:15.250Z"',
      '2024-01-31 10:30:15.25 Z': 'row.value',
      '2024-01-31 10:30:15': 'row.value',
      '2024-01-31 10:30+24:00': 'row.value',
      '2024-01-31 10:30+02:60': 'row.value',
      '2024-01-31 10:30+0200': 'row.value',
      '2024-01-31 10 Z': 'row.value',
    },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mmXX',
    {
      '2024-01-31 10:30+0200': '"2024-01-31T08:30:00Z"',
      '2024-01-31 10:30Z': '"2024-01-31T10:30:00Z"',
      '2024-01-31 10:30+02': 'row.value',
    },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mmX',
    {
      '2024-01-31 10:30+02': '"2024-01-31T08:30:00Z"',
      '2024-01-31 10:30-0230': '"2024-01-31T13:00:00Z"',
      '2024-01-31 10:30Z': '"2024-01-31T10:30:00Z"',
      '2024-01-31 10:30+2': 'row.value',
      '2024-01-31 10:30+023': 'row.value',
    },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mmxxx',
    { '2024-01-31 10:30+00:00': '"2024-01-31T10:30:00Z"', '2024-01-31 10:30Z': 'row.value' },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mmxx',
    { '2024-01-31 10:30-0001': '"2024-01-31T10:31:00Z"', '2024-01-31 10:30Z': 'row.value' },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mmx',
    { '2024-01-31 10:30-01': '"2024-01-31T11:30:00Z"', '2024-01-31 10:30Z': 'row.value' },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mm:ssZ',
    { '2024-01-31 10:30:00+0000': '"2024-01-31T10:30:00Z"', '2024-01-31 10:30:00Z': 'row.value' },
  ],
  [
    'timestamp',
    'EEE MMM dd HH:mm:ss z yyyy',
    {
      'Wed Jan 31 10:30:00 UTC 2024': '"2024-01-31T10:30:00Z"',
      'Wed Jan 31 10:30:00 est 2024': '"2024-01-31T15:30:00Z"',
      'Wed Jan 31 10:30:00 PDT 2024': '"2024-01-31T17:30:00Z"',
      'Wed Jan 31 23:30:00 CEST 2024': '"2024-01-31T21:30:00Z"',
      'Wed Jan 31 10:30:00 IST 2024': 'row.value',
      'Wed Jan 31 10:30:00 UTCX 2024': 'row.value',
      'Wed Jan 31 10:30:00  2024': 'row.value',
    },
  ],
  [
    'timestamp',
    'dd/MMM/yyyy:HH:mm:ss Z',
    { '10/Oct/2000:13:55:36 -0700': '"2000-10-10T20:55:36Z"', '10/Oct/2000:13:55:36 GMT': 'row.value' },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mm VV',
    {
      '2024-07-31 10:30 Europe/Berlin': '"2024-07-31T08:30:00Z"',
      '2024-01-31 10:30 europe/berlin': '"2024-01-31T09:30:00Z"',
      '2024-01-31 10:30 America/Argentina/Buenos_Aires': '"2024-01-31T13:30:00Z"',
      '2024-01-31 10:30 Etc/GMT+5': '"2024-01-31T15:30:00Z"',
      '2024-01-31 10:30 +05:45': '"2024-01-31T04:45:00Z"',
      '2024-01-31 10:30 Z': '"2024-01-31T10:30:00Z"',
      '2024-01-31 10:30 Europe/Berlon': 'row.value',
      '2024-01-31 10:30 T12Z': 'row.value',
      '2024-01-31 10:30 ': 'row.value',
      '2024-03-31 02:30 Europe/Berlin': 'row.value',
    },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mm[ VV][XXX]',
    {
      '2024-01-31 10:30 Asia/Tokyo': '"2024-01-31T01:30:00Z"',
      '2024-01-31 10:30+01:00': '"2024-01-31T09:30:00Z"',
      '2024-01-31 10:30': '"2024-01-31T10:30:00Z"',
      '2024-01-31 10:30 UTC+01:00': 'row.value',
    },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mm:ss[.SSSSSS][.SSS]',
    {
      '2024-01-31 10:30:00.123456': '"2024-01-31T10:30:00.123456Z"',
      '2024-01-31 10:30:00.123': '"2024-01-31T10:30:00.123Z"',
      '2024-01-31 10:30:00': '"2024-01-31T10:30:00Z"',
      '2024-01-31 10:30:00.123456.123': 'row.value',
      '2024-01-31 10:30:00.1234': 'row.value',
    },
  ],
  [
    'timestamp',
    'yyyy-MM-dd HH:mm:ss XXX',
    {
      '0001-01-01 00:00:00 +00:01': 'row.range',
      '9999-12-31 23:59:59 -00:01': 'row.range',
      '9999-12-31 23:59:59 Z': '"9999-12-31T23:59:59Z"',
    },
  ],
  [
    'timestamp',
    'epoch_s',
    {
      0: '"1970-01-01T00:00:00Z"',
      '-0': '"1970-01-01T00:00:00Z"',
      '-1': '"1969-12-31T23:59:59Z"',
      '+5': '"1970-01-01T00:00:05Z"',
      '0000000000000000000005': '"1970-01-01T00:00:05Z"',
      1700000000: '"2023-11-14T22:13:20Z"',
      '1700000000.5': '"2023-11-14T22:13:20.5Z"',
      '1700000000.500': '"2023-11-14T22:13:20.500Z"',
      '-0.25': '"1969-12-31T23:59:59.75Z"',
      '-1.100': '"1969-12-31T23:59:58.900Z"',
      '-1.000': '"1969-12-31T23:59:59.000Z"',
      '0.000000001': '"1970-01-01T00:00:00.000000001Z"',
      '-0.000000001': '"1969-12-31T23:59:59.999999999Z"',
      '0.0000000010': '"1970-01-01T00:00:00.000000001Z"',
      '0.0000000011': 'row.range',
      253402300799: '"9999-12-31T23:59:59Z"',
      253402300800: 'row.range',
      '-62135596800': '"0001-01-01T00:00:00Z"',
      '-62135596801': 'row.range',
      ['9'.repeat(12)]: 'row.range',
      ['9'.repeat(30)]: 'row.range',
      ['9'.repeat(500)]: 'row.value',
      '1e9': 'row.value',
      '1.': 'row.value',
      '.5': 'row.value',
      '': 'row.value',
      '-': 'row.value',
      '1 ': 'row.value',
      '2024-01-01': 'row.value',
    },
  ],
  [
    'timestamp',
    'epoch_ms',
    {
      1700000000123: '"2023-11-14T22:13:20.123Z"',
      5: '"1970-01-01T00:00:00.005Z"',
      '-5': '"1969-12-31T23:59:59.995Z"',
      '-1000': '"1969-12-31T23:59:59.000Z"',
      253402300799999: '"9999-12-31T23:59:59.999Z"',
      253402300800000: 'row.range',
      '-62135596800000': '"0001-01-01T00:00:00.000Z"',
      '-62135596800001': 'row.range',
      '1.5': 'row.value',
    },
  ],
  [
    'timestamp',
    'epoch_us',
    { 1700000000123456: '"2023-11-14T22:13:20.123456Z"', '-1': '"1969-12-31T23:59:59.999999Z"' },
  ],
  [
    'timestamp',
    'epoch_ns',
    {
      '9223372036854775807': '"2262-04-11T23:47:16.854775807Z"',
      '-9223372036854775808': '"1677-09-21T00:12:43.145224192Z"',
      '253402300799999999999': '"9999-12-31T23:59:59.999999999Z"',
      '253402300800000000000': 'row.range',
    },
  ],
  [
    'timestamp',
    ['epoch_s', 'epoch_ms'],
    {
      1700000000: '"2023-11-14T22:13:20Z"',
      1700000000123: '"2023-11-14T22:13:20.123Z"',
      '99999999999999999': 'row.range',
    },
  ],
  [
    'timestamp',
    ['iso', 'epoch_ms', 'dd.MM.yyyy'],
    {
      '2024-01-31T10:00:00+01:00': '"2024-01-31T09:00:00Z"',
      5: '"1970-01-01T00:00:00.005Z"',
      '31.01.2024': '"2024-01-31T00:00:00Z"',
      '2024-01-31': 'row.value',
    },
  ],
]

describe.each(CASES)('%s by %j', (type, format, cases) => {
  it.each(Object.entries(cases))('%j → %s', (text, expected) => {
    expect(cast({ type, format: [format].flat() }, text)).toBe(expected)
  })
})

describe('a column with a format', () => {
  it('trims before it looks', () => {
    const words = { type: 'date', format: ['dd.MM.yyyy', "' 'yyyy-MM-dd"], trim: true }
    expect(cast(words, '\t31.01.2024 ')).toBe('"2024-01-31"')
    expect(cast(words, ' 2024-01-31')).toBe('row.value')
    expect(cast({ ...words, format: ["' 'yyyy-MM-dd"] }, ' 2024-01-31')).toBe('row.value')
    expect(cast({ ...words, format: ["yyyy-MM-dd' '"] }, '2024-01-31 ')).toBe('row.value')
  })

  it('counts seconds with the decimal separator of its texts, and those of JSON numbers with a point', () => {
    const words = { name: 'v', type: 'timestamp', format: ['epoch_s'], decimalSeparator: ',' }
    expect(parseEveryWay(connector({ columns: [words, 'w long'] }), 'v,w\n"1,5",1\n2,2\n').text).toBe(
      '{"v":"1970-01-01T00:00:01.5Z","w":1}\n{"v":"1970-01-01T00:00:02Z","w":2}\n',
    )
    const json = connector({ parser: { type: 'json' }, columns: [words] })
    const { text, rejects } = parseEveryWay(json, '{"v":1.5}{"v":"1,5"}{"v":"1.5"}{"v":-2}{"v":1e1}{"v":true}')
    expect(text).toBe('{"v":"1970-01-01T00:00:01.5Z"}\n{"v":"1970-01-01T00:00:01.5Z"}\n{"v":"1969-12-31T23:59:58Z"}\n')
    expect(rejects.map(({ rowNumber, code }) => [rowNumber, code])).toEqual([
      [3, 'row.value'],
      [5, 'row.value'],
      [6, 'row.value'],
    ])
  })

  it('gives each leaf of a struct the formats that can be of its type, and ISO when none can', () => {
    const struct = (format: string[]) =>
      connector({
        parser: { type: 'json' },
        columns: [{ name: 'v', type: 'struct{d: date, t: list<timestamp>}', format, timezone: '+01:00' }],
      })
    expect(parse(struct(['dd.MM.yyyy', 'epoch_s']), '{"v":{"d":"31.01.2024","t":["31.01.2024",5]}}').text).toBe(
      '{"v":{"d":"2024-01-31","t":["2024-01-30T23:00:00Z","1970-01-01T00:00:05Z"]}}\n',
    )
    expect(parse(struct(['epoch_s']), '{"v":{"d":"2024-01-31","t":[-1]}}').text).toBe(
      '{"v":{"d":"2024-01-31","t":["1969-12-31T23:59:59Z"]}}\n',
    )
    const { rejects } = parse(struct(['epoch_s']), '{"v":{"d":"2024-01-31","t":[1,"x"]}}')
    expect(rejects[0]?.message).toBe('at .t[1]: "x" is no timestamp; expected epoch_s')
  })

  it('says what was expected, and takes its default in published form', () => {
    const of = connector({
      columns: [
        { name: 'a', type: 'date', format: ['dd.MM.yyyy', 'iso'], default: '"2024-01-31"', onInvalid: 'skip' },
        { name: 'b', type: 'timestamp', format: ['epoch_s'], default: '"2024-01-31T00:00:00Z"', onInvalid: 'default' },
      ],
    })
    const { text, rejects, totals } = parseEveryWay(of, 'a,b\n,\n30.01.2024,x\n1/1/2024,1\n')
    expect(text).toBe('{"a":"2024-01-31","b":"2024-01-31T00:00:00Z"}\n{"a":"2024-01-30","b":"2024-01-31T00:00:00Z"}\n')
    expect(totals?.defaulted).toEqual([1, 2])
    expect(rejects[0]?.message).toBe('"1/1/2024" is no date; expected dd.MM.yyyy or YYYY-MM-DD')
  })

  it('reads columns in another order than their cells, and null values', () => {
    const of = connector({
      parser: { type: 'xsv', nullValues: ['', '0', 'n/a'] },
      columns: [
        { name: 'b', type: 'timestamp', format: ['epoch_s'] },
        { name: 'a', type: 'date', format: ['d.M.yy'] },
      ],
    })
    expect(parseEveryWay(of, 'a,x,b\n1.2.24,,0\n,"\n",07\nn/a,,"0"\n').text).toBe(
      '{"b":null,"a":"2024-02-01"}\n{"b":"1970-01-01T00:00:07Z","a":null}\n{"b":"1970-01-01T00:00:00Z","a":null}\n',
    )
  })
})

describe('promise 7: a count is the same moment, exactly', () => {
  it.each([
    ['epoch_s', 0],
    ['epoch_ms', 3],
    ['epoch_us', 6],
    ['epoch_ns', 9],
  ])('%s', (format, digits) => {
    const unit = 10n ** BigInt(9 - digits)
    const first = -62_135_596_800n * 10n ** 9n
    const last = 253_402_300_800n * 10n ** 9n - 1n
    const count = fc.bigInt({ min: first / unit - 10n ** 10n, max: last / unit + 10n ** 10n })
    const counts = fc.sample(fc.oneof(count, fc.bigInt({ min: -5000n, max: 5000n })), { seed: digits, numRuns: 2000 })
    const expected = counts.map((ticks) => {
      if (ticks * unit < first || ticks * unit > last) return 'row.range'
      return JSON.stringify(new Temporal.Instant(ticks * unit).toString({ fractionalSecondDigits: digits as 0 }))
    })
    expect(castAll({ type: 'timestamp', format: [format] }, counts.map(String))).toEqual(expected)
  })

  it('epoch_s with a fraction, before and after 1970', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 9 })
    const seconds = fc.integer({ min: 0, max: 60_000_000_000 })
    const counts = fc.sample(fc.tuple(fc.constantFrom('', '-', '+'), seconds, digits), {
      seed: 1,
      numRuns: 2000,
    })
    const expected = counts.map(([sign, whole, fraction]) => {
      const nanoseconds = BigInt(`${whole}${fraction.padEnd(9, '0')}`) * (sign === '-' ? -1n : 1n)
      const fractionalSecondDigits = fraction.length as 9
      return JSON.stringify(new Temporal.Instant(nanoseconds).toString({ fractionalSecondDigits }))
    })
    const texts = counts.map(([sign, whole, fraction]) => `${sign}${whole}.${fraction}`)
    expect(castAll({ type: 'timestamp', format: ['epoch_s'] }, texts)).toEqual(expected)
  })
})
