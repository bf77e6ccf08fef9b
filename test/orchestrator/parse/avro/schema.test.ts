/** A file's schema: names and their spaces, what is wrong with it, and the columns that come of it. */
import { describe, expect, it } from 'vitest'
import { formatType } from '../../../../orchestrator/connector/types.ts'
import { deriveColumns } from '../../../../orchestrator/parse/avro/derive.ts'
import { parseSchema } from '../../../../orchestrator/parse/avro/schema.ts'
import { nameOf } from '../../../../orchestrator/parse/avro/types.ts'
import { parse } from '../support.ts'
import { avro, block, counted, file, header, record, varint } from './support.ts'

const schemaOf = (schema: unknown) =>
  parseSchema(Buffer.from(typeof schema === 'string' ? schema : JSON.stringify(schema)))
const names = (schema: unknown) => schemaOf(schema).fields.map(({ type }) => nameOf(type))

function problem(schema: unknown): string {
  try {
    schemaOf(schema)
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    expect(code).toBe('fragment.container')
    return message.replace("the file's schema", '')
  }
  return 'none'
}

describe('names', { timeout: 60_000 }, () => {
  it('belong to the namespace around them, to one of their own, or to none', () => {
    const fixed = (name: string, more = {}) => ({ type: 'fixed', name, size: 1, ...more })
    const schema = {
      type: 'record',
      name: 'Row',
      namespace: 'a.b',
      fields: [
        { name: 'one', type: fixed('One') },
        { name: 'two', type: fixed('c.d.Two', { namespace: 'ignored' }) },
        { name: 'three', type: fixed('Three', { namespace: '' }) },
        { name: 'four', type: { type: 'record', name: 'x.Four', fields: [{ name: 'f', type: fixed('Five') }] } },
        { name: 'r1', type: 'One' },
        { name: 'r2', type: 'a.b.One' },
        { name: 'r3', type: 'c.d.Two' },
        { name: 'r4', type: 'Three' },
        { name: 'r5', type: { type: 'x.Five' } },
        { name: 'self', type: ['null', 'Row'] },
        { name: 'error', type: { type: 'error', name: 'Oops', fields: [] } },
      ],
    }
    expect(names(schema)).toEqual([
      'fixed a.b.One',
      'fixed c.d.Two',
      'fixed Three',
      'record x.Four',
      'fixed a.b.One',
      'fixed a.b.One',
      'fixed c.d.Two',
      'fixed Three',
      'fixed x.Five',
      'union',
      'record a.b.Oops',
    ])
  })

  it('may be any text, and types may be wrapped', () => {
    expect(names(record({ 'a b': { type: { type: 'string' } }, 'Zürich-1': { type: ['null', 'int'] } }))).toEqual([
      'string',
      'union',
    ])
  })

  it.each<[schema: unknown, message: RegExp]>([
    ['{', / is no JSON: /],
    ['\ud800', / is no JSON: /],
    [null, /, at its top: expected a type, found null/],
    [{}, /, at \/type: expected a type, found nothing/],
    ['"text"', /, at its top: the type "text" is not defined before it is used/],
    [
      record({ a: 'Later', b: { type: 'fixed', name: 'Later', size: 1 } }),
      /, at \/fields\/0\/type: the type "Later" is not defined/,
    ],
    [record({ a: { type: 'fixed', name: 'Row', size: 1 } }), /, at \/fields\/0\/type: the type "Row" is defined twice/],
    [record({ a: ['null', ['int']] }), /, at \/fields\/0\/type\/1: a union directly inside of a union/],
    [
      record({ a: { type: 'fixed', name: 'F', size: -1 } }),
      /, at \/fields\/0\/type\/size: expected a number of bytes, found -1/,
    ],
    [record({ a: { type: 'fixed', name: 'F' } }), /size: expected a number of bytes, found nothing/],
    [record({ a: { type: 'enum', name: 'E', symbols: ['A', 1] } }), /symbols\/1: expected a symbol, found 1/],
    [record({ a: { type: 'enum', name: 'E' } }), /symbols: expected a list of symbols, found nothing/],
    [record({ a: { type: 'array' } }), /, at \/fields\/0\/type\/items: expected a type, found nothing/],
    [record({ a: { type: 'map', values: 7 } }), /values: expected a type, found 7/],
    [{ type: 'record', name: 'R' }, /, at \/fields: expected a list of fields, found nothing/],
    [{ type: 'record', fields: [] }, /, at \/name: expected a name, found nothing/],
    [
      {
        type: 'record',
        name: 'R',
        fields: [
          { name: 'a', type: 'int' },
          { name: 'a', type: 'int' },
        ],
      },
      /, at \/fields\/1: a second field named "a"/,
    ],
    [
      '{"type":"record","name":"R","fields":[{"name":"\\ud800","type":"int"}]}',
      /, at \/fields\/0\/name: expected a name/,
    ],
    [record({ self: 'Row' }), /, at its top: record Row contains itself without an end/],
    [record({ a: record({ b: record({ c: 'A' }, 'B') }, 'A') }), /record A contains itself without an end/],
    [
      JSON.parse(`${'{"type":"array","items":'.repeat(200)}"int"${'}'.repeat(200)}`),
      /types are nested deeper than 128/,
    ],
    [{ type: '__proto__' }, /the type "__proto__" is not defined/],
  ])('%j is refused', (schema, message) => {
    expect(problem(schema)).toMatch(message)
  })

  it('refuses records in records without an end by their number, and takes many names', () => {
    const chain = (length: number) =>
      record(
        Object.fromEntries(
          Array.from({ length }, (_, at) => [`f${at}`, record({ x: at === 0 ? 'int' : `T${at - 1}` }, `T${at}`)]),
        ),
      )
    expect(names(chain(900))).toHaveLength(900)
    expect(names(chain(20_000))).toHaveLength(20_000)
  })

  it('leaves logical types that do not fit their base to it', () => {
    const of = (given: object) => schemaOf(record({ x: given })).fields[0]?.type.logical?.kind
    const decimal = (precision: unknown, scale: unknown, more: object = {}) =>
      of({ type: 'bytes', logicalType: 'decimal', precision, scale, ...more })
    expect([decimal(9, 2), decimal(9, undefined), decimal(38, 38), decimal(76, 0)]).toEqual(Array(4).fill('decimal'))
    expect([
      decimal(0, 0),
      decimal(9, 10),
      decimal(9, -1),
      decimal('9', 1),
      decimal(9.5, 1),
      decimal(undefined, 1),
    ]).toEqual(Array(6).fill(undefined))
    const fixed = (size: number, precision: number) => decimal(precision, 0, { type: 'fixed', name: 'F', size })
    expect([fixed(4, 9), fixed(4, 10), fixed(16, 38), fixed(16, 39), fixed(0, 1)]).toEqual([
      'decimal',
      undefined,
      'decimal',
      undefined,
      undefined,
    ])
    expect([
      of({ type: 'long', logicalType: 'date' }),
      of({ type: 'int', logicalType: 'timestamp-millis' }),
      of({ type: 'bytes', logicalType: 'uuid' }),
      of({ type: 'fixed', name: 'F', size: 12, logicalType: 'uuid' }),
      of({ type: 'string', logicalType: 'constructor' }),
      of({ type: 'int', logicalType: 'constructor' }),
    ]).toEqual(Array(6).fill(undefined))
  })
})

describe('columns of a file that nobody named any for', { timeout: 60_000 }, () => {
  const derived = (schema: unknown) =>
    deriveColumns(schemaOf(schema)).map(
      ({ name, type, nullable }) => `${name} ${formatType(type)}${nullable ? '?' : ''}`,
    )
  const refusal = (schema: unknown) => {
    try {
      return deriveColumns(schemaOf(schema)).length
    } catch (error) {
      return (error as Error).message
    }
  }
  const logical = (type: string, logicalType: string, more = {}) => ({ type, logicalType, ...more })

  it('have the types of the fields', () => {
    const fields = {
      a: 'boolean',
      b: ['null', 'int'],
      c: ['long', 'null'],
      d: 'float',
      e: 'double',
      f: 'string',
      g: 'bytes',
      h: { type: 'fixed', name: 'F', size: 2 },
      i: { type: 'enum', name: 'E', symbols: ['A'] },
      j: logical('bytes', 'decimal', { precision: 38, scale: 9 }),
      k: logical('bytes', 'decimal', { precision: 39, scale: 9 }),
      l: logical('int', 'date'),
      m: logical('int', 'time-millis'),
      n: logical('long', 'time-micros'),
      o: logical('long', 'timestamp-micros'),
      p: logical('long', 'local-timestamp-nanos'),
      q: logical('string', 'uuid'),
      r: { type: 'array', items: ['null', 'int'] },
      s: ['null', { type: 'map', values: { type: 'array', items: 'string' } }],
      t: record({ x: ['null', 'int'], 'y z': ['int', 'string'] }, 'T'),
      u: ['null', 'int', 'string'],
      v: 'null',
      w: record({}, 'W'),
      x: ['null'],
      y: ['string'],
      z: logical('long', 'unknown'),
    }
    expect(derived(record(fields))).toEqual([
      'a boolean',
      'b int?',
      'c long?',
      'd float',
      'e double',
      'f string',
      'g binary',
      'h binary',
      'i string',
      'j decimal(38,9)',
      'k string',
      'l date',
      'm string',
      'n string',
      'o timestamp',
      'p timestamp',
      'q string',
      'r list<int>',
      's map<list<string>>?',
      't struct{x: int, "y z": json}',
      'u json?',
      'v json?',
      'w json',
      'x json?',
      'y string',
      'z long',
    ])
  })

  it('are json where a type contains itself', () => {
    const tree = record({ value: 'int', twigs: { type: 'array', items: 'Tree' } }, 'Tree')
    const schema = record({
      id: 'int',
      tree,
      wood: record({ oak: 'Tree', area: 'double' }, 'Wood'),
      trees: { type: 'array', items: 'Tree' },
      self: ['null', 'Row'],
    })
    expect(derived(schema)).toEqual([
      'id int',
      'tree json',
      'wood struct{oak: json, area: double}',
      'trees list<json>',
      'self json?',
    ])
    // Twenty records, each of all others: not a search through all their orders.
    const all = Array.from({ length: 20 }, (_, at) => `R${at}`)
    const knot = all.map((name, at) => ({
      type: 'record',
      name,
      fields: all.slice(0, at + 1).map((other) => ({ name: other, type: ['null', other] })),
    }))
    expect(
      derived(record({ x: knot[0], ...Object.fromEntries(knot.slice(1).map((each, at) => [`k${at}`, each])) })).every(
        (each) => each.endsWith(' json'),
      ),
    ).toBe(true)
  })

  it('are refused by name when they cannot be columns', () => {
    const cure = 'Name them in connector.yaml under schema, each with its source'
    expect(refusal(record({ 'a\nb': 'int' }))).toBe(
      `the file does not say what the columns are: its field "a\\nb" is no name of 1 to 255 bytes without control characters. ${cure}`,
    )
    expect(refusal(record({ ['x'.repeat(256)]: 'int' }))).toMatch(/is no name of 1 to 255 bytes/)
    expect(refusal(record({}))).toMatch(/it has no fields/)
    expect(refusal(record(Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`f${at}`, 'int']))))).toMatch(
      /it has 10001 fields, more than 10000/,
    )
    expect(refusal([record({ a: 'int' }, 'A'), record({ b: 'int' }, 'B')])).toMatch(/its records are of several types/)
    let type: unknown = 'int'
    for (let level = 0; level < 30; level++)
      type = record({ a: type, b: level === 0 ? type : `R${level - 1}` }, `R${level}`)
    expect(refusal(record({ bomb: type }))).toMatch(/it has more than 50000 types inside of each other/)
  })

  it('stop at the depth that connector.yaml takes', () => {
    let type: unknown = 'int'
    for (let level = 0; level < 40; level++) type = { type: 'array', items: type }
    expect(derived(record({ x: type }))).toEqual([`x ${'list<'.repeat(32)}json${'>'.repeat(32)}`])
  })

  it('come out of the fragment before its rows, and hold for the next one', () => {
    const input = file(record({ id: 'long', name: ['null', 'string'] }), [
      { id: 1n, name: null },
      { id: 2n, name: { string: 'b' } },
    ])
    const { frames, text } = parse(avro(), input)
    expect(text).toBe('{"id":1,"name":null}\n{"id":2,"name":"b"}\n')
    const columns = frames[0]?.derived
    expect(columns?.map(({ name, source }) => [name, source])).toEqual([
      ['id', 'id'],
      ['name', 'name'],
    ])
    const pinned = { ...avro(), columns: columns! }
    expect(parse(pinned, input).text).toBe(text)
    const more = file(record({ more: 'int', id: 'long', name: ['null', 'string'] }), [{ more: 1, id: 3n, name: null }])
    const later = parse(pinned, more)
    expect(later.text).toBe('{"id":3,"name":null}\n')
    expect(later.totals?.unknown).toEqual(['more'])
    const other = parse(pinned, file(record({ id: 'int', name: ['null', 'string'] }), [{ id: 3, name: null }]))
    expect(other.error).toMatchObject({
      code: 'schema.mismatch',
      message: expect.stringContaining('"id" was long and is int'),
    })
  })

  it('take a field whose name looks like a JSON Pointer', () => {
    const schema = JSON.stringify(record({ '/a~b': 'int' }))
    expect(parse(avro(), Buffer.concat([header(schema), block(1, varint(5))])).text).toBe('{"/a~b":5}\n')
  })
})

describe('files of other values than records', () => {
  it('are refused by name', () => {
    for (const type of ['long', { type: 'array', items: 'int' }, ['null', record({ a: 'int' })]]) {
      const { error } = parse(avro(['a int']), header(type))
      expect(error).toMatchObject({
        code: 'fragment.unsupported',
        message: expect.stringMatching(/only records can be rows/),
      })
    }
  })

  it('are rows when they are records of several types', () => {
    const schema = [record({ a: 'int', b: 'string' }, 'One'), record({ b: 'string', c: 'int' }, 'Other')]
    const bytes = Buffer.concat([varint(0), varint(1), counted('one'), varint(1), counted('other'), varint(2)])
    const { text, rejects } = parse(
      avro(['b string', 'a int', 'c int']),
      Buffer.concat([header(schema), block(2, bytes)]),
    )
    expect(rejects).toEqual([])
    expect(text).toBe('{"b":"one","a":1,"c":null}\n{"b":"other","a":null,"c":2}\n')
  })
})
