/**
 * The compiled kernels against the TypeScript ones, where every test of `parse` compares them on its own small input: here
 * on large ones, with every dialect, with good, odd and broken cells mixed, across the kernels' windows of 512 KiB.
 */
import { describe, expect, it } from 'vitest'
import { DirectParser } from '../../../orchestrator/parse/direct.ts'
import { Output } from '../../../orchestrator/parse/output.ts'
import { compile } from '../../../orchestrator/parse/program.ts'
import { Rows } from '../../../orchestrator/parse/rows.ts'
import { engine, HOLES } from '../../../orchestrator/parse/wasm/engine.ts'
import { XsvKernel } from '../../../orchestrator/parse/xsv.ts'
import type { ParsedFrame } from '../../../orchestrator/refresh/ports.ts'
import { type ColumnWords, chance, collect, connector, LIMITS, parse } from './support.ts'

type Words = Parameters<typeof connector>[0]

const TYPES =
  'string string string string long int short byte double float decimal(9,3) decimal(20,0) boolean date timestamp string json binary'.split(
    ' ',
  )
const CELLS = [
  ...[
    '0',
    '-1',
    '127',
    '128',
    '-129',
    '32768',
    '2147483647',
    '-2147483649',
    '9223372036854775807',
    '9223372036854775808',
  ],
  ...[
    '-9223372036854775808',
    '007',
    '+5',
    '-0',
    '1.5',
    '-0.25',
    '.5',
    '1.',
    '1e5',
    '1E-7',
    '1e400',
    '12345.678',
    '0.0001',
  ],
  ...['1,5', '1.234,5', '1,234', '99999999999999999999', 'true', 'FALSE', 'Yes', 'n', 'T', '2024-02-29', '2023-02-29'],
  ...['2024-01-02 03:04:05', '2024-01-02T03:04:05.123456789Z', '2024-01-02T03:04:05+02:00', '2024-01-02T24:00:00Z'],
  ...[
    '',
    ' ',
    ' x',
    'x ',
    '\t',
    'NULL',
    'NaN',
    'a"b',
    '\\',
    'ä',
    '李小龙',
    '\u{1f600}',
    'x'.repeat(15),
    'y'.repeat(16),
  ],
  ...[
    'z'.repeat(17),
    'w'.repeat(300),
    'AQID',
    '{"a":[1, 2]}',
    '[]',
    'null',
    '\u0000',
    '\u0001',
    'a,b',
    'a;b',
    'a\nb',
    'a\r\nb',
    'c\rd',
  ],
  ...["it's", '12x,34', '5x;6', '2024-01-02x|', '7x\t8'],
]

/** A good text of each, and one that is none; those of 32 characters are the longest that the compiled kernels know. */
const FORMATS: Record<string, [good: string, bad: string]> = {
  'dd.MM.yyyy': ['29.02.2024', '29.02.2023'],
  'yyyy,MM;dd': ['2024,02;29', '2024,02,29'],
  "dd'\t'MM|''yyyy": ["04\t03|'0001", "04\t03|'0000"],
  'd MMM yyyy': ['4 Mar 2024', '4 Mar 24'],
  "uuuu-MM-dd '123456789 123456789 1'": ['2024-03-04 123456789 123456789 1', '2024-03-04 123456789 123456789 2'],
  "uuuu-MM-dd '123456789 123456789 12'": ['2024-03-04 123456789 123456789 12', '2024-03-04 123456789 123456789 1'],
}
const TIME_FORMATS: Record<string, [good: string, bad: string]> = {
  ...FORMATS,
  'dd.MM.yyyy HH:mm:ss': ['29.02.2024 23:59:59', '29.02.2024 24:00:00'],
  yyyyMMddHHmmssSSS: ['20240304050607089', '20240304056007089'],
  "' 'yyyy-MM-dd HH:mm ": [' 2024-03-04 05:06 ', '2024-03-04 05:06'],
  'HH:mm:ss.SSSSSSSSS yyyy/MM/dd': ['05:06:07.000000089 9999/12/31', '05:06:60.000000089 9999/12/31'],
  epoch_ms: ['-1700000000123', '1e3'],
  'yyyy-MM-dd HH:mm:ssXXX': ['2024-03-04 05:06:07+01:00', '2024-03-04 05:06:07'],
}

function settings(random: Chance, type: string): Partial<ColumnWords> {
  if (type === 'boolean' && random() < 0.3) return { trueValues: ['ja', 'true'], falseValues: ['nein', 'false', 'a,b'] }
  if (type !== 'date' && type !== 'timestamp') return {}
  const format = random.one([[], Object.keys(type === 'date' ? FORMATS : TIME_FORMATS)])
  return {
    ...(format.length > 0 ? { format: [random.one(format), ...(random() < 0.2 ? ['iso'] : [])] } : {}),
    ...(type === 'timestamp' && random() < 0.2 ? { timezone: random.one(['+01:00', 'Europe/Berlin']) } : {}),
  }
}

const CHARACTERS = [...'abcdefgh 0123456789äÅ李\u{1f600}', ...'"\'`,;|\t\\/\n\r{}[]:#'.split('')]

interface Chance {
  (): number
  one<T>(list: readonly T[]): T
}

function seeded(seed: number): Chance {
  const next = chance(seed)
  return Object.assign(() => next(), { one: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]! })
}

function columns(random: Chance): ColumnWords[] {
  return Array.from({ length: 1 + Math.floor(random() * 14) }, (_, index) => {
    const type = random.one(TYPES)
    return { name: `c${index}`, type, ...settings(random, type), ...rest(random) }
  }).map((column) => (column.nullable === false ? { ...column, onInvalid: 'skip' as const } : column))
}

function rest(random: Chance): Partial<ColumnWords> {
  return {
    ...(random() < 0.15 ? { default: random.one(['null', '"d"', '0']) } : {}),
    ...(random() < 0.1 ? { nullable: false } : {}),
    ...(random() < 0.1 ? { trim: true } : {}),
    ...(random() < 0.5 ? { onInvalid: random.one(['null', 'default'] as const) } : {}),
  }
}

/** Mostly plain values of the column's type, so that rows are mostly good, and now and then anything. */
function value(random: Chance, { type = 'string', format }: ColumnWords): string {
  if (random() < 0.06) return random.one(CELLS)
  const [good, bad] = TIME_FORMATS[format?.[0] ?? ''] ?? []
  if (good !== undefined && random() < 0.9) return random() < 0.01 ? bad! : good
  const n = Math.floor(random() * 120)
  if (/long|int|short|byte/.test(type)) return String(n)
  if (/double|float|decimal/.test(type)) return type === 'decimal(20,0)' ? String(n) : `${n}.${n}`
  if (type === 'boolean') return random.one(['true', 'false'])
  if (type === 'date') return '2024-03-04'
  if (type === 'timestamp') return random.one(['2024-03-04T05:06:07Z', '2024-03-04 05:06:07.5'])
  if (type === 'json') return '{"a":1}'
  if (type === 'string' && random() < 0.3) {
    return Array.from({ length: Math.floor(random() * 40) }, () => random.one(CHARACTERS)).join('')
  }
  return type === 'binary' ? 'AQID' : random.one(['some text', 'Łukasz', 'a somewhat longer text than before', 'q'])
}

function xsv(seed: number, rows: number): { words: Words; input: string } {
  const random = seeded(seed)
  const delimiter = random.one([',', ';', '\t', '|'])
  const quote = random.one(['"', '"', "'", ''])
  const words: Words = {
    parser: {
      type: 'xsv',
      delimiter,
      quote,
      headerLines: random.one([0, 1, 1, 2]),
      comment: random.one(['', '#']),
      ragged: random.one(['reject', 'allow']),
      nullValues: random.one([[''], [], ['', 'NULL', '-']]),
      escape: random() < 0.1 && quote !== '' ? '\\' : '',
      decimalSeparator: random() < 0.2 ? ',' : '.',
    },
    columns: columns(random),
    rejects: { max: 1e9 },
  }
  const given = words.columns as ColumnWords[]
  const line = (cells: string[]) => cells.join(delimiter) + random.one(['\n', '\n', '\n', '\r\n'])
  const cell = (text: string) => {
    const must = text.includes(delimiter) || /[\r\n]/.test(text) || (quote !== '' && text.includes(quote))
    if (quote === '' || (!must && random() < 0.8)) return text
    return quote + (random() < 0.99 ? text.replaceAll(quote, quote + quote) : text) + quote
  }
  const names = given.map(({ name }) => name)
  const extra = random() < 0.4
  const order = names.map((name, index) => ({ name, index, key: random() < 0.5 ? index : random() * 20 }))
  if (random() < 0.4 && words.parser!['headerLines'] !== 0) order.sort((a, b) => a.key - b.key)
  const header = [...order.map(({ name }) => name), ...(extra && words.parser!['headerLines'] !== 0 ? ['more'] : [])]
  let input = words.parser!['headerLines'] === 2 ? 'a title\n' : ''
  if (words.parser!['headerLines'] !== 0) input += line(header)
  for (let row = 0; row < rows; row++) {
    const odd = random()
    if (odd < 0.002)
      input += random.one(['\n', '\r\n', '# a comment\n', `${quote}x${quote}y${delimiter}\n`, '\r', 'one\n'])
    const cells = order.map(({ index }) => cell(value(random, given[index]!)))
    if (header.length > order.length) cells.push(cell('ignored'))
    if (odd > 0.997) cells.push('one too many')
    if (odd > 0.995) cells.pop()
    input += line(cells)
  }
  return { words, input: random() < 0.5 ? input : input.slice(0, -1) }
}

function json(seed: number, rows: number): { words: Words; input: string } {
  const random = seeded(seed)
  const words: Words = {
    parser: { type: 'json', mode: random.one(['auto', 'lines', 'array', 'auto']) },
    columns: columns(random),
    rejects: { max: 1e9 },
  }
  const isArray = words.parser!['mode'] === 'array' || (words.parser!['mode'] === 'auto' && random() < 0.5)
  const isLines = words.parser!['mode'] === 'lines'
  const space = (much = 0.05) =>
    random() < much ? random.one([' ', '  ', '\t', ...(isLines ? [] : ['\n', ' \r\n '])]) : ''
  const given = words.columns as ColumnWords[]
  const literal = (text: string) => {
    if (random() < 0.02)
      return random.one([
        'null',
        '[]',
        '{"a":[1,{"b":null}]}',
        '[1, 2]',
        '{ }',
        '"\\u00e4\\n"',
        '"\\ud83d\\ude00"',
        '"\\ud83d\\ud83d"',
        '"\\ud83dx"',
      ])
    if (random() < 0.0005) return random.one(['"\\ud800"', '01', 'nul', '{"a":[}}', '"\u0001"', '-', '[1 2]'])
    return /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)$/.test(text) && random() < 0.8
      ? text
      : JSON.stringify(text)
  }
  const records = Array.from({ length: rows }, () => {
    const members = given.map((column) => [column.name, literal(value(random, column))])
    if (random() < 0.05) members.splice(Math.floor(random() * members.length), 1)
    if (random() < 0.05) members.reverse()
    if (random() < 0.03) members.push(['c0', literal('7')])
    if (random() < 0.3) members.push([random.one(['x', 'y', 'a rather long unknown key', 'k"']), literal('z')])
    if (random() < 0.001) return random.one(['5', '"text"', '[1]', '{', '{"c0":', 'x'])
    const text = members
      .map(([key, of]) => `${space()}${JSON.stringify(key)}${space()}:${space()}${of}${space()}`)
      .join(',')
    return `{${text}}`
  })
  if (isArray) return { words, input: `[${records.map((record) => space() + record + space()).join(',')}]` }
  const join = () =>
    isLines || random() < 0.98 ? random.one(['\n', '\n', '\r\n', ' \n', '\n\n']) : random.one(['', ' '])
  return { words, input: records.map((record) => record + join()).join('') }
}

describe('compiled kernels', () => {
  it('are there: Node on every platform of ours has SIMD', () => {
    expect(engine()).not.toBeNull()
  })

  const seeds = Array.from({ length: 60 }, (_, index) => index + 1)
  it.each(seeds)('XSV, seed %i: the same rows, rejects and totals', (seed) => {
    const { words, input } = xsv(seed, 300)
    const random = seeded(seed)
    const data = Buffer.from(input)
    const cuts = Array.from({ length: 20 }, () => Math.floor(random() * data.length)).sort((a, b) => a - b)
    const limits = random.one([
      {},
      { frameBytes: 1000 },
      { maxRows: 100 },
      { maxRecordBytes: 400 },
      { maxRowBytes: 500 },
    ])
    const { totals, error } = parse(connector(words), data, cuts, limits)
    expect(totals ?? error).toBeDefined()
  })

  it.each(seeds)('JSON, seed %i: the same rows, rejects and totals', (seed) => {
    const { words, input } = json(seed, 300)
    const random = seeded(seed)
    const data = Buffer.from(input)
    const cuts = Array.from({ length: 20 }, () => Math.floor(random() * data.length)).sort((a, b) => a - b)
    const limits = random.one([
      {},
      { frameBytes: 1000 },
      { maxRows: 100 },
      { maxRecordBytes: 400 },
      { maxRowBytes: 500 },
    ])
    const { totals, error } = parse(connector(words), data, cuts, limits)
    expect(totals ?? error).toBeDefined()
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('across windows, seed %i', (seed) => {
    for (const make of [xsv, json]) {
      const { words, input } = make(seed, 9000)
      parse(connector(words), input, [700_000])
    }
  })

  it('leave texts that do not fit their memory, and go on behind them', () => {
    const texts = ['a', 'x'.repeat(600_000), 'b', '\n'.repeat(400_000), 'c', 'y'.repeat(1_200_000), 'd']
    const of = (type: 'xsv' | 'json') => connector({ parser: { type }, columns: ['id long', 't string', 'u string'] })
    const rows = (make: (text: string, id: number) => string) =>
      texts.flatMap((text, id) => [make('s', id), make(text, id)])
    const csv = parse(of('xsv'), `id,t,u\n${rows((text, id) => `${id},"${text}",${'z'.repeat(90)}\n`).join('')}`)
    const json = parse(
      of('json'),
      rows((text, id) => `${JSON.stringify({ u: 'z'.repeat(90), t: text, id })}\n`).join(''),
    )
    for (const { rows: found } of [csv, json]) expect(found.map(({ t }) => t)).toEqual(rows((text) => text))
  })

  it('are what runs, and only where they are asked for', () => {
    const { done } = engine()!
    for (const wasm of [engine(), null]) {
      for (const type of ['xsv', 'json'] as const) {
        done.fill(77)
        const parser = new DirectParser(connector({ parser: { type }, columns: ['a long'] }), LIMITS, () => {}, wasm)
        void parser.push(Buffer.from(type === 'xsv' ? 'a\n1\n2\n' : '{"a":1}\n{"a":2}\n{"a":3}\n'))
        expect(done[HOLES], `${type}, ${wasm === null ? 'TypeScript' : 'compiled'}`).toBe(wasm === null ? 77 : 0)
      }
    }
  })

  it('take nearly all plain records, and those with holes', () => {
    const of = connector({ columns: ['id long', 'x double', { name: 'd', type: 'long', default: '5' }] })
    const input = Buffer.from(`id,x,d\n${Array.from({ length: 5000 }, (_, i) => `${i},+${i},\n`).join('')}`)
    // Counted at the TypeScript loop, which is asked for what the kernel leaves.
    const out = new Output()
    out.begin(input.length * 2)
    const rows = new Rows(compile(of), out)
    rows.configure(LIMITS)
    rows.begin(0)
    let single = 0
    const row = rows.row.bind(rows)
    rows.row = (...args) => {
      single++
      row(...args)
    }
    const kernel = new XsvKernel(rows, engine())
    kernel.begin()
    const b = Buffer.concat([input, Buffer.alloc(64)])
    expect(kernel.parse(b, 0, input.length, true, false)).toBe(input.length)
    expect(rows.published).toBe(5000)
    // Every row has holes (+1 is no number as it stands, the default is counted): they are filled one by one.
    expect(single).toBe(5000)
  })

  it('serve several parsers in turn', () => {
    const frames: ParsedFrame[][] = [[], []]
    const parsers = [
      new DirectParser(connector({ columns: ['a long', 'b string'] }), LIMITS, (frame) => void frames[0]!.push(frame)),
      new DirectParser(
        connector({ parser: { type: 'json' }, columns: ['b string'] }),
        LIMITS,
        (frame) => void frames[1]!.push(frame),
      ),
    ]
    void parsers[0]!.push(Buffer.from('a,b\n'))
    for (let i = 0; i < 200; i++) {
      void parsers[0]!.push(Buffer.from(`${i},text ${i}\n`.repeat(3)))
      void parsers[1]!.push(Buffer.from(`{"x":${i},"b":"text ${i}"}\n`.repeat(3)))
    }
    for (const parser of parsers) void parser.end()
    const bytes = (of: ParsedFrame[]) => collect(of.map((frame) => ({ ...frame, bytes: new Uint8Array(frame.bytes) })))
    expect(bytes(frames[0]!).rows.map(({ a }) => a)).toEqual(Array.from({ length: 600 }, (_, i) => Math.floor(i / 3)))
    expect(bytes(frames[1]!).rows.map(({ b }) => b)).toEqual(
      Array.from({ length: 600 }, (_, i) => `text ${Math.floor(i / 3)}`),
    )
  })
})
