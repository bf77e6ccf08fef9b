/** Container files: every codec, cut and damaged anywhere, lengths and bombs that somebody meant. */
import { readFileSync } from 'node:fs'
import { deflateRawSync, inflateRawSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Container } from '../../../../orchestrator/parse/avro/container.ts'
import { chance, type Parsed, parse, parseEveryWayLater, parseLater } from '../support.ts'
import { avro, block, CODECS, compress, counted, file, header, MARKER, python, record, varint } from './support.ts'

const SCHEMA = record({ id: 'long', text: 'string', list: { type: 'array', items: 'int' } })
const RECORDS = Array.from({ length: 25 }, (_, id) => ({ id: BigInt(id), text: `row ${id} \u00e4`, list: [id, -id] }))
const COLUMNS = ['id long', 'text string', { name: 'list', type: 'list<int>' }]
const OF = avro(COLUMNS)
const ROWS = RECORDS.map(
  ({ id, text, list }) => `{"id":${id},"text":"${text}","list":[${list.map((n) => n || 0)}]}\n`,
).join('')

const failure = ({ error }: Parsed) => (error ? `${error.code}: ${error.message}` : 'no error')

describe('codecs', { timeout: 60_000 }, () => {
  it.each(CODECS)('%s: the same rows, however it is cut', async (codec) => {
    const parsed = await parseEveryWayLater(OF, file(SCHEMA, RECORDS, { codec, perBlock: 10 }))
    expect(failure(parsed)).toBe('no error')
    expect(parsed.text).toBe(ROWS)
    expect(parsed.totals).toMatchObject({ read: 25, published: 25, rejected: 0 })
  })

  it.each(CODECS)('%s: every type there is', async (codec) => {
    const golden = (name: string) => readFileSync(new URL(`../../../golden/parse/avro-types.${name}`, import.meta.url))
    const container = new Container()
    container.begin()
    container.give(golden('in'))
    const schema = Buffer.from(container.header(true)!.schema).toString()
    const { b, start, end, count } = container.block()!
    const bytes = inflateRawSync(b.subarray(start, end))
    const input = Buffer.concat([header(schema, codec), block(count, compress(codec, bytes))])
    expect((await parseLater(avro(), input)).text).toBe(golden('rows.ndjson').toString())
  })

  it.each(CODECS)('%s: cut at any byte it is an error, but behind a whole block', async (codec) => {
    const input = file(SCHEMA, RECORDS, { codec, perBlock: 10 })
    const head = header(SCHEMA, codec).length
    let whole = 0
    for (let length = 1; length < input.length; length++) {
      const parsed = await parseLater(OF, input.subarray(0, length))
      const isWhole = length >= head && input.subarray(length - 16, length).equals(MARKER)
      if (isWhole) whole++
      expect(parsed.error?.code, `cut at ${length}`).toBe(isWhole ? undefined : 'fragment.truncated')
      if (isWhole) expect(ROWS.startsWith(parsed.text)).toBe(true)
    }
    // Behind the header and two of three blocks: no reader can see that more was to come.
    expect(whole).toBe(3)
  })

  it.each(CODECS)('%s: with any bit flipped, rows or an error, and never fewer rows', async (codec) => {
    const input = file(SCHEMA, RECORDS.slice(0, 4), { codec, perBlock: 3 })
    // The header is the same for all.
    const first = codec === 'null' ? 0 : header(SCHEMA, codec).length * 8
    const seen = new Set<string>()
    for (let bit = first; bit < input.length * 8; bit++) {
      const damaged = Buffer.from(input)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      const { error, totals } = await parseLater(OF, damaged)
      seen.add(error?.code ?? 'rows')
      expect(error?.code, `bit ${bit}`).not.toBe('fragment.internal')
      if (!error) expect(totals?.read, `bit ${bit}`).toBe(4)
    }
    expect([...seen].sort()).toContain('fragment.container')
  })

  it('has the checksum of snappy looked at, and the end of bzip2', async () => {
    const bytes = Buffer.concat([varint(1), counted('a'), varint(0)])
    for (const codec of ['snappy', 'bzip2'] as const) {
      const good = Buffer.from(compress(codec, bytes))
      good[good.length - 2]! ^= 1
      const parsed = await parseLater(OF, Buffer.concat([header(SCHEMA, codec), block(1, good)]))
      expect(failure(parsed)).toMatch(
        /^fragment.container: block 1 \(at byte \d+\): it cannot be decompressed: its checksum/,
      )
    }
  })

  it.each(['xz', 'lzma2', '\u0000', 'DEFLATE'])('refuses %j by name', (codec) => {
    const parsed = parse(OF, Buffer.concat([header(SCHEMA, codec), block(1, Buffer.from([0, 0, 0]))]))
    expect(failure(parsed)).toBe(
      `fragment.unsupported: blocks compressed by ${JSON.stringify(codec)}; write the file with deflate, zstandard, snappy, bzip2 or null`,
    )
  })

  it('takes what writers in Python leave behind deflate', () => {
    const bytes = Buffer.concat([varint(1), counted('a'), varint(0)])
    const left = Buffer.concat([deflateRawSync(bytes), Buffer.from([1, 2, 3])])
    expect(parse(OF, Buffer.concat([header(SCHEMA, 'deflate'), block(1, left)])).text).toBe(
      '{"id":1,"text":"a","list":[]}\n',
    )
  })

  it('takes no codec as none', () => {
    const schema = counted(JSON.stringify(record({ a: 'int' })))
    // A count below zero is followed by the size.
    const metadata = [varint(-1), varint(schema.length + 12), counted('avro.schema'), schema, varint(0)]
    const input = Buffer.concat([Buffer.from('Obj\u0001'), ...metadata, MARKER, block(1, varint(4))])
    expect(parse(avro(['a int']), input).text).toBe('{"a":4}\n')
  })
})

describe('containers', { timeout: 60_000 }, () => {
  const head = header(SCHEMA)
  const one = Buffer.concat([varint(1), counted('a'), varint(0)])

  it('without a byte, without a block, and with empty blocks, are no rows', () => {
    expect(parse(OF, '').totals).toMatchObject({ read: 0 })
    expect(parse(avro(), '').totals).toMatchObject({ read: 0 })
    expect(parse(OF, head).totals).toMatchObject({ read: 0 })
    for (const codec of ['null', 'deflate'] as const) {
      const input = [header(SCHEMA, codec), block(0, Buffer.alloc(0)), block(1, compress(codec, one))]
      expect(parse(OF, Buffer.concat(input)).totals).toMatchObject({ read: 1 })
    }
  })

  it.each<[what: string, input: Uint8Array, message: RegExp]>([
    [
      'another format',
      Buffer.from('id,text\n1,a\n'),
      /^fragment.container: no Avro container file: it begins with the bytes 0x69642c74/,
    ],
    ['a single message', Buffer.from([0xc3, 0x01, 1, 2, 3]), /^fragment.container: no Avro container file/],
    [
      'another marker',
      Buffer.concat([head, block(1, one).subarray(0, -1), Buffer.of(0)]),
      /block 1 \(at byte \d+\): the marker behind it is not the file's own/,
    ],
    [
      'fewer records than bytes',
      Buffer.concat([head, block(1, Buffer.concat([one, one]))]),
      /4 bytes are left behind its records/,
    ],
    ['more records than bytes', Buffer.concat([head, block(2, one)]), /record 2 in it: it goes on behind the end/],
    [
      'records without bytes',
      Buffer.concat([head, block(2, Buffer.alloc(0))]),
      /it says that it has 2 records, in 0 bytes/,
    ],
    ['bytes without records', Buffer.concat([head, block(0, one)]), /4 bytes are left behind its records/],
    ['a negative count', Buffer.concat([head, block(-1, one)]), /no block has -1 records in 4 bytes/],
    ['a negative size', Buffer.concat([head, block(1, one, -5)]), /no block has 1 records in -5 bytes/],
    ['a count of 2^63', Buffer.concat([head, block(2n ** 63n - 1n, one)]), /^fragment.container: block 1/],
    ['a number without an end', Buffer.concat([head, Buffer.alloc(40, 0xff)]), /a number of more than 64 bits/],
    [
      'a size above the limit',
      Buffer.concat([head, block(1, one, 67_108_865)]),
      /^fragment.limit: block 1 \(at byte \d+\) has 67108865 bytes; at most 67108864/,
    ],
    ['a size of 2^63', Buffer.concat([head, block(1, one, 2n ** 63n - 1n)]), /^fragment.container: block 1/],
    [
      'another file behind it',
      Buffer.concat([head, block(1, one), head]),
      /block 2 \(at byte \d+\): another file seems to begin here; each file has to be a fragment/,
    ],
    [
      'a text of 2^62 bytes',
      Buffer.concat([head, block(1, Buffer.concat([varint(1), varint(2n ** 62n)]))]),
      /record 1 in it: a length of 4611686018427387904, with 0 bytes left/,
    ],
    [
      'a text of less than nothing',
      Buffer.concat([head, block(1, Buffer.concat([varint(1), varint(-1), varint(0)]))]),
      /record 1 in it: a length of -1/,
    ],
    [
      'an array of 2^62',
      Buffer.concat([head, block(1, Buffer.concat([varint(1), counted(''), varint(2n ** 62n), varint(0)]))]),
      /4611686018427387904 items, with 1 bytes left/,
    ],
    [
      'an array of -2^63',
      Buffer.concat([head, block(1, Buffer.concat([varint(1), counted(''), varint(-(2n ** 63n)), varint(0)]))]),
      /items, with/,
    ],
    [
      'no schema',
      Buffer.concat([Buffer.from('Obj\u0001'), varint(0), MARKER]),
      /^fragment.container: the header of the Avro file has no avro.schema/,
    ],
    [
      'a schema above the limit',
      Buffer.concat([Buffer.from('Obj\u0001'), varint(1), counted('avro.schema'), varint(16 * 2 ** 20 + 1)]),
      /^fragment.limit: the Avro file's avro.schema is longer than 16777216 bytes/,
    ],
    [
      'a key of less than nothing',
      Buffer.concat([Buffer.from('Obj\u0001'), varint(1), varint(-3)]),
      /says that a key has -3 bytes/,
    ],
    [
      'a header of no numbers',
      Buffer.concat([Buffer.from('Obj\u0001'), Buffer.alloc(30, 0xff)]),
      /^fragment.container: the header of the Avro file holds a number of more than 64 bits/,
    ],
    ['2^62 entries', Buffer.concat([Buffer.from('Obj\u0001'), varint(2n ** 62n)]), /has 4611686018427387904 entries/],
  ])('with %s are refused', (_, input, message) => {
    for (const columns of [COLUMNS, ['id long'], [{ name: 'x', type: 'int', source: '/list/x' }]])
      expect(failure(parse(avro(columns), input))).toMatch(message)
    const bytewise = Array.from({ length: input.length - 1 }, (_, at) => at + 1)
    expect(failure(parse(OF, input, bytewise))).toMatch(message)
  })

  it('refuses a header that does not end', () => {
    const entry = Buffer.concat([counted('k'), counted('v'.repeat(1000))])
    const chunks = [
      Buffer.concat([Buffer.from('Obj\u0001'), varint(1e9)]),
      ...Array.from({ length: 20_000 }, () => entry),
    ]
    expect(failure(parse(OF, Buffer.concat(chunks)))).toMatch(
      /^fragment.limit: the Avro file's header is longer than 17825792 bytes/,
    )
  })

  it('takes a schema of 16 MiB', () => {
    const schema = JSON.stringify({ ...record({ a: 'int' }), doc: '' })
    const large = schema.replace('"doc":""', `"doc":"${'x'.repeat(16 * 2 ** 20 - schema.length)}"`)
    expect(large).toHaveLength(16 * 2 ** 20)
    expect(parse(avro(['a int']), Buffer.concat([header(large), block(1, varint(3))])).text).toBe('{"a":3}\n')
  })
})

describe('bombs', { timeout: 60_000 }, () => {
  const schema = record({ a: 'bytes', end: 'int' })
  const of = avro(['end int'])
  const large = Buffer.alloc(65 * 2 ** 20)

  it.each(['deflate', 'zstandard', 'snappy', 'bzip2'] as const)('%s: a block that becomes too large', async (codec) => {
    const parsed = await parseLater(of, Buffer.concat([header(schema, codec), block(1, compress(codec, large))]))
    expect(failure(parsed)).toMatch(/^fragment.limit: block 1 \(at byte \d+\) becomes larger than 67108864 bytes/)
  })

  it('count against limits.fragment_bytes as what they become', () => {
    const bytes = Buffer.concat([counted(Buffer.alloc(2 ** 20)), varint(1)])
    const input = Buffer.concat([header(schema, 'zstandard'), ...Array(10).fill(block(1, zstdCompressSync(bytes)))])
    expect(parse(avro(['end int'], { fragmentBytes: 11 * 2 ** 20 }), input).totals?.read).toBe(10)
    expect(failure(parse(avro(['end int'], { fragmentBytes: 9 * 2 ** 20 }), input))).toMatch(
      /^fragment.limit: decompressed/,
    )
  })

  it.each(['null', record({}, 'Empty'), { type: 'fixed', name: 'None', size: 0 }])(
    'refuses items that take no bytes: %j',
    (items) => {
      const schema = record({ x: { type: 'array', items }, pad: 'string', end: 'int' })
      const pad = counted('x'.repeat(2000))
      const bytes = (count: number) =>
        Buffer.concat([varint(count), count > 0 ? varint(0) : Buffer.alloc(0), pad, varint(1)])
      for (const columns of [['x json'], ['end int'], []]) {
        expect(parse(avro(columns), Buffer.concat([header(schema), block(1, bytes(0))])).totals?.read).toBe(1)
        expect(failure(parse(avro(columns), Buffer.concat([header(schema), block(1, bytes(1000))])))).toMatch(
          /^fragment.unsupported: an array of 1000 items that take no bytes/,
        )
      }
    },
  )

  it('refuses records that take no bytes', () => {
    const parsed = parse(
      avro(['a json']),
      Buffer.concat([header(record({ a: 'null' })), block(2 ** 40, Buffer.alloc(0))]),
    )
    expect(failure(parsed)).toBe(
      'fragment.unsupported: the file holds values of the type record Row, which take no bytes; only records can be rows',
    )
  })

  it('stops writing what is longer than a row may be', () => {
    // 2^40 values that take no bytes, and an array of a million.
    let type: unknown = 'null'
    for (let level = 0; level < 40; level++)
      type = record({ a: type, b: level === 0 ? type : `R${level - 1}` }, `R${level}`)
    const schema = record({ wide: type, long: { type: 'array', items: 'int' }, text: 'string', end: 'int' })
    const million = Buffer.concat([varint(2e6), Buffer.alloc(2e6, 14), varint(0)])
    const bytes = Buffer.concat([million, counted('x'.repeat(2e6)), varint(5)])
    const input = Buffer.concat([header(schema), block(1, bytes)])
    const limits = { maxRowBytes: 1 << 20 }
    for (const name of ['wide', 'long', 'text']) {
      const { rejects, text } = parse(avro([`${name} json`, 'end int']), input, [], limits)
      expect(rejects).toMatchObject([{ code: 'row.too_long', truncated: true }])
      expect(text).toBe('')
    }
    expect(parse(avro(['end int']), input, [], limits).text).toBe('{"end":5}\n')
  })
})

describe('rejects and limits', { timeout: 60_000 }, () => {
  it('have the record in raw, and the place of its block', () => {
    const schema = record({ a: 'long', b: 'string' })
    const rows = [1n, 200n, 2n, 300n].map((a) => ({ a, b: 'x' }))
    const input = file(schema, rows, { perBlock: 3 })
    const first = header(schema).length
    const { rejects, text } = parse(avro(['b string', 'a byte']), input)
    expect(text).toBe('{"b":"x","a":1}\n{"b":"x","a":2}\n')
    const second = first + 1 + 1 + 10 + 16
    expect(
      rejects.map(({ raw, ...rest }) => [rest.rowNumber, rest.byteOffset, Buffer.from(raw).toString('hex')]),
    ).toEqual([
      [2, first, Buffer.concat([varint(200), counted('x')]).toString('hex')],
      [4, second, Buffer.concat([varint(300), counted('x')]).toString('hex')],
    ])
    expect(rejects[0]).toMatchObject({ line: null, column: 'a', code: 'row.range', message: '"200" does not fit byte' })
  })

  it('stops after enough rows, before what is broken behind them', () => {
    const input = Buffer.concat([file(SCHEMA, RECORDS, { perBlock: 10 }), Buffer.from('broken')])
    const { totals, text } = parse(OF, input, [], { maxRows: 12 })
    expect(totals).toMatchObject({ published: 12, truncated: true })
    expect(text).toBe(
      ROWS.split('\n')
        .slice(0, 12)
        .map((line) => `${line}\n`)
        .join(''),
    )
    expect(parse(OF, file(SCHEMA, RECORDS), [], { maxRows: 25 }).totals?.truncated).toBe(false)
  })

  it('is compressed as a whole, too', async () => {
    const whole = python(
      'import gzip,sys; sys.stdout.buffer.write(gzip.compress(sys.stdin.buffer.read()))',
      [],
      file(SCHEMA, RECORDS),
    )
    expect((await parseEveryWayLater(OF, whole)).text).toBe(ROWS)
  })

  it('survives any bytes behind a good beginning', () => {
    const random = chance(5)
    const input = file(SCHEMA, RECORDS, { perBlock: 5 })
    for (let round = 0; round < 400; round++) {
      const damaged = Buffer.from(input)
      for (let hits = 1 + Math.floor(random() * 8); hits > 0; hits--)
        damaged[Math.floor(random() * input.length)] = Math.floor(random() * 256)
      for (const columns of [COLUMNS, [...COLUMNS].reverse(), []]) {
        const { error, totals } = parse(avro(columns), damaged)
        expect(error?.code).not.toBe('fragment.internal')
        if (!error) expect(totals?.read).toBe(25)
      }
    }
  })
})
