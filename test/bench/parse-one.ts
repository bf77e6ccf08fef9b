/**
 * One format, parsed again and again in this process: `parse-one.ts SHAPE MIB PASSES KERNEL`. Each pass prints a line of JSON:
 * CPU seconds of the parsing thread and of the whole process, peak memory, and whether the output is the expected one.
 */
import { crc32 } from 'node:zlib'
import type { Connector, ParserOptions } from '../../orchestrator/connector/definition.ts'
import { parseType } from '../../orchestrator/connector/types.ts'
import { DirectParser } from '../../orchestrator/parse/direct.ts'
import { COLUMNS, orders, type Shape } from './orders.ts'

const [shape, mib, passes] = [process.argv[2] as Shape, Number(process.argv[3]), Number(process.argv[4])]
const DEFAULTS = {
  xsv: {
    compression: 'none',
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
  },
  json: { compression: 'none', mode: 'auto' },
}

const data = orders(shape, mib * 1e6)
const connector = {
  name: 'bench',
  parser: { ...DEFAULTS[data.parser.type], ...data.parser } as ParserOptions,
  columns: COLUMNS.map(([name, type]) => ({
    name,
    type: parseType(type) as Exclude<ReturnType<typeof parseType>, { problem: string }>,
    source: name,
    nullable: true,
    default: undefined,
    onInvalid: 'skip' as const,
    trim: false,
    decimalSeparator: '.',
    thousandsSeparator: '',
  })),
  derivesColumns: false,
  rejects: { max: 0, maxPercent: undefined },
  limits: { memory: 2 ** 30, stallMs: 1e6, fragmentBytes: 1e12 },
} satisfies Pick<Connector, 'name' | 'parser' | 'columns' | 'derivesColumns' | 'rejects' | 'limits'>

const expected = crc32(data.ndjson)
let crc = 0
let totals: { published: number; rejected: number } | undefined
let error: unknown
const parser = new DirectParser(connector, { maxRowBytes: 8 << 20, frameBytes: 256 * 1024 }, (frame) => {
  crc = crc32(frame.bytes, crc)
  totals = frame.totals
  error = frame.error
})

const thread = () => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e6
}
const all = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
/** As they come from gRPC. */
const CHUNK = 1 << 20
for (let pass = 0; pass <= passes; pass++) {
  crc = 0
  parser.reset(pass)
  const [startThread, startAll, start] = [thread(), all(), performance.now()]
  for (let at = 0; at < data.bytes.length; at += CHUNK) await parser.push(data.bytes.subarray(at, at + CHUNK))
  await parser.end()
  const line = {
    thread: thread() - startThread,
    process: all() - startAll,
    wall: (performance.now() - start) / 1000,
    bytes: data.bytes.length,
    rows: data.rows,
    // The first pass warms up.
    isWarm: pass > 0,
    isRight: crc === expected && totals?.published === data.rows && !error,
    error: error instanceof Error ? error.message : undefined,
  }
  console.log(JSON.stringify(line))
}
