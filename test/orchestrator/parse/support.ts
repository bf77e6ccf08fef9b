/** A connector in a few words, a sink that checks the sums (promise 6), and seeded chance. */
import { crc32 } from 'node:zlib'
import { expect } from 'vitest'
import type { Column, Connector, ParserOptions } from '../../../orchestrator/connector/definition.ts'
import { parseType } from '../../../orchestrator/connector/types.ts'
import { DirectParser } from '../../../orchestrator/parse/direct.ts'
import type { Limits } from '../../../orchestrator/parse/rows.ts'
import { type Engine, engine } from '../../../orchestrator/parse/wasm/engine.ts'
import type { ParsedFrame, Reject, Totals } from '../../../orchestrator/refresh/ports.ts'

export interface ColumnWords extends Partial<Omit<Column, 'type'>> {
  name: string
  type?: string
}

export interface Words {
  parser?: { type: 'xsv' | 'json' | 'avro' } & Record<string, unknown>
  columns: (ColumnWords | string)[]
  rejects?: { max?: number; maxPercent?: number | undefined }
  fragmentBytes?: number
  stallMs?: number
}

const XSV = {
  type: 'xsv',
  compression: 'auto',
  delimiter: ',',
  quote: '"',
  escape: '',
  comment: '',
  headerLines: 1,
  trim: false,
  decimalSeparator: '.',
  thousandsSeparator: '',
  nullValues: [''],
  ragged: 'reject',
}

/** `'id long'` is a column in a word. */
export function connector({
  parser = { type: 'xsv' },
  columns,
  rejects,
  fragmentBytes = 1e12,
  stallMs = 60_000,
}: Words): Connector {
  const options = {
    ...(parser.type === 'xsv' ? XSV : { compression: 'auto', mode: 'auto' }),
    ...parser,
  } as ParserOptions
  return {
    name: 'test',
    dir: '',
    file: '',
    code: 'connector.py',
    pip: [],
    lock: '',
    credentials: undefined,
    parser: options,
    columns: columns.map((words) => column(words, options)),
    derivesColumns: columns.length === 0,
    refresh: {
      schedule: { kind: 'manual' },
      concurrency: 1,
      deleted: 'retract',
      maxDeleted: { percent: 20 },
      maxFailedFragments: 10,
    },
    rejects: { max: rejects?.max ?? 1000, maxPercent: rejects?.maxPercent },
    limits: { memory: 2 ** 30, stallMs, fragmentBytes },
  }
}

function column(words: ColumnWords | string, parser: ParserOptions): Column {
  const [name, text] = typeof words === 'string' ? (words.split(' ') as [string, string]) : [words.name, words.type]
  const rest = typeof words === 'string' ? {} : words
  const type = parseType(text ?? 'string')
  if ('problem' in type) throw new Error(type.problem)
  const inherited = parser.type === 'xsv' ? parser : { trim: false, decimalSeparator: '.', thousandsSeparator: '' }
  return {
    source: name,
    nullable: true,
    default: undefined,
    onInvalid: 'skip',
    trim: inherited.trim,
    decimalSeparator: inherited.decimalSeparator,
    thousandsSeparator: inherited.thousandsSeparator,
    ...rest,
    name,
    type,
  }
}

export interface Parsed {
  text: string
  /** The rows, with numbers as JSON.parse gives them. */
  rows: Record<string, unknown>[]
  rejects: Reject[]
  totals: Totals | undefined
  error: { code: string; message: string } | undefined
  frames: ParsedFrame[]
}

export const LIMITS: Limits = { maxRowBytes: 8 << 20, frameBytes: 256 * 1024 }

/** Parses one fragment cut at `cuts` (offsets, ascending), by a format that takes no time. */
export function parse(
  of: Connector,
  input: Uint8Array | string,
  cuts: number[] = [],
  limits: Partial<Limits> = {},
): Parsed {
  const run = (wasm: Engine | null) => {
    const { frames, steps } = prepare(of, input, cuts, limits, wasm)
    for (const step of steps) if (step()) throw new Error('this format takes time: parseLater')
    return collect(frames)
  }
  return bothWays(run(engine()), run(null))
}

/** The compiled kernels against the TypeScript ones, in every test. */
function bothWays(compiled: Parsed, plain: Parsed): Parsed {
  expect(summary(compiled), 'compiled kernel against TypeScript').toEqual(summary(plain))
  return compiled
}

/** The same by any format. */
export async function parseLater(
  of: Connector,
  input: Uint8Array | string,
  cuts: number[] = [],
  limits: Partial<Limits> = {},
): Promise<Parsed> {
  const run = async (wasm: Engine | null) => {
    const { frames, steps } = prepare(of, input, cuts, limits, wasm)
    for (const step of steps) await step()
    return collect(frames)
  }
  return bothWays(await run(engine()), await run(null))
}

function prepare(
  of: Connector,
  input: Uint8Array | string,
  cuts: number[],
  limits: Partial<Limits>,
  wasm: Engine | null,
) {
  const data = typeof input === 'string' ? Buffer.from(input) : input
  const frames: ParsedFrame[] = []
  // The output buffer is not used again, but what a chunk leaves must not depend on the chunk staying alive.
  const sink = (frame: ParsedFrame) => void frames.push({ ...frame, bytes: new Uint8Array(frame.bytes) })
  const parser = new DirectParser(of, { ...LIMITS, ...limits }, sink, wasm)
  let from = 0
  const steps: (() => void | Promise<void>)[] = [...cuts, data.length].map((cut) => {
    const start = from
    from = cut
    return () => parser.push(new Uint8Array(data.subarray(start, cut)))
  })
  return { frames, steps: [...steps, () => parser.end()] }
}

/** What the frames of one fragment say. Promise 6: every record read was published or rejected. */
export function collect(frames: ParsedFrame[]): Parsed {
  const bytes = Buffer.concat(frames.map((frame) => frame.bytes))
  const text = bytes.toString()
  const rejects = frames.flatMap((frame) => frame.rejects)
  const last = frames.at(-1)
  expect(frames.filter(({ totals, error }) => totals ?? error)).toEqual(last ? [last] : [])
  for (const { bytes, rows, rejects, derived, totals, error } of frames) {
    expect(Buffer.from(bytes).toString().split('\n').length - 1).toBe(rows)
    if (!totals && !error && !derived) expect(rows + rejects.length).toBeGreaterThan(0)
  }
  const totals = last?.totals
  if (totals) {
    expect(totals.read).toBe(totals.published + totals.rejected)
    expect(totals.published).toBe(frames.reduce((sum, { rows }) => sum + rows, 0))
    expect(totals.rejected).toBe(rejects.length)
    expect(totals.crc32).toBe(crc32(bytes))
    expect(bytes.length === 0 || bytes.at(-1) === 10).toBe(true)
  }
  const error = last?.error ? { code: last.error.code, message: last.error.message } : undefined
  const rows = totals
    ? text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : []
  return { text, rows, rejects, totals, error, frames }
}

/** Whole, a byte at a time and in random pieces: the same bytes, rejects and totals. Returns them. */
export function parseEveryWay(of: Connector, input: Uint8Array | string, limits: Partial<Limits> = {}): Parsed {
  const whole = parse(of, input, [], limits)
  for (const cuts of everyWay(input)) same(parse(of, input, cuts, limits), whole, cuts)
  return whole
}

/** The same by any format. */
export async function parseEveryWayLater(
  of: Connector,
  input: Uint8Array | string,
  limits: Partial<Limits> = {},
): Promise<Parsed> {
  const whole = await parseLater(of, input, [], limits)
  for (const cuts of everyWay(input)) same(await parseLater(of, input, cuts, limits), whole, cuts)
  return whole
}

function everyWay(input: Uint8Array | string): number[][] {
  const length = Buffer.byteLength(input)
  const random = chance(length + 1)
  const bytewise = Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1)
  const ways = [bytewise, ...Array.from({ length: 4 }, () => bytewise.filter(() => random() < 0.15))]
  return length > 20_000 ? ways.slice(1) : ways
}

function same(cut: Parsed, whole: Parsed, cuts: number[]): void {
  expect(summary(cut), `cut at ${cuts.slice(0, 20)}`).toEqual(summary(whole))
}

function summary({ text, rejects, totals, error }: Parsed) {
  // A fragment that failed may have put out some frames before: nothing of it counts.
  if (error) return { error }
  return {
    text,
    totals,
    rejects: rejects.map((reject) => ({ ...reject, raw: Buffer.from(reject.raw).toString('latin1') })),
  }
}

/** 0 to 1, the same for the same seed. */
export function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function codes({ rejects }: Parsed): string[] {
  return rejects.map(({ code }) => code)
}

/**
 * What a column makes of a text: the published JSON token, or the code of the reject. A quoted and a bare XSV cell, a JSON
 * string, a JSON literal (when the text is one) and a leaf of a list, both in a cell and in JSON, must agree.
 */
export function cast(words: Omit<ColumnWords, 'name'>, text: string): string {
  const column = { ...words, name: 'v' }
  const { type = 'string' } = words
  const first = [column, 'w string']
  const quoted = (cell: string) => `v,w\n"${cell.replaceAll('"', '""')}",x\n`
  const said = one(parse(connector({ columns: first }), quoted(text)), /^\{"v":(.*),"w":"x"\}\n$/s)
  const others: Record<string, string> = {}
  if (/^[^",\r\n]+$/.test(text))
    others['bare'] = one(
      parse(connector({ columns: ['w string', column] }), `w,v\nx,${text}`),
      /^\{"w":"x","v":(.*)\}\n$/s,
    )
  // A JSON string in a json column is its own value; only a cell's text is read as JSON.
  if (type !== 'json') {
    const list = { ...column, type: `list<${type}>` }
    const tokens = [JSON.stringify(text)]
    // A number that has a point whatever the column says, and no spaces, is read the same way.
    const isLiteral = /^(-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?|true|false)$/.test(text)
    if (isLiteral && !words.decimalSeparator && !words.thousandsSeparator && !words.trueValues) tokens.push(text)
    for (const token of tokens) {
      const json = (of: ColumnWords, value: string) =>
        parse(connector({ parser: { type: 'json' }, columns: [of] }), `{"v":${value}}`)
      others[`JSON ${token}`] = one(json(column, token), /^\{"v":(.*)\}\n$/s)
      others[`JSON [${token}]`] = one(json(list, `[ ${token} ]`), /^\{"v":\[(.*)\]\}\n$/s)
      const cell = parse(connector({ columns: [list, 'w string'] }), quoted(`[${token}]`))
      others[`cell [${token}]`] = one(cell, /^\{"v":\[(.*)\],"w":"x"\}\n$/s)
    }
  }
  expect(others, text).toEqual(Object.fromEntries(Object.keys(others).map((way) => [way, said])))
  return said
}

function one({ text, rejects, error }: Parsed, row: RegExp): string {
  expect(error).toBeUndefined()
  const found = row.exec(text)?.[1]
  return rejects[0]?.code ?? found ?? `not a row: ${text}`
}

/** The same of many texts, each a quoted cell and a JSON string. */
export function castAll(words: Omit<ColumnWords, 'name'>, texts: string[]): string[] {
  const columns = [{ ...words, name: 'v' }]
  const cells = texts.map((text) => `"${text.replaceAll('"', '""')}"\n`).join('')
  const strings = texts.map((text) => JSON.stringify({ v: text })).join('\n')
  const rejects = { max: texts.length }
  const said = each(parse(connector({ columns, rejects }), `v\n${cells}`))
  expect(each(parse(connector({ parser: { type: 'json' }, columns, rejects }), strings))).toEqual(said)
  expect(said.length).toBe(texts.length)
  return said
}

function each({ text, rejects, error }: Parsed): string[] {
  expect(error).toBeUndefined()
  const said = text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.slice('{"v":'.length, -1))
  for (const { rowNumber, code } of rejects) said.splice(rowNumber - 1, 0, code)
  return said
}
