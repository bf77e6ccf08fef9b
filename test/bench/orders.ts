/**
 * Rows of 12 mixed columns, seeded, in every text format; each knows its NDJSON, so a parser's output is compared with
 * something that was never parsed.
 *
 * 45 % of the comments are quoted, some with quotes, commas or line ends inside; long beyond 2^53, exponents, non-ASCII.
 */
import type { ParserOptions } from '../../orchestrator/connector/definition.ts'
import { random } from '../support/process.ts'

export const COLUMNS = [
  ['id', 'long'],
  ['user_id', 'int'],
  ['price', 'decimal(10,2)'],
  ['score', 'double'],
  ['active', 'boolean'],
  ['created_at', 'timestamp'],
  ['birth', 'date'],
  ['country', 'string'],
  ['name', 'string'],
  ['comment', 'string'],
  ['opt', 'int'],
  ['tag', 'string'],
] as const

const NAMES = ['Ana López', 'Björn Åkesson', '李小龙', 'Дмитрий', 'John Smith', 'Mary Jones', 'Łukasz', 'Kim', 'Bob']
const WORDS = 'the quick brown fox jumps over a lazy dog while orders ship late and customers ask for refunds'.split(
  ' ',
)
const COUNTRIES = ['US', 'DE', 'FR', 'PL', 'CN', 'BR', 'IN', 'JP', 'GB', 'ES']

/** A value as text, null, or one that JSON writes without quotes. */
type Cell = { text: string; bare: boolean } | null

export interface Data {
  bytes: Buffer
  ndjson: Buffer
  rows: number
  parser: Partial<ParserOptions> & { type: 'xsv' | 'json' }
}

export type Shape = 'xsv' | 'xsv-plain' | 'json-lines' | 'json-array' | 'json-root'

/** About `bytes` of input. */
export function orders(shape: Shape, bytes: number): Data {
  const chance = random(42)
  const one = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)]!
  const whole = (from: number, to: number) => from + Math.floor(chance() * (to - from + 1))
  const two = (n: number) => String(n).padStart(2, '0')
  const words = (count: number) => Array.from({ length: count }, () => one(WORDS)).join(' ')
  const text = (value: string): Cell => ({ text: value, bare: false })
  const bare = (value: string): Cell => ({ text: value, bare: true })

  function comment(): Cell {
    const kind = chance()
    if (shape === 'xsv-plain' || kind < 0.52) return text(words(whole(2, 12)))
    if (kind < 0.77) return text(`${words(whole(2, 8))}, ${words(whole(2, 8))}`)
    if (kind < 0.87) return text(`${words(whole(2, 6))} "${words(2)}" ${words(3)}`)
    if (kind < 0.97) return text(`${words(whole(3, 8))}\n${words(whole(3, 8))}`)
    return null
  }

  function row(index: number): Cell[] {
    const score = chance()
    return [
      bare(index % 50 === 0 ? String(9_007_199_254_740_993n + BigInt(index)) : String(1_000_000 + index)),
      bare(String(whole(1, 5_000_000))),
      text(`${whole(0, 9999)}.${two(whole(0, 99))}`),
      score < 0.05
        ? null
        : bare(score < 0.15 ? (chance() * 1e-5).toExponential(6) : (chance() * 2 - 1).toFixed(whole(3, 12))),
      bare(chance() < 0.5 ? 'true' : 'false'),
      text(
        `${whole(1965, 2025)}-${two(whole(1, 12))}-${two(whole(1, 28))}T${two(whole(0, 23))}:${two(whole(0, 59))}:${two(whole(0, 59))}.${String(whole(0, 999)).padStart(3, '0')}Z`,
      ),
      text(`${whole(1930, 2010)}-${two(whole(1, 12))}-${two(whole(1, 28))}`),
      text(one(COUNTRIES)),
      text(one(NAMES)),
      comment(),
      chance() < 0.6 ? null : bare(String(whole(-100_000, 100_000))),
      text(words(1)),
    ]
  }

  const write = WRITERS[shape]
  const input: string[] = [write.head]
  const output: string[] = []
  let size = 0
  let rows = 0
  for (; size < bytes; rows++) {
    const cells = row(rows)
    const line = (rows === 0 ? '' : write.between) + write.row(cells)
    input.push(line)
    output.push(`${jsonOf(cells)}\n`)
    size += line.length
  }
  input.push(write.tail)
  return { bytes: Buffer.from(input.join('')), ndjson: Buffer.from(output.join('')), rows, parser: write.parser }
}

interface Writer {
  parser: Data['parser']
  head: string
  between: string
  tail: string
  row(cells: Cell[]): string
}

const csv: Omit<Writer, 'parser'> = {
  head: `${COLUMNS.map(([name]) => name).join(',')}\n`,
  between: '',
  tail: '',
  row: (cells) =>
    `${cells.map((cell) => (cell === null ? '' : /[",\n]/.test(cell.text) ? `"${cell.text.replaceAll('"', '""')}"` : cell.text)).join(',')}\n`,
}

const WRITERS: Record<Shape, Writer> = {
  xsv: { ...csv, parser: { type: 'xsv' } },
  'xsv-plain': { ...csv, parser: { type: 'xsv' } },
  'json-lines': { parser: { type: 'json', mode: 'lines' }, head: '', between: '\n', tail: '\n', row: jsonOf },
  'json-array': { parser: { type: 'json' }, head: '[\n  ', between: ',\n  ', tail: '\n]\n', row: jsonOf },
  'json-root': {
    parser: { type: 'json' },
    head: '{"meta":{"page":[1,2,3]},"data":{"items":[',
    between: ',',
    tail: ']},"next":null}',
    row: jsonOf,
  },
}

function jsonOf(cells: Cell[]): string {
  const members = cells.map((cell, at) => {
    const value = cell === null ? 'null' : cell.bare ? cell.text : JSON.stringify(cell.text)
    return `"${COLUMNS[at]![0]}":${value}`
  })
  return `{${members.join(',')}}`
}
