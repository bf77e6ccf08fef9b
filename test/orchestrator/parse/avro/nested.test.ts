/** Records, arrays and maps inside of records: whole, field by field, and from far inside. */
import { describe, expect, it } from 'vitest'
import { type ColumnWords, parse, parseEveryWay } from '../support.ts'
import { avro, avscType, block, counted, file, header, record, varint } from './support.ts'

const PLACE = { ...record({ lat: 'double', lon: 'double', name: ['null', 'string'] }, 'Place') }
const SCHEMA = record({
  id: 'int',
  place: ['null', PLACE],
  tags: { type: 'array', items: 'string' },
  counts: { type: 'map', values: 'long' },
  end: 'int',
})
const FULL = {
  id: 1,
  place: { Place: { lat: 1.5, lon: 2.5, name: null } },
  tags: ['a', 'b'],
  counts: { x: 5n, y: -6n },
  end: 7,
}
const EMPTY = { id: 2, place: null, tags: [], counts: {}, end: 8 }
const INPUT = file(SCHEMA, [FULL, EMPTY])

function rows(columns: (ColumnWords | string)[], input = INPUT) {
  const { text, rejects, error } = parseEveryWay(avro(columns), input)
  expect(error).toBeUndefined()
  return { lines: text.split('\n').slice(0, -1), rejects }
}

describe('nested values', () => {
  it('are embedded whole in a json column', () => {
    expect(rows(['id int', 'place json', 'tags json', 'counts json', 'end int']).lines).toEqual([
      '{"id":1,"place":{"lat":1.5,"lon":2.5,"name":null},"tags":["a","b"],"counts":{"x":5,"y":-6},"end":7}',
      '{"id":2,"place":null,"tags":[],"counts":{},"end":8}',
    ])
  })

  it('are typed to their leaves, whatever the order', () => {
    const columns = (place: string) => [{ name: 'place', type: place }, 'end int']
    expect(rows(columns('struct{lat: string, name: string}')).lines[0]).toBe(
      '{"place":{"lat":"1.5","name":null},"end":7}',
    )
    expect(rows(columns('struct{name: string, zip: int, lat: double}')).lines[0]).toBe(
      '{"place":{"name":null,"zip":null,"lat":1.5},"end":7}',
    )
    expect(rows(columns('struct{zip: int, lon: double}')).lines[0]).toBe('{"place":{"zip":null,"lon":2.5},"end":7}')
    expect(rows(columns('map<double>')).lines[0]).toBe('{"place":{"lat":1.5,"lon":2.5,"name":null},"end":7}')
    expect(rows([{ name: 'counts', type: 'struct{y: int, z: int, x: string}' }, 'end int']).lines).toEqual([
      '{"counts":{"y":-6,"z":null,"x":"5"},"end":7}',
      '{"counts":{"y":null,"z":null,"x":null},"end":8}',
    ])
    expect(
      rows([
        { name: 'counts', type: 'map<decimal(3,1)>' },
        { name: 'tags', type: 'list<string>' },
      ]).lines[0],
    ).toBe('{"counts":{"x":"5","y":"-6"},"tags":["a","b"]}')
  })

  it('say where in them the wrong value is', () => {
    const { lines, rejects } = rows([{ name: 'tags', type: 'list<long>' }, 'end int'])
    expect(lines).toEqual(['{"tags":[],"end":8}'])
    expect(rejects).toMatchObject([
      { column: 'tags', code: 'row.value', message: expect.stringMatching(/^at \[0\]: "a" is no long/) },
    ])
    const list = file(record({ x: { type: 'array', items: { type: 'map', values: PLACE } }, end: 'int' }), [
      { x: [{}, { k: { lat: Number.NaN, lon: 1, name: null } }], end: 3 },
      { x: [], end: 4 },
    ])
    const found = rows(['x json', 'end int'], list)
    expect(found.rejects[0]?.message).toMatch(/^at \[1\]\.k\.lat: "NaN" is no json/)
    expect(found.lines).toEqual(['{"x":[],"end":4}'])
    expect(rows([{ name: 'x', type: 'json', onInvalid: 'null' }, 'end int'], list).lines[0]).toBe('{"x":null,"end":3}')
    expect(rows([{ name: 'counts', type: 'struct{y: byte, x: boolean}' }]).rejects[0]?.message).toMatch(
      /^at \.x: "5" is no boolean/,
    )
  })

  it('are refused where the column is not nested', () => {
    const { rejects } = rows(['place string'])
    expect(rejects).toMatchObject([
      { code: 'row.value', message: 'an Avro record Place is no string; a json column takes it whole' },
    ])
  })

  it('refuse a map with a key twice, which would hide a value', () => {
    const schema = record({ m: { type: 'map', values: 'int' }, end: 'int' })
    const map = (keys: string[]) => [
      varint(keys.length),
      ...keys.flatMap((key) => [counted(key), varint(1)]),
      varint(0),
    ]
    const many = Array.from({ length: 100 }, (_, at) => `key${at}`)
    const records = [map(['a', 'b', 'a']), map(['a', 'b']), map([...many, 'key99']), map(many), map(['x', 'x'])]
    const bytes = Buffer.concat(records.flatMap((each) => [...each, varint(5)]))
    const input = Buffer.concat([header(schema), block(records.length, bytes)])
    for (const type of ['json', 'map<int>', 'struct{a: int}']) {
      const { lines, rejects } = rows([{ name: 'm', type }, 'end int'], input)
      expect(lines).toHaveLength(2)
      expect(rejects.map(({ rowNumber, message }) => [rowNumber, message])).toEqual([
        [1, expect.stringMatching(/^(at .a: )?a map with the key "a" twice$/)],
        [3, expect.stringContaining('a map with the key "key99" twice')],
        [5, expect.stringContaining('a map with the key "x" twice')],
      ])
    }
  })

  it('escape the keys of maps', () => {
    const input = file(record({ m: { type: 'map', values: 'int' } }), [{ m: { 'a"\n': 1 } }])
    expect(rows(['m json'], input).lines).toEqual(['{"m":{"a\\"\\n":1}}'])
  })

  it('take arrays and maps in blocks whose size is given', () => {
    const schema = record({
      skipped: { type: 'array', items: 'string' },
      x: { type: 'array', items: 'string' },
      end: 'int',
    })
    const items = Buffer.concat([counted('a'), counted('b')])
    const sized = Buffer.concat([varint(-2), varint(items.length), items, varint(1), counted('c'), varint(0)])
    const input = Buffer.concat([header(schema), block(1, Buffer.concat([sized, sized, varint(9)]))])
    expect(rows(['x json', 'end int'], input).lines).toEqual(['{"x":["a","b","c"],"end":9}'])
    const lying = Buffer.concat([varint(-2), varint(items.length - 1), items, varint(0)])
    const broken = Buffer.concat([header(schema), block(1, Buffer.concat([sized, lying, varint(9)]))])
    expect(parse(avro(['x json']), broken).error?.code).toBe('fragment.container')
  })
})

describe('JSON Pointers', () => {
  it('lead into records, through unions, and to the keys of maps', () => {
    const columns = [
      { name: 'lon', type: 'double', source: '/place/lon' },
      { name: 'y', type: 'long', source: '/counts/y', default: '0' },
      { name: 'place', type: 'json' },
      { name: 'lat', type: 'double', source: '/place/lat', default: '9' },
      { name: 'id', type: 'int' },
      { name: 'gone', type: 'int', source: '/place/zip' },
    ]
    expect(rows(columns).lines).toEqual([
      '{"lon":2.5,"y":-6,"place":{"lat":1.5,"lon":2.5,"name":null},"lat":1.5,"id":1,"gone":null}',
      '{"lon":null,"y":0,"place":null,"lat":9,"id":2,"gone":null}',
    ])
  })

  it('take what each branch has', () => {
    const schema = record({
      x: [record({ a: 'int', b: 'string' }, 'One'), record({ b: 'long' }, 'Other'), 'int'],
      end: 'int',
    })
    const input = file(schema, [
      { x: { One: { a: 1, b: 'one' } }, end: 1 },
      { x: { Other: { b: 2n } }, end: 2 },
      { x: { int: 5 }, end: 3 },
    ])
    const columns = [
      'end int',
      { name: 'b', type: 'string', source: '/x/b' },
      { name: 'a', type: 'int', source: '/x/a' },
    ]
    expect(rows(columns, input).lines).toEqual([
      '{"end":1,"b":"one","a":1}',
      '{"end":2,"b":"2","a":null}',
      '{"end":3,"b":null,"a":null}',
    ])
  })

  it('read escaped names, and a plain one as a field', () => {
    const schema = JSON.stringify(record({ 'a/b~c': record({ x: 'int' }, 'R'), end: 'int' }))
    const input = Buffer.concat([header(schema), block(1, Buffer.concat([varint(1), varint(2)]))])
    const columns = [
      { name: 'x', type: 'int', source: '/a~1b~0c/x' },
      { name: 'e', type: 'int', source: '/end' },
      { name: 'f', type: 'int', source: 'end' },
    ]
    expect(rows(columns, input).lines).toEqual(['{"x":1,"e":2,"f":2}'])
  })
})

describe('fields', () => {
  const schema = {
    type: 'record',
    name: 'Row',
    fields: [
      { name: 'a', type: 'int', aliases: ['first', 'b'] },
      { name: 'b', type: 'int', aliases: ['second'] },
      { name: 'c', type: record({ d: 'int' }, 'Inner'), aliases: ['third', 'first'] },
    ],
  }
  const input = Buffer.concat([header(schema), block(1, Buffer.concat([varint(1), varint(2), varint(3)]))])

  it('match by name, or else by alias', () => {
    const columns = [
      'b int',
      { name: 'x', type: 'int', source: 'first' },
      { name: 'y', type: 'int', source: 'second' },
      { name: 'z', type: 'int', source: '/third/d' },
      { name: 'w', type: 'struct{d: int}', source: 'c' },
      { name: 'v', type: 'int', source: '/c/d' },
    ]
    expect(rows(columns, input).lines).toEqual(['{"b":2,"x":1,"y":2,"z":3,"w":{"d":3},"v":3}'])
  })

  it('that no column takes are unknown, also below the top', () => {
    const of = (columns: (ColumnWords | string)[], of = INPUT) => parse(avro(columns), of).totals?.unknown
    expect(of(['id int', { name: 'lat', type: 'double', source: '/place/lat' }])).toEqual([
      '/place/lon',
      '/place/name',
      'tags',
      'counts',
      'end',
    ])
    expect(of(['a int', 'b int', 'c json'], input)).toEqual([])
    expect(of([])).toEqual([])
  })
})

describe('types that contain themselves', { timeout: 60_000 }, () => {
  const NODE = {
    type: 'record',
    name: 'Node',
    fields: [
      { name: 'value', type: 'int' },
      { name: 'next', type: ['null', 'Node'] },
    ],
  }
  const list = (length: number) =>
    Array.from({ length }, (_, at) => at).reduceRight<unknown>((next, value) => ({ Node: { value, next } }), null)
  const schema = record({ list: ['null', NODE], end: 'int' })

  it('are json', () => {
    const { lines } = rows(['list json', 'end int'], file(schema, [{ list: list(2), end: 1 }]))
    expect(lines).toEqual(['{"list":{"value":0,"next":{"value":1,"next":null}},"end":1}'])
  })

  it('are published to 128 levels, and passed over to any', () => {
    const type = avscType(schema)
    const deep = (levels: number) =>
      Buffer.concat([Buffer.concat(Array.from({ length: levels }, () => Buffer.from([2, 14]))), Buffer.from([0, 2])])
    expect(deep(3)).toEqual(
      type.toBuffer({ list: list(3), end: 1 }).map((byte, at) => (at % 2 === 1 && at < 6 ? 14 : byte)),
    )
    const input = Buffer.concat([header(schema), block(3, Buffer.concat([deep(128), deep(129), deep(500_000)]))])
    const embedded = parse(avro(['list json', 'end int']), input)
    expect(embedded.rows).toHaveLength(1)
    expect(embedded.rejects).toMatchObject([
      { code: 'row.depth', rowNumber: 2, column: 'list' },
      { code: 'row.depth', rowNumber: 3, truncated: true },
    ])
    expect(parse(avro(['end int']), input).text).toBe('{"end":1}\n'.repeat(3))
  })

  it('are refused by name when passing over them would take a stack as deep as they are', () => {
    const tree = {
      type: 'record',
      name: 'Tree',
      fields: [
        { name: 'left', type: ['null', 'Tree'] },
        { name: 'value', type: 'int' },
      ],
    }
    const input = Buffer.concat([
      header(tree),
      block(1, Buffer.concat([Buffer.alloc(10_000, 2), Buffer.alloc(10_001)])),
    ])
    expect(parse(avro(['value int']), input).error?.code).toBe('fragment.limit')
  })
})
