/** Section 4 of the parsing reference: what each type takes, publishes and refuses, the same wherever its text stands. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ColumnWords, cast, codes, connector, parse } from './support.ts'

const TABLE: [type: string, cases: Record<string, string>][] = [
  [
    'boolean',
    {
      true: 'true',
      T: 'true',
      yEs: 'true',
      Y: 'true',
      1: 'true',
      FALSE: 'false',
      f: 'false',
      No: 'false',
      n: 'false',
      0: 'false',
      '': 'row.value',
      tr: 'row.value',
      truey: 'row.value',
      on: 'row.value',
      '01': 'row.value',
      ' true': 'row.value',
      ye: 'row.value',
      nope: 'row.value',
      fa: 'row.value',
    },
  ],
  [
    'byte',
    {
      127: '127',
      '-128': '-128',
      128: 'row.range',
      '-129': 'row.range',
      '+5': '5',
      '005': '5',
      '-0': '0',
      '-00': '0',
      0: '0',
      '1.0': 'row.value',
      '1e1': 'row.value',
      '0x1': 'row.value',
      '': 'row.value',
      '-': 'row.value',
      '1 ': 'row.value',
      '１': 'row.value',
    },
  ],
  ['short', { 32767: '32767', '-32768': '-32768', 32768: 'row.range' }],
  [
    'int',
    { 2147483647: '2147483647', '-2147483648': '-2147483648', 2147483648: 'row.range', '-2147483649': 'row.range' },
  ],
  [
    'long',
    {
      '9223372036854775807': '9223372036854775807',
      '-9223372036854775808': '-9223372036854775808',
      '9223372036854775808': 'row.range',
      '-9223372036854775809': 'row.range',
      '9007199254740993': '9007199254740993',
      '0009223372036854775807': '9223372036854775807',
      '10000000000000000000': 'row.range',
      '1.': 'row.value',
      '.5': 'row.value',
    },
  ],
  [
    'double',
    {
      '1.10': '1.10',
      '-0': '-0',
      '.5': '0.5',
      '1.': '1',
      '+1.5': '1.5',
      '007.50': '7.50',
      '1e5': '1e5',
      '1E+05': '1E+05',
      '1.7976931348623157e308': '1.7976931348623157e308',
      '1e400': 'row.range',
      '1e-400': 'row.range',
      '0e-400': '0e-400',
      '5e-324': '5e-324',
      NaN: 'row.value',
      Infinity: 'row.value',
      '.': 'row.value',
      '1e': 'row.value',
      '1,5': 'row.value',
      '0.1000000000000000055511151231257827': '0.1000000000000000055511151231257827',
    },
  ],
  [
    'float',
    {
      '3.4028235e38': '3.4028235e38',
      '3.5e38': 'row.range',
      '1e-46': 'row.range',
      '0.1': '0.1',
      '1e39': 'row.range',
      '123456789012345678901234567890123456789012': 'row.range',
    },
  ],
  [
    'decimal(5,2)',
    {
      '1.5': '"1.5"',
      '123.45': '"123.45"',
      '1234': 'row.range',
      '1.234': 'row.range',
      '1.2300': '"1.23"',
      '00123.4': '"123.4"',
      '1.5e1': '"15"',
      '15e-1': '"1.5"',
      '1e2': '"100"',
      '1e3': 'row.range',
      '1e-2': '"0.01"',
      '1e-3': 'row.range',
      '-.5': '"-0.5"',
      '1.': '"1"',
      '+7': '"7"',
      '0e99999999999': '"0"',
      '1e99999999999': 'row.range',
      '1e-99999999999': 'row.range',
      x: 'row.value',
      '1.50e1': '"15.0"',
    },
  ],
  ['decimal(2,2)', { '0.55': '"0.55"', '.5': '"0.5"', 1: 'row.range', 0: '"0"' }],
  [
    'string',
    {
      'é"\\\n\u0001': JSON.stringify('é"\\\n\u0001'),
      '': '""',
      ' x ': '" x "',
      '-1.50e3': '"-1.50e3"',
      true: '"true"',
    },
  ],
  [
    'binary',
    {
      AQID: '"AQID"',
      'AQI=': '"AQI="',
      '': '""',
      AQI: 'row.value',
      'AQJ=': 'row.value',
      'AQ-_': 'row.value',
      'A Q==': 'row.value',
    },
  ],
  [
    'date',
    {
      '2024-02-29': '"2024-02-29"',
      '2023-02-29': 'row.value',
      '1900-02-29': 'row.value',
      '2000-02-29': '"2000-02-29"',
      '0001-01-01': '"0001-01-01"',
      '9999-12-31': '"9999-12-31"',
      '0000-01-01': 'row.value',
      '2024-02-30': 'row.value',
      '2024-13-01': 'row.value',
      '2024-00-01': 'row.value',
      '2024-01-00': 'row.value',
      '2024-04-31': 'row.value',
      '2024-1-01': 'row.value',
      '2024-01-01T': 'row.value',
      '10000-01-01': 'row.value',
    },
  ],
  [
    'timestamp',
    {
      '2024-01-31T23:59:59Z': '"2024-01-31T23:59:59Z"',
      '2024-01-31 23:59:59': '"2024-01-31T23:59:59Z"',
      '1969-12-31T23:59:59.123456789Z': '"1969-12-31T23:59:59.123456789Z"',
      '2024-01-31t00:00:00z': '"2024-01-31T00:00:00Z"',
      '2024-01-31t00:00:00': '"2024-01-31T00:00:00Z"',
      '20240131': 'row.value',
      '1700000000': 'row.value',
      '2024-01-01T00:30:00+01:00': '"2023-12-31T23:30:00Z"',
      '2024-02-28T23:30:00.100-01:00': '"2024-02-29T00:30:00.100Z"',
      '2023-12-31T23:59:59-23:59': '"2024-01-01T23:58:59Z"',
      '0001-01-01T00:00:00+00:01': 'row.range',
      '9999-12-31T23:59:59-00:01': 'row.range',
      '2024-01-01T24:00:00Z': 'row.value',
      '2024-01-01T23:59:60Z': 'row.value',
      '2024-01-01T23:60:00Z': 'row.value',
      '2024-01-01T00:00:00+24:00': 'row.value',
      '2024-01-01T00:00:00+0100': 'row.value',
      '2024-02-30T00:00:00Z': 'row.value',
      '2024-01-01T00:00:00.Z': 'row.value',
      '2024-01-01T00:00:00.1234567890Z': '"2024-01-01T00:00:00.123456789Z"',
      '2024-01-01T00:00:00.1234567891Z': 'row.range',
      '2024-01-01': 'row.value',
      '2024-01-01T00:00Z': 'row.value',
      '2024-01-01T00:00:00-00:00': '"2024-01-01T00:00:00Z"',
      '2024-01-01T00:00:00.000': '"2024-01-01T00:00:00.000Z"',
    },
  ],
  [
    'json',
    {
      '{"a" : [1.10, "x y"]}': '{"a":[1.10,"x y"]}',
      ' 1e400 ': '1e400',
      '"x"': '"x"',
      '': 'row.value',
      '{a:1}': 'row.value',
      '[1,]': 'row.value',
      '1 2': 'row.value',
      '"\\ud800"': 'row.value',
      '"a\\" b" ': '"a\\" b"',
    },
  ],
]

describe.each(TABLE)('%s', (type, cases) => {
  it.each(Object.entries(cases))('%j → %s', (text, expected) => {
    expect(cast({ type }, text)).toBe(expected)
  })
})

describe('string', () => {
  it.each([
    ['{"v":"\\ud800"}', 'row.json'],
    ['{"v":{"a":1}}', 'row.value'],
    ['{"v":[1]}', 'row.value'],
  ])('refuses %s', (input, code) => {
    expect(codes(parse(connector({ parser: { type: 'json' }, columns: ['v string'] }), input))).toEqual([code])
  })

  it('refuses bytes that are no UTF-8', () => {
    const input = Buffer.concat([Buffer.from('v\n'), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('\n')])
    expect(codes(parse(connector({ columns: ['v string'] }), input))).toEqual(['row.encoding'])
  })
})

describe('separators and spaces', () => {
  const european: ColumnWords = { name: 'v', type: 'decimal(12,2)', decimalSeparator: ',', thousandsSeparator: '.' }

  it.each(
    Object.entries({
      '12,50': '"12.50"',
      '1.234,5': '"1234.5"',
      '1.234.567,89': '"1234567.89"',
      '1.23': 'row.value',
      '12.34,5': 'row.value',
      '1234.567': 'row.value',
      '1,2,3': 'row.value',
      '-1.000': '"-1000"',
      ',5': '"0.5"',
    }),
  )('decimal, European: %j → %s', (text, expected) => {
    expect(cast(european, text)).toBe(expected)
  })

  it.each(
    Object.entries({
      '1,234': '1234',
      '1234': '1234',
      '1,23': 'row.value',
      ',123': 'row.value',
      '1,234,': 'row.value',
      '1,2345': 'row.value',
    }),
  )('long with thousands: %j → %s', (text, expected) => {
    expect(cast({ type: 'long', thousandsSeparator: ',' }, text)).toBe(expected)
  })

  it('reads JSON numbers with their point, whatever the separators of text', () => {
    const { text } = parse(
      connector({ parser: { type: 'json' }, columns: [{ ...european, type: 'double' }] }),
      '{"v":1.5}{"v":"1,5"}{"v":1.234}',
    )
    expect(text).toBe('{"v":1.5}\n{"v":1.5}\n{"v":1.234}\n')
  })

  it.each([
    ['long', ' 12\t', '12'],
    ['string', ' \tx y ', '"x y"'],
    ['boolean', 'yes ', 'true'],
    ['date', ' 2024-01-01', '"2024-01-01"'],
    ['string', 'x\t', '"x"'],
    ['decimal(5,2)', ' 1', '"1"'],
  ])('trim: %s %j → %s', (type, text, expected) => {
    expect(cast({ type, trim: true }, text)).toBe(expected)
  })

  it('makes a trimmed cell null when nothing is left of it', () => {
    const of = connector({
      columns: [{ name: 'a', trim: true }, 'b long'],
      parser: { type: 'xsv', nullValues: ['', 'NA'] },
    })
    expect(parse(of, 'a,b\n  ,1\n NA ,2\n" ",3\n').rows.map(({ a }) => a)).toEqual([null, null, ''])
  })
})

describe('promise 7: digit for digit or rejected', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 25 })
  const number = fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      digits,
      fc.option(digits),
      fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e-', 'E+'), fc.integer({ min: 0, max: 420 }))),
    )
    .map(
      ([sign, integer, fraction, exponent]) =>
        sign + integer + (fraction === null ? '' : `.${fraction}`) + (exponent ? exponent.join('') : ''),
    )
  const plain = (text: string) => text.replace(/^\+/, '').replace(/^(-?)0+(?=\d)/, '$1')

  it('long', () => {
    fc.assert(
      fc.property(number, (text) => {
        const fits = /^[-+]?\d+$/.test(text) && BigInt.asIntN(64, BigInt(plain(text))) === BigInt(plain(text))
        const expected = fits ? String(BigInt(plain(text))) : /^[-+]?\d+$/.test(text) ? 'row.range' : 'row.value'
        expect(cast({ type: 'long' }, text)).toBe(expected)
      }),
      { seed: 7, numRuns: 400 },
    )
  })

  it('double', () => {
    fc.assert(
      fc.property(number, (text) => {
        const value = Number(text)
        const isZero = !/[1-9]/.test(text.split(/e/i)[0]!)
        const fits = Number.isFinite(value) && (value !== 0 || isZero)
        expect(cast({ type: 'double' }, text)).toBe(fits ? plain(text) : 'row.range')
      }),
      { seed: 8, numRuns: 400 },
    )
  })

  it('decimal: the same number, exactly', () => {
    const exact = (text: string): bigint => {
      const [mantissa, exponent = '0'] = text.toLowerCase().split('e')
      const [integer, fraction = ''] = mantissa!.split('.')
      const shift = Number(exponent) - fraction.length + 600
      return (
        (BigInt(integer!.replace('+', '') + fraction) * 10n ** BigInt(Math.max(shift, 0))) /
        10n ** BigInt(Math.max(-shift, 0))
      )
    }
    fc.assert(
      fc.property(number, (text) => {
        const found = cast({ type: 'decimal(38,12)' }, text)
        if (found === 'row.range') return
        const published = JSON.parse(found) as string
        expect(published).toMatch(/^-?(0|[1-9]\d{0,25})(\.\d{1,12})?$/)
        expect(exact(published)).toBe(exact(text))
        if (!/e/i.test(text) && (text.split('.')[1] ?? '').length <= 12) expect(published).toBe(plain(text))
      }),
      { seed: 9, numRuns: 400 },
    )
  })

  it('timestamp: the same moment, with its digits', () => {
    const pad = (value: number, width = 2) => String(value).padStart(width, '0')
    const moment = fc.tuple(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 31 }),
      fc.integer({ min: 0, max: 24 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 60 }),
      fc.option(fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 9 })),
      fc.constantFrom('', 'Z', '+02:00', '-11:30', '+23:59', '-23:59'),
    )
    fc.assert(
      fc.property(moment, ([year, month, day, hour, minute, second, fraction, zone]) => {
        const date = `${pad(year, 4)}-${pad(month)}-${pad(day)}`
        const text = `${date}T${pad(hour)}:${pad(minute)}:${pad(second)}${fraction === null ? '' : `.${fraction}`}${zone}`
        const found = cast({ type: 'timestamp' }, text)
        const midnight = new Date(0)
        midnight.setUTCFullYear(year, month - 1, day)
        const exists = midnight.getUTCMonth() === month - 1 && hour < 24 && minute < 60 && second < 60
        if (!exists) {
          expect(found).toBe('row.value')
          return
        }
        const sign = zone.startsWith('-') ? -1 : 1
        const offset = zone.length < 2 ? 0 : sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)))
        const utc = new Date(midnight.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000)
        const inRange = utc.getUTCFullYear() >= 1 && utc.getUTCFullYear() <= 9999
        expect(found).toBe(
          !inRange ? 'row.range' : `"${utc.toISOString().slice(0, 19)}${fraction === null ? '' : `.${fraction}`}Z"`,
        )
      }),
      { seed: 10, numRuns: 500 },
    )
  })
})
