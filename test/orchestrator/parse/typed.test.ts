/** Values that bring a type, written as every column type there is: exact, or refused. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dateText, timestampText } from '../../../orchestrator/parse/calendar.ts'
import { Output } from '../../../orchestrator/parse/output.ts'
import { compile } from '../../../orchestrator/parse/program.ts'
import { decimalText, floatText, TypedValues } from '../../../orchestrator/parse/typed-values.ts'
import { type ColumnWords, connector } from './support.ts'

/** What `write` makes of a column: its text, or a code. */
function written(words: ColumnWords | string, write: (values: TypedValues, value: never) => void): string {
  const [column] = compile(connector({ columns: [words] })).columns
  const values = new TypedValues()
  values.bytes = new Output().grow(0, 10_000)
  write(values, column as never)
  return values.bad ? values.bad.code : Buffer.from(values.bytes.subarray(0, values.o)).toString()
}

const utf8 = (text: string | Uint8Array) => (values: TypedValues, value: never) => {
  const bytes = Buffer.concat([Buffer.from('x'), Buffer.from(text), Buffer.from('x')])
  values.utf8(value, bytes, 1, bytes.length - 1)
}

describe('typed values', () => {
  it.each<[type: string, given: number | bigint, text: string]>([
    ['x byte', 127, '127'],
    ['x byte', -128, '-128'],
    ['x byte', 128, 'row.range'],
    ['x short', -32769, 'row.range'],
    ['x int', -2147483648, '-2147483648'],
    ['x int', 2147483648, 'row.range'],
    ['x long', 9007199254740991, '9007199254740991'],
    ['x long', -9223372036854775808n, '-9223372036854775808'],
    ['x long', 9223372036854775808n, 'row.range'],
    ['x long', -0, '0'],
    ['x double', 9007199254740993n, '9007199254740993'],
    ['x decimal(20,0)', 18446744073709551615n, '"18446744073709551615"'],
    ['x decimal(4,2)', 100, 'row.range'],
    ['x string', 12, '"12"'],
    ['x boolean', 1, 'true'],
    ['x date', 1, 'row.value'],
    ['x json', 5n, '5'],
    ['x list<int>', 5, 'row.value'],
  ])('writes integers: %s of %s is %s', (type, given, text) => {
    expect(written(type, (values, value) => values.integer(value, given))).toBe(text)
  })

  it.each<[type: string, given: number, isFloat: boolean, text: string]>([
    ['x double', 0.1, false, '0.1'],
    ['x double', Math.fround(0.1), true, '0.1'],
    ['x double', Math.fround(0.1), false, '0.10000000149011612'],
    ['x float', 1e300, false, 'row.range'],
    ['x float', 3.4028234663852886e38, true, '3.4028235e+38'],
    ['x double', -0, false, '-0'],
    ['x double', Number.NaN, false, 'row.value'],
    ['x string', Number.NaN, false, '"NaN"'],
    ['x double', Number.NEGATIVE_INFINITY, false, 'row.value'],
    ['x decimal(10,2)', 1.25, false, '"1.25"'],
    ['x decimal(10,2)', 1e-7, false, 'row.range'],
    ['x int', 1, false, '1'],
    ['x int', 1.5, false, 'row.value'],
    ['x json', 1e21, false, '1e+21'],
  ])('writes reals: %s of %s is %s', (type, given, isFloat, text) => {
    expect(written(type, (values, value) => values.real(value, given, isFloat))).toBe(text)
  })

  it('writes numbers with a point, whatever the texts of the column have', () => {
    const words = { name: 'x', type: 'decimal(9,2)', decimalSeparator: ',', thousandsSeparator: '.' }
    expect(written(words, (values, value) => values.real(value, 1.25, false))).toBe('"1.25"')
    expect(written(words, (values, value) => values.decimal(value, 12345n, 2))).toBe('"123.45"')
    expect(written(words, utf8('1.234,5'))).toBe('"1234.5"')
  })

  it.each<[type: string, given: string | Uint8Array, text: string]>([
    ['x string', 'a"b\\c\n\u0001\u{1f600}', '"a\\"b\\\\c\\n\\u0001\u{1f600}"'],
    ['x string', Uint8Array.of(0x61, 0xff), 'row.encoding'],
    ['x long', Uint8Array.of(0xff), 'row.encoding'],
    ['x long', '007', '7'],
    ['x json', '{"a":1}', '"{\\"a\\":1}"'],
    ['x list<long>', '[1, 2]', '[1,2]'],
    ['x binary', 'AQID', '"AQID"'],
  ])('writes texts: %s', (type, given, text) => {
    expect(written(type, utf8(given))).toBe(text)
  })

  it('writes bytes, days, moments and times', () => {
    const bytes = Uint8Array.of(0, 1, 2, 255)
    expect(written('x binary', (values, value) => values.binary(value, bytes, 1, 4))).toBe('"AQL/"')
    expect(written('x string', (values, value) => values.binary(value, bytes, 1, 4))).toBe('row.encoding')
    expect(written('x date', (values, value) => values.date(value, -719162))).toBe('"0001-01-01"')
    expect(written('x date', (values, value) => values.date(value, -719163))).toBe('row.range')
    expect(written('x timestamp', (values, value) => values.timestamp(value, -1n, 9, false))).toBe(
      '"1969-12-31T23:59:59.999999999Z"',
    )
    expect(written('x string', (values, value) => values.timestamp(value, 0n, 3, true))).toBe(
      '"1970-01-01T00:00:00.000"',
    )
    expect(written('x timestamp', (values, value) => values.timestamp(value, 1n << 62n, 3, false))).toBe('row.range')
    expect(written('x string', (values, value) => values.time(value, 86_399_999_999n, 6))).toBe('"23:59:59.999999"')
    expect(written('x string', (values, value) => values.time(value, 86_400_000_000n, 6))).toBe('row.range')
  })

  it('promise 7: days and moments are those of the calendar', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
        expect(`${timestampText(BigInt(ms), 3)}Z`).toBe(new Date(ms).toISOString())
        expect(dateText(Math.floor(ms / 86_400_000))).toBe(new Date(ms).toISOString().slice(0, 10))
      }),
    )
  })

  it('promise 7: a float reads back as the same float, in the fewest digits', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (float) => {
        const text = floatText(float)
        expect(Math.fround(Number(text))).toBe(float)
        const digits = text.replace(/e.*|[-.]/g, '').replace(/^0+|0+$/g, '').length
        if (digits > 1) expect(Math.fround(Number(float.toPrecision(digits - 1)))).not.toBe(float)
      }),
      { numRuns: 2000 },
    )
  })

  it('promise 7: a decimal keeps its digits', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.integer({ min: 0, max: 38 }), (unscaled, scale) => {
        const text = decimalText(unscaled, scale)
        expect(BigInt(text.replace('.', ''))).toBe(unscaled)
        expect(text.includes('.') ? text.split('.')[1]!.length : 0).toBe(scale)
      }),
    )
    expect(decimalText(-5n, -3)).toBe('-5000')
  })
})
