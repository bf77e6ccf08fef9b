/** Every type of Avro, in columns of its own type and of others. */
import { describe, expect, it } from 'vitest'
import { type ColumnWords, parse, parseEveryWay } from '../support.ts'
import { avro, block, counted, file, header, record, varint } from './support.ts'

/** One value of a type, in a column: its JSON text, or the code of the reject. Another field behind it is found where it is. */
function column(words: ColumnWords | string, type: unknown, value: unknown): string {
  const input = file(record({ x: type, end: 'int' }), [{ x: value, end: 7 }])
  const { text, rejects, error } = parse(avro([words, 'end int']), input)
  if (error) return `${error.code}: ${error.message}`
  if (rejects[0]) return rejects[0].code
  expect(text.endsWith(',"end":7}\n')).toBe(true)
  return text.slice('{"x":'.length, -',"end":7}\n'.length)
}

const decimal = (precision: number, scale: number) => ({ type: 'bytes', logicalType: 'decimal', precision, scale })
const logical = (type: string, logicalType: string) => ({ type, logicalType })
const fixed = (size: number, more = {}) => ({ type: 'fixed', name: 'F', size, ...more })

describe('values', () => {
  it.each<[words: string, type: unknown, value: unknown, text: string]>([
    ['x boolean', 'boolean', true, 'true'],
    ['x string', 'boolean', false, '"false"'],
    ['x int', 'int', -2147483648, '-2147483648'],
    ['x short', 'int', 32767, '32767'],
    ['x short', 'int', 32768, 'row.range'],
    ['x byte', 'int', -128, '-128'],
    ['x long', 'long', 9223372036854775807n, '9223372036854775807'],
    ['x long', 'long', -9223372036854775808n, '-9223372036854775808'],
    ['x long', 'long', 9007199254740993n, '9007199254740993'],
    ['x int', 'long', 2147483647n, '2147483647'],
    ['x int', 'long', 2147483648n, 'row.range'],
    ['x int', 'long', 1n << 60n, 'row.range'],
    ['x double', 'long', 9007199254740993n, '9007199254740993'],
    ['x decimal(20,0)', 'long', 9007199254740993n, '"9007199254740993"'],
    ['x string', 'int', 7, '"7"'],
    ['x float', 'float', Math.fround(0.1), '0.1'],
    ['x double', 'float', Math.fround(16777216), '16777216'],
    ['x double', 'double', 0.1 + 0.2, '0.30000000000000004'],
    ['x double', 'double', 1e21, '1e+21'],
    ['x double', 'double', -0, '-0'],
    ['x double', 'double', Number.NaN, 'row.value'],
    ['x float', 'double', 1e300, 'row.range'],
    ['x string', 'double', Number.POSITIVE_INFINITY, '"Infinity"'],
    ['x int', 'double', 3, '3'],
    ['x int', 'double', 3.5, 'row.value'],
    ['x string', 'string', 'a"b\\c\n\u0001\u{1f600}\u00e4', '"a\\"b\\\\c\\n\\u0001\u{1f600}\u00e4"'],
    ['x long', 'string', '007', '7'],
    ['x list<long>', 'string', '[1, 2]', '[1,2]'],
    ['x binary', 'bytes', Buffer.from([0, 1, 255, 254]), '"AAH//g=="'],
    ['x binary', 'bytes', Buffer.from([]), '""'],
    ['x string', 'bytes', Buffer.from('text'), '"text"'],
    ['x string', 'bytes', Buffer.from([0xff]), 'row.encoding'],
    ['x binary', fixed(3), Buffer.from([1, 2, 3]), '"AQID"'],
    ['x binary', fixed(0), Buffer.from([]), '""'],
    ['x string', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', '"B"'],
    ['x json', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'A', '"A"'],
    ['x boolean', { type: 'enum', name: 'E', symbols: ['yes', 'no'] }, 'no', 'false'],
    ['x json', 'null', null, 'null'],
    ['x date', logical('int', 'date'), -719162, '"0001-01-01"'],
    ['x date', logical('int', 'date'), 2932896, '"9999-12-31"'],
    ['x date', logical('int', 'date'), 2932897, 'row.range'],
    ['x string', logical('int', 'date'), 0, '"1970-01-01"'],
    ['x int', logical('int', 'date'), 0, 'row.value'],
    ['x string', logical('int', 'time-millis'), 86399999, '"23:59:59.999"'],
    ['x string', logical('int', 'time-millis'), 86400000, 'row.range'],
    ['x string', logical('long', 'time-micros'), 1n, '"00:00:00.000001"'],
    ['x timestamp', logical('long', 'timestamp-millis'), -1n, '"1969-12-31T23:59:59.999Z"'],
    ['x timestamp', logical('long', 'timestamp-micros'), 1700000000123456n, '"2023-11-14T22:13:20.123456Z"'],
    ['x timestamp', logical('long', 'timestamp-micros'), 253402300799999999n, '"9999-12-31T23:59:59.999999Z"'],
    ['x timestamp', logical('long', 'timestamp-nanos'), 1n, '"1970-01-01T00:00:00.000000001Z"'],
    ['x timestamp', logical('long', 'timestamp-nanos'), 1700000000123456789n, '"2023-11-14T22:13:20.123456789Z"'],
    ['x timestamp', logical('long', 'timestamp-millis'), 1n << 62n, 'row.range'],
    ['x string', logical('long', 'timestamp-millis'), 0n, '"1970-01-01T00:00:00.000Z"'],
    ['x timestamp', logical('long', 'local-timestamp-millis'), 0n, '"1970-01-01T00:00:00.000Z"'],
    ['x string', logical('long', 'local-timestamp-micros'), 1n, '"1970-01-01T00:00:00.000001"'],
    ['x timestamp', logical('long', 'local-timestamp-nanos'), 5n, '"1970-01-01T00:00:00.000000005Z"'],
    [
      'x string',
      logical('string', 'uuid'),
      '0f0e0d0c-0000-4000-8000-000000000001',
      '"0f0e0d0c-0000-4000-8000-000000000001"',
    ],
    [
      'x string',
      fixed(16, { logicalType: 'uuid' }),
      Buffer.from('0f0e0d0c000040008000000000000001', 'hex'),
      '"0f0e0d0c-0000-4000-8000-000000000001"',
    ],
    ['x binary', fixed(16, { logicalType: 'uuid' }), Buffer.alloc(16), 'row.value'],
    ['x binary', fixed(12, { logicalType: 'duration' }), Buffer.alloc(12), '"AAAAAAAAAAAAAAAA"'],
    ['x long', logical('long', 'unheard-of'), 5n, '5'],
    ['x decimal(5,2)', decimal(5, 2), Buffer.from([0x30, 0x39]), '"123.45"'],
    ['x decimal(5,2)', decimal(5, 2), Buffer.from([0xff, 0xff, 0xff]), '"-0.01"'],
    ['x decimal(5,2)', decimal(5, 2), Buffer.from([0x00]), '"0.00"'],
    ['x decimal(5,2)', decimal(5, 2), Buffer.from([]), 'row.value'],
    [
      'x decimal(38,0)',
      decimal(38, 0),
      Buffer.from('4b3b4ca85a86c47a098a223fffffffff', 'hex'),
      '"99999999999999999999999999999999999999"',
    ],
    ['x decimal(38,0)', decimal(38, 0), Buffer.from('4b3b4ca85a86c47a098a224000000000', 'hex'), 'row.range'],
    ['x decimal(4,1)', decimal(5, 2), Buffer.from([0x30, 0x39]), 'row.range'],
    ['x decimal(4,1)', decimal(5, 2), Buffer.from([0x30, 0x34]), '"123.4"'],
    ['x double', decimal(5, 2), Buffer.from([0x30, 0x39]), '123.45'],
    ['x string', decimal(5, 2), Buffer.from([0x30, 0x39]), '"123.45"'],
    ['x json', decimal(5, 2), Buffer.from([0x30, 0x39]), '"123.45"'],
    [
      'x decimal(5,2)',
      fixed(2, { logicalType: 'decimal', precision: 4, scale: 2 }),
      Buffer.from([0x80, 0x00]),
      '"-327.68"',
    ],
    // A scale above the precision, and a precision that two bytes cannot hold: no decimals, but their bytes.
    ['x binary', decimal(2, 5), Buffer.from([1]), '"AQ=="'],
    ['x binary', fixed(2, { logicalType: 'decimal', precision: 5, scale: 2 }), Buffer.from([0, 1]), '"AAE="'],
    ['x string', decimal(77, 38), Buffer.from([1]), '"0.00000000000000000000000000000000000001"'],
    ['x string', decimal(9, 2), Buffer.alloc(300, 1), 'row.range'],
  ])('%s from %j: %s is %s', (words, type, value, text) => {
    expect(column(words, type, value)).toBe(text)
  })

  it('rejects text that is no UTF-8 as a value, so that on_invalid applies', () => {
    const schema = record({ a: 'string', b: 'int' })
    const bytes = Buffer.concat([counted(Buffer.from([0x61, 0xc3, 0x28])), varint(1), counted('ok'), varint(2)])
    const input = Buffer.concat([header(schema), block(2, bytes)])
    const skipped = parseEveryWay(avro(['a string', 'b int']), input)
    expect(skipped.rejects).toMatchObject([{ code: 'row.encoding', column: 'a', rowNumber: 1, line: null }])
    expect(skipped.text).toBe('{"a":"ok","b":2}\n')
    const nulled = parse(avro([{ name: 'a', onInvalid: 'null' }, 'b int']), input)
    expect(nulled.text).toBe('{"a":null,"b":1}\n{"a":"ok","b":2}\n')
    const failed = parse(avro([{ name: 'a', onInvalid: 'fail' }, 'b int']), input)
    expect(failed.error).toMatchObject({
      code: 'fragment.value',
      message: expect.stringContaining('row 1, column "a"'),
    })
  })

  it.each<[type: unknown, bytes: Uint8Array, message: RegExp]>([
    ['boolean', Buffer.from([2]), /a boolean of 2/],
    ['int', varint(2 ** 31), /an int of 2147483648/],
    [{ type: 'int', logicalType: 'date' }, varint(2n ** 60n), /an int of 1152921504606846976/],
    [['null', 'int'], varint(2), /number 2 of 2/],
    [['null', 'int'], varint(-1), /number -1 of 2/],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, varint(1), /number 1 of 1/],
    ['double', Buffer.alloc(7), /it goes on behind the end/],
    ['bytes', Buffer.concat([varint(3), Buffer.alloc(2)]), /a length of 3, with 2 bytes left/],
  ])('refuses a file with what no %j can be', (type, bytes, message) => {
    const { error } = parseEveryWay(avro(['x json']), Buffer.concat([header(record({ x: type })), block(1, bytes)]))
    expect(error).toMatchObject({ code: 'fragment.container', message: expect.stringMatching(message) })
  })

  it('tells a null from what is not there', () => {
    const schema = record({ a: ['null', 'int'], b: ['int', 'null'] })
    const input = file(schema, [
      { a: null, b: { int: 1 } },
      { a: { int: 2 }, b: null },
    ])
    const columns = [
      { name: 'a', type: 'int', default: '9' },
      { name: 'b', type: 'int', nullable: false },
      { name: 'c', type: 'int', default: '5' },
      'd int',
    ]
    const { text, rejects, totals } = parseEveryWay(avro(columns), input)
    expect(text).toBe('{"a":null,"b":1,"c":5,"d":null}\n')
    expect(rejects).toMatchObject([{ code: 'row.null', column: 'b', rowNumber: 2 }])
    expect(totals?.defaulted).toEqual([0, 0, 1, 0])
  })

  it('takes each branch of a union by its own type', () => {
    const schema = record({
      x: ['int', 'string', 'null', { type: 'long', logicalType: 'timestamp-millis' }, 'boolean'],
    })
    const input = file(schema, [
      { x: { int: 1 } },
      { x: { string: 'a' } },
      { x: null },
      { x: { long: 0n } },
      { x: { boolean: true } },
    ])
    expect(parseEveryWay(avro(['x json']), input).text.split('\n')).toEqual([
      '{"x":1}',
      '{"x":"a"}',
      '{"x":null}',
      '{"x":"1970-01-01T00:00:00.000Z"}',
      '{"x":true}',
      '',
    ])
    const { rows, rejects } = parseEveryWay(avro(['x long']), input)
    expect(rows).toEqual([{ x: 1 }, { x: null }])
    expect(rejects.map(({ message }) => message)).toEqual([
      '"a" is no long; expected digits, with or without a sign',
      '"1970-01-01T00:00:00.000Z" is no long; expected digits, with or without a sign',
      '"true" is no long; expected digits, with or without a sign',
    ])
  })
})
