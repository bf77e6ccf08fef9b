/** Promise 7: digits written without a text in between are those that TypedValues writes, byte for byte. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compile, type ProgramColumn } from '../../../orchestrator/parse/program.ts'
import * as digits from '../../../orchestrator/parse/typed-digits.ts'
import { TypedValues } from '../../../orchestrator/parse/typed-values.ts'
import { connector } from './support.ts'

const COLUMNS = compile(connector({ columns: ['x json', 'x float'] })).columns
const JSON_COLUMN = COLUMNS[0] as ProgramColumn
const FLOAT_COLUMN = COLUMNS[1] as ProgramColumn

function written(write: (values: TypedValues) => unknown): string | false {
  const values = new TypedValues()
  values.bytes = new Uint8Array(200)
  values.o = 3
  if (write(values) === false) {
    expect(values.o).toBe(3)
    return false
  }
  return Buffer.from(values.bytes.subarray(3, values.o)).toString()
}

/** The same, or left to TypedValues; how many were. */
function compare<T>(
  values: fc.Arbitrary<T>,
  fast: (values: TypedValues, given: T) => unknown,
  slow: (values: TypedValues, given: T) => void,
): number {
  let left = 0
  const check = (given: T) => {
    const text = written((values) => fast(values, given))
    if (text === false) left++
    else expect(text).toBe(written((values) => slow(values, given)))
  }
  fc.assert(fc.property(values, check), { numRuns: 5000 })
  return left
}

const SAFE = fc.maxSafeInteger()
const EDGES = fc
  .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: -2, max: 2 }), fc.constantFrom(1, -1))
  .map(([power, off, sign]) => sign * (10 ** power + off))

describe('digits', { timeout: 60_000 }, () => {
  it('of whole numbers', () => {
    const slow = (values: TypedValues, n: number) => values.integer(JSON_COLUMN, n)
    expect(compare(fc.oneof(SAFE, EDGES, fc.integer()), digits.writeWhole, slow)).toBe(0)
  })

  it('of decimals', () => {
    const most = 10 ** 15 - 1
    const unscaled = fc
      .oneof(EDGES, fc.integer(), fc.integer({ min: -most, max: most }))
      .filter((n) => Math.abs(n) <= most)
    const given = fc.tuple(unscaled, fc.integer({ min: 0, max: 38 }))
    expect(
      compare(
        given,
        (values, [n, scale]) => digits.writeDecimal(values, n, scale),
        (values, [n, scale]) => values.decimal(JSON_COLUMN, BigInt(n), scale),
      ),
    ).toBe(0)
  })

  it('of doubles', () => {
    const slow = (values: TypedValues, n: number) => values.real(JSON_COLUMN, n, false)
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
    const short = fc
      .tuple(fc.oneof(fc.integer(), SAFE), fc.integer({ min: 0, max: 22 }))
      .map(([n, places]) => n / 10 ** places)
    compare(
      fc.oneof(finite, EDGES, fc.constantFrom(0, -0, 5e-324, 1e-6, 9.99999e-7, 999999.9999999999, 1e15, 1e21)),
      digits.writeDouble,
      slow,
    )
    const near = short.map((n) => n + 2 ** (Math.floor(Math.log2(Math.abs(n) || 1)) - 52))
    compare(fc.oneof(short, near), digits.writeDouble, slow)
    const prices = fc.integer({ min: -1e9, max: 1e9 }).map((n) => n / 100)
    expect(compare(prices, digits.writeDouble, slow)).toBe(0)
  })

  it('of floats', () => {
    const slow = (values: TypedValues, n: number) => values.real(FLOAT_COLUMN, n, true)
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true })
    const short = fc
      .tuple(fc.integer({ min: -1e8, max: 1e8 }), fc.integer({ min: 0, max: 12 }))
      .map(([n, places]) => Math.fround(n / 10 ** places))
    compare(fc.oneof(finite, short, EDGES.map(Math.fround)), digits.writeFloat, slow)
    const few = fc.integer({ min: -99_999, max: 99_999 }).map((n) => Math.fround(n / 1000))
    expect(compare(few, digits.writeFloat, slow)).toBe(0)
  })

  it('of days', () => {
    const slow = (values: TypedValues, n: number) => values.date(JSON_COLUMN, n)
    expect(compare(fc.integer({ min: -719_162, max: 2_932_896 }), digits.writeDate, slow)).toBe(0)
    for (const days of [-719_163, 2_932_897, Number.NaN])
      expect(written((values) => digits.writeDate(values, days))).toBe(false)
  })

  it.each([3, 6, 9])('of moments and times, in 10^-%i s', (places) => {
    const within = fc.oneof(SAFE, EDGES, fc.integer({ min: -1e12, max: 1e12 }))
    const ends = fc
      .tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -2, max: 2 }))
      .map(([days, off]) => days * 86_400 * 10 ** places + off)
    compare(
      fc.oneof(within, ends).filter(Number.isSafeInteger),
      (values, n) => digits.writeMoment(values, n, places),
      (values, n) => values.timestamp(JSON_COLUMN, BigInt(n), places, false),
    )
    const day = 86_400 * 10 ** places
    const times = fc.oneof(fc.integer({ min: 0, max: day - 1 }), fc.constantFrom(0, day - 1))
    expect(
      compare(
        times,
        (values, n) => digits.writeTime(values, n, places),
        (values, n) => values.time(JSON_COLUMN, BigInt(n), places),
      ),
    ).toBe(0)
    for (const n of [-1, day, Number.NaN]) expect(written((values) => digits.writeTime(values, n, places))).toBe(false)
    expect(written((values) => digits.writeMoment(values, Number.NaN, places))).toBe(false)
  })

  it('of bytes', () => {
    expect(
      compare(
        fc.uint8Array({ maxLength: 50 }),
        (values, b) => digits.writeBase64(values, b, 0, b.length),
        (values, b) => values.ascii(`"${Buffer.from(b).toString('base64')}"`),
      ),
    ).toBe(0)
    expect(
      compare(
        fc.uint8Array({ minLength: 17, maxLength: 17 }),
        (values, b) => digits.writeUuid(values, b, 1),
        (values, b) => {
          const hex = Buffer.from(b.subarray(1)).toString('hex')
          values.ascii(
            `"${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}"`,
          )
        },
      ),
    ).toBe(0)
  })
})
