/** Random tables and documents against csv-parse and JSON.parse, in random pieces. Seeded: the same every time. */
import { parse as csvParse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import { chance, connector, parse, parseEveryWay } from './support.ts'

const LETTERS = ['a', 'é', '"', "'", ',', ';', '\n', '\r\n', '\r', '日', '😀', '\\', '\t', ' ', '1', '#', '\u0001', '']

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

function randomText(random: () => number): string {
  const length = Math.floor(random() * (random() < 0.1 ? 60 : 6))
  return Array.from({ length }, () => pick(random, LETTERS)).join('')
}

interface Dialect {
  delimiter: string
  quote: string
  escape: string
}

function cell(text: string, { delimiter, quote, escape: escapeWith }: Dialect, random: () => number): string {
  const mustQuote =
    text === '' || text.includes(delimiter) || /[\r\n]/.test(text) || text.startsWith(quote) || text.startsWith('#')
  if (!mustQuote && random() < 0.7) return text
  let inside = text
  if (escapeWith !== '') inside = inside.replaceAll(escapeWith, escapeWith + escapeWith)
  return quote + inside.replaceAll(quote, (escapeWith || quote) + quote) + quote
}

describe('XSV against csv-parse', () => {
  const dialects: Dialect[] = [
    { delimiter: ',', quote: '"', escape: '' },
    { delimiter: ';', quote: "'", escape: '' },
    { delimiter: '\t', quote: '"', escape: '\\' },
    { delimiter: '|', quote: "'", escape: '\\' },
  ]

  it.each(dialects)('reads the same cells: %j', (dialect) => {
    const random = chance(dialect.delimiter.charCodeAt(0))
    for (let round = 0; round < 400; round++) {
      const names = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, c) => `c${c}`)
      const newline = pick(random, ['\n', '\r\n'])
      const table = Array.from({ length: Math.floor(random() * 7) }, () => names.map(() => randomText(random)))
      const lines = [names, ...table.map((row) => row.map((text) => cell(text, dialect, random)))].map((row) =>
        row.join(dialect.delimiter),
      )
      const input = lines.join(newline) + (random() < 0.7 ? newline : '')
      const oracle = csvParse(input, {
        delimiter: dialect.delimiter,
        quote: dialect.quote,
        escape: dialect.escape || dialect.quote,
        record_delimiter: ['\n', '\r\n'],
        relax_quotes: true,
        skip_empty_lines: true,
      }).slice(1)
      expect(oracle, input).toEqual(table)

      const of = connector({
        parser: { type: 'xsv', nullValues: [], ...dialect },
        columns: shuffled(names, random).map((name) => `${name} string`),
      })
      const { rows, totals } =
        round % 8 === 0 ? parseEveryWay(of, input) : parse(of, input, cutsOf(Buffer.byteLength(input), random))
      expect(
        rows.map((row) => names.map((name) => row[name])),
        input,
      ).toEqual(table)
      expect(totals?.read).toBe(table.length)
    }
  })

  it('accepts what csv-parse accepts, of any garbage', () => {
    const random = chance(99)
    let accepted = 0
    for (let round = 0; round < 3000; round++) {
      const input = `a,b\n${Array.from({ length: Math.floor(random() * 8) }, () => pick(random, ['"', '"', ',', ',', '\n', 'x', '""', '\r\n', ' '])).join('')}`
      const oracle = attempt(() =>
        csvParse(input, {
          record_delimiter: ['\n', '\r\n'],
          skip_empty_lines: true,
          relax_column_count: true,
          relax_quotes: false,
        }),
      )
      const of = connector({
        parser: { type: 'xsv', nullValues: [], ragged: 'allow' },
        columns: [
          { name: 'a', default: '""' },
          { name: 'b', default: '""' },
        ],
      })
      const { rows, rejects, error } = parse(of, input, cutsOf(input.length, random))
      if (!oracle) continue
      accepted++
      expect([rejects, error], input).toEqual([[], undefined])
      expect(
        rows.map(({ a, b }) => [a, b]),
        input,
      ).toEqual(oracle.slice(1).map(([a = '', b = '']) => [a, b]))
    }
    expect(accepted).toBeGreaterThan(1000)
  })
})

describe('JSON against JSON.parse', () => {
  const KEYS = ['a', 'b', 'é', 'k"', '__proto__', 'x/y', '']
  const TOKENS = [
    '0',
    '-1',
    '1.50',
    '1e3',
    '1E-2',
    '""',
    '"x"',
    '"é\\u0041\\n\\\\\\""',
    '"\\ud83d\\ude00"',
    'true',
    'false',
    'null',
    '[]',
    '{}',
    ' [ 1 , {"a":2} ] ',
  ]

  function value(random: () => number, depth: number): string {
    if (depth > 3 || random() < 0.6) return pick(random, TOKENS)
    const space = pick(random, ['', '', ' ', '\t'])
    const items = Array.from({ length: Math.floor(random() * 4) }, () => value(random, depth + 1))
    if (random() < 0.5) return `[${items.join(`${space},${space}`)}]`
    return `{${items.map((item) => `${space}${JSON.stringify(pick(random, KEYS))}${space}:${item}`).join(',')}}`
  }

  function object(random: () => number): string {
    const members = shuffled(KEYS, random)
      .slice(0, Math.floor(random() * 9))
      .concat(random() < 0.2 ? ['a'] : [])
    return `{${members.map((key) => `${JSON.stringify(key)}:${value(random, 1)}`).join(',')}}`
  }

  const of = (mode: string) =>
    connector({
      parser: { type: 'json', mode },
      columns: KEYS.map((key) => ({ name: key, type: 'json' })),
      rejects: { max: 1e6 },
    })

  it.each(['auto', 'lines', 'array'])('reads the same values (%s)', (mode) => {
    const random = chance(mode.length)
    for (let round = 0; round < 300; round++) {
      const objects = Array.from({ length: Math.floor(random() * 5) }, () => object(random))
      const between = mode === 'array' ? ' ,\n' : mode === 'lines' ? '\r\n' : pick(random, ['', '\n', ' '])
      const text = objects.join(between)
      const input = mode === 'array' ? `[${text}]` : text
      const { rows, error } =
        round % 10 === 0
          ? parseEveryWay(of(mode), input)
          : parse(of(mode), input, cutsOf(Buffer.byteLength(input), random))
      expect(error, input).toBeUndefined()
      const expected = objects.map((json) => KEYS.map((key) => own(JSON.parse(json), key)))
      expect(
        rows.map((row) => KEYS.map((key) => own(row, key))),
        input,
      ).toEqual(expected)
    }
  })

  it('accepts exactly the lines that JSON.parse accepts as objects', () => {
    const random = chance(5)
    const noise = [
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      '0',
      '-',
      '.',
      'e',
      ' ',
      't',
      'null',
      'a',
      '\\u00',
      '\u0001',
    ]
    const lines: string[] = []
    for (let round = 0; round < 8000; round++) {
      const good = object(random)
      const at = Math.floor(random() * (good.length + 1))
      const edit = random()
      lines.push(
        edit < 0.4
          ? good.slice(0, at) + pick(random, noise) + good.slice(at)
          : edit < 0.8
            ? good.slice(0, at) + good.slice(at + 1)
            : good,
      )
    }
    const filled = lines.filter((line) => line.trim() !== '')
    const { totals, rejects } = parse(of('lines'), filled.join('\n'), cutsOf(100_000, random))
    const refused = new Set(rejects.map(({ rowNumber }) => rowNumber))
    for (const [index, line] of filled.entries()) {
      const parsed = attempt(() => JSON.parse(line))
      // Stricter than JSON.parse in one thing: a lone surrogate is no text.
      const isGood =
        parsed !== undefined &&
        typeof parsed === 'object' &&
        parsed !== null &&
        !Array.isArray(parsed) &&
        textsAreWhole(line)
      expect(!refused.has(index + 1), line).toBe(isGood)
    }
    expect(totals?.published).toBeGreaterThan(1500)
    expect(totals?.rejected).toBeGreaterThan(1500)
  })
})

/** No string of this good JSON holds half a surrogate pair, not even one that a duplicate key hides. */
function textsAreWhole(line: string): boolean {
  return (line.match(/"(?:[^"\\]|\\.)*"/g) ?? []).every((text) => (JSON.parse(text) as string).isWellFormed())
}

function own(object: Record<string, unknown>, key: string): unknown {
  return (Object.hasOwn(object, key) ? object[key] : undefined) ?? null
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

function shuffled<T>(from: readonly T[], random: () => number): T[] {
  return from
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}

function cutsOf(length: number, random: () => number): number[] {
  const share = random() * random()
  return Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1).filter(() => random() < share)
}
