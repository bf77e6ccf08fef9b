import { describe, expect, it } from 'vitest'
import { codes, connector, parse, parseEveryWay } from './support.ts'

const json = (columns: Parameters<typeof connector>[0]['columns'], mode: 'auto' | 'lines' | 'array' = 'auto') =>
  connector({ parser: { type: 'json', mode }, columns })

describe('JSON', () => {
  it.each([
    ['lines', '{"b":1,"a":"x"}\r\n\n{"a":"y","b":2,"c":[{}]}'],
    ['auto', '{"b":1,"a":"x"}{"a":"y",\n "b" : 2 , "c":[{ }]}'],
    ['auto', '\ufeff [{"b":1,"a":"x"},\n{"a":"y","b":2,"c":[{}]}]\n'],
    ['array', '[{"b":1,"a":"x"}] [] [{"a":"y","b":2,"c":[{}]}]'],
  ] as const)('reads keys in any order (%s: %s)', (mode, input) => {
    const { text, totals } = parseEveryWay(json(['a string', 'b long'], mode), input)
    expect(text).toBe('{"a":"x","b":1}\n{"a":"y","b":2}\n')
    expect(totals?.unknown).toEqual(['c'])
  })

  it.each(['', ' \n', '[]', '\ufeff[ ]\n'])('finds no rows in %j', (input) => {
    expect(parseEveryWay(json(['a string']), input)).toMatchObject({ text: '', rejects: [], error: undefined })
  })

  it('takes a default for a missing key only; an explicit null stays null', () => {
    const of = json([
      { name: 'a', type: 'long', default: '7' },
      { name: 'b', type: 'long', nullable: false },
    ])
    const { rows, rejects, totals } = parseEveryWay(of, '{"b":1}\n{"a":null,"b":2}\n{"a":3,"b":null}\n{"a":3}\n')
    expect(rows).toEqual([
      { a: 7, b: 1 },
      { a: null, b: 2 },
    ])
    expect(rejects.map(({ code, column }) => [code, column])).toEqual([
      ['row.null', 'b'],
      ['row.null', 'b'],
    ])
    expect(totals?.defaulted).toEqual([1, 0])
  })

  it('lets the last of equal keys win, however they are written', () => {
    const { text } = parseEveryWay(
      json(['a long', 'é string']),
      '{"a":1,"\\u0061":2,"é":"x","\\u00e9":"y"}\n{"a":2,"a":null,"é":"z"}\n',
    )
    expect(text).toBe('{"a":2,"é":"y"}\n{"a":null,"é":"z"}\n')
  })

  it('reads inside of objects by JSON Pointer', () => {
    const of = json([
      { name: 'id', type: 'long', source: '/user/id' },
      { name: 'odd', type: 'string', source: '/user/a~1b~0c' },
      { name: 'user', type: 'json' },
      { name: 'none', type: 'long', source: '/user/id/x' },
    ])
    const { rows, totals } = parseEveryWay(
      of,
      '{"user": {"id": 1, "a/b~c": "x", "extra": [ 1 ]}}\n{"user":5}\n{"user":{"id":1},"user":{"a/b~c":"y"}}\n{}',
    )
    expect(rows).toEqual([
      { id: 1, odd: 'x', user: { id: 1, 'a/b~c': 'x', extra: [1] }, none: null },
      { id: null, odd: null, user: 5, none: null },
      { id: null, odd: 'y', user: { 'a/b~c': 'y' }, none: null },
      { id: null, odd: null, user: null, none: null },
    ])
    expect(totals?.unknown).toEqual(['/user/extra'])
  })

  it('knows keys that are special in JavaScript', () => {
    const { text } = parseEveryWay(
      json([{ name: '__proto__', type: 'long' }, 'constructor string', '1 long']),
      '{"constructor":"c","__proto__":1,"toString":2,"1":3}',
    )
    expect(text).toBe('{"__proto__":1,"constructor":"c","1":3}\n')
  })

  it('converts strings, numbers and booleans by the rules of the column', () => {
    const of = json(['s string', 'l long', 'd decimal(9,3)', 'b boolean', 'x double', 't timestamp', 'j json'])
    const input =
      '{"s":1.50,"l":"007","d":1.5e1,"b":"Yes","x":"+1.","t":"2024-01-01 00:00:00","j":[1.10, "a b", {"k" : 1e400}]}\n{"s":true,"l":-0,"d":"1.20","b":0,"x":1E5,"t":null,"j":"x\\u0041"}'
    expect(parseEveryWay(of, input).text).toBe(
      '{"s":"1.50","l":7,"d":"15","b":true,"x":1,"t":"2024-01-01T00:00:00Z","j":[1.10,"a b",{"k":1e400}]}\n{"s":"true","l":0,"d":"1.20","b":false,"x":1E5,"t":null,"j":"x\\u0041"}\n',
    )
    expect(codes(parseEveryWay(of, '{"s":{}}\n{"l":[]}\n{"l":true}\n{"t":5}\n{"l":1.0}\n{"b":{"a":1}}\n'))).toEqual(
      new Array(6).fill('row.value'),
    )
  })

  it('keeps the escapes of a string, and sees through them where it must', () => {
    const of = json(['s string', { name: 't', type: 'string', trim: true }, 'n long'])
    const { text } = parseEveryWay(of, '{"s":"\\u00e9\\/\\ud83d\\ude00\\n","t":" \\u0020x\\t","n":"\\u0031"}')
    expect(text).toBe('{"s":"\\u00e9\\/\\ud83d\\ude00\\n","t":"x","n":1}\n')
  })

  it.each([
    ['NaN', 'row.json'],
    ['{"a":NaN}', 'row.json'],
    ['{"a":1,}', 'row.json'],
    ['{"a" 1}', 'row.json'],
    ["{'a':1}", 'row.json'],
    ['{"a":01}', 'row.json'],
    ['{"a":1.}', 'row.json'],
    ['{"a":.5}', 'row.json'],
    ['{"a":+1}', 'row.json'],
    ['{"a":1e}', 'row.json'],
    ['{"a":"\t"}', 'row.json'],
    ['{"x":"\\q"}', 'row.json'],
    ['{"x":"\\u12g4"}', 'row.json'],
    ['{"x":[}}', 'row.json'],
    ['{"x":[1,]}', 'row.json'],
    ['{"x":"\\ud800"}', 'row.json'],
    ['{"x":"\\udc00"}', 'row.json'],
    ['{"x":"\\udc00\\udc00"}', 'row.json'],
    ['{"x":"\\ud800\\u0041"}', 'row.json'],
    ['{"x":"\\ud83dx"}', 'row.json'],
    ['{"x":tru}', 'row.json'],
    ['{"a":1} // no', 'row.json'],
    ['}', 'row.json'],
    ['5', 'row.not_object'],
    ['[1]', 'row.not_object'],
    ['"x"', 'row.not_object'],
    ['null', 'row.not_object'],
    ['{"a":{"b":1}', 'row.json'],
    ['{"a":"x', 'row.json'],
    ['{"a":\u0000}', 'row.json'],
  ] as const)('costs %j its line and no other', (bad, code) => {
    const { rows, rejects } = parseEveryWay(json(['a long'], 'lines'), `{"a":1}\n${bad}\n{"a":2}\n`)
    expect(rows).toEqual([{ a: 1 }, { a: 2 }])
    expect(
      rejects.map((reject) => [reject.code, reject.line, reject.byteOffset, Buffer.from(reject.raw).toString()]),
    ).toEqual([[code, 2, 8, bad]])
  })

  it('costs a cut line its line among values too', () => {
    const { rows, rejects } = parseEveryWay(
      json(['a long']),
      '{"a":1}{"a":2}\n{"a":3\n{"a":4}\n{"b":"\n{"a":5}x{"a":6}\n{"a":7}\n{"a":',
    )
    expect(rows.map(({ a }) => a)).toEqual([1, 2, 4, 5, 7])
    expect(rejects.map(({ code, line }) => [code, line])).toEqual([
      ['row.json', 2],
      ['row.json', 4],
      ['row.json', 5],
      ['row.json', 7],
    ])
  })

  it('rejects an element of an array and goes on behind it', () => {
    const { rows, rejects } = parseEveryWay(
      json(['a long']),
      '[{"a":1},{"a":01},5,{"a":"\\q,]}"},\n{"a":[{}],"a":"2"}, {"a":x}]\n[{"a":3}]',
    )
    expect(rows.map(({ a }) => a)).toEqual([1, 2, 3])
    expect(rejects.map(({ code, line }) => [code, line])).toEqual([
      ['row.json', 1],
      ['row.not_object', 1],
      ['row.json', 1],
      ['row.json', 2],
    ])
  })

  it.each([
    '[{"a":1}',
    '[{"a":1},]',
    '[{"a":1} {"a":2}]',
    '[{"a":[}]',
    '[',
    '[{"a":"x',
    ' {}',
    '[]{}',
    '[,]',
    '[{"a":1]',
  ])('fails a fragment whose array is broken: %s', (input) => {
    expect(parseEveryWay(json(['a long'], 'array'), input).error?.code).toBe('fragment.container')
  })

  it('counts depth: 128 levels are good, 129 are not', () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
    const { rows, rejects } = parseEveryWay(json(['a json'], 'lines'), `${nested(128)}\n${nested(129)}\n`)
    expect(rows).toHaveLength(1)
    expect(codes({ rejects } as never)).toEqual(['row.depth'])
    const pointer = json([{ name: 'x', type: 'long', source: `/${new Array(130).fill('a').join('/')}` }])
    const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    expect(parseEveryWay(pointer, `${objects(128)}\n${objects(130)}\n`)).toMatchObject({
      rows: [{ x: null }],
      rejects: [{ code: 'row.depth' }],
    })
  })

  it('rejects only the row that is no UTF-8', () => {
    const input = Buffer.concat([Buffer.from('{"a":"é"}\n{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n{"a":"日"}')])
    const { rows, rejects } = parseEveryWay(json(['a string']), input)
    expect(rows.map(({ a }) => a)).toEqual(['é', '日'])
    expect(rejects).toMatchObject([
      { code: 'row.encoding', line: 2, message: 'no valid UTF-8 at byte 6 of the record (0xff)' },
    ])
  })

  it.each([
    ['lines', '\n'],
    ['auto', '\n'],
    ['auto', ''],
    ['array', ','],
  ] as const)('passes over a row that is too long, as a stream (%s)', (mode, between) => {
    const items = [
      '{"a":1}',
      `{"a":2,"x":"${'y]} '.repeat(60)}"}`,
      '{"a":3}',
      `{"x":[${'[1],'.repeat(80)}0],"a":4}`,
      '{"a":5}',
    ]
    const text = items.join(between)
    const { rows, rejects, totals } = parseEveryWay(json(['a long'], mode), mode === 'array' ? `[${text}]` : text, {
      maxRecordBytes: 100,
    })
    expect(rows.map(({ a }) => a)).toEqual([1, 3, 5])
    expect(rejects.map(({ code, rowNumber, truncated }) => [code, rowNumber, truncated])).toEqual([
      ['row.too_long', 2, true],
      ['row.too_long', 4, true],
    ])
    expect(totals?.unknown).toEqual([])
  })

  it('works with more than 256 columns, and with keys that change their order', () => {
    const names = Array.from({ length: 300 }, (_, i) => `c${i}`)
    const row = (order: string[]) => `{${order.map((name) => `"${name}":${name.slice(1)}`).join(',')}}`
    const { rows } = parse(
      json(names.map((name) => `${name} long`)),
      [row(names), row(names.toReversed()), row(names.slice(100, 200)), row(names)].join('\n'),
    )
    expect(rows[1]).toEqual(rows[0])
    expect(rows[3]).toEqual(rows[0])
    expect(rows[2]!['c150']).toBe(150)
    expect(rows[2]!['c99']).toBeNull()
  })

  it('names at most 100 unknown keys', () => {
    const keys = Array.from({ length: 150 }, (_, i) => `"k${i}":0`).join(',')
    expect(parse(json(['a long']), `{${keys}}\n`).totals?.unknown).toHaveLength(100)
  })
})
