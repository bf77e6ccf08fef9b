/**
 * A connector's parser and columns, made ready once: plain data that is cloned to every worker.
 *
 * A Program says what to do, never how far it is: kernels are built from it and keep their own state.
 */
import { createHash } from 'node:crypto'
import type {
  BinaryEncoding,
  Column,
  ColumnType,
  Compression,
  Connector,
  ParserOptions,
  PythonOptions,
  RowsOptions,
} from '../connector/definition.ts'
import { formatType } from '../connector/types.ts'
import { bytesOf } from './tables.ts'
import { needsReader, type Settings, type ValueSettings, valueSettings } from './value-settings.ts'

/** Which fast grammar a column has. Everything else about it is the slow path's (convert.ts). */
export const STRING = 0
export const INTEGER = 1
export const REAL = 2
export const DECIMAL = 3
export const BOOLEAN = 4
export const DATE = 5
export const TIMESTAMP = 6
export const BINARY = 7
export const JSON_VALUE = 8
/** Dates, timestamps and booleans with a grammar of their own (reader.ts). */
export const READ = 9
export const LIST = 10
export const MAP = 11
export const STRUCT = 12

/** How a value is checked and written: that of a column, or one inside of a list, map or struct. */
export interface ProgramValue extends ValueSettings {
  type: ColumnType
  op: number
  /** The type as connector.yaml writes it, for messages. */
  typeName: string
  trim: boolean
  decimalSeparator: string
  thousandsSeparator: string
  /** INTEGER: digits of the largest and of the smallest value. */
  most: Uint8Array
  least: Uint8Array
  /** DECIMAL: digits before and after the point. */
  integerDigits: number
  fractionDigits: number
  /** The decimal separator as a byte; 256, which no byte is, when the fast grammar has none. */
  point: number
  /** LIST, MAP: what is inside. */
  element: ProgramValue | undefined
  /** STRUCT: in the order in which they are written. */
  fields: ProgramField[]
}

export interface ProgramField {
  name: string
  /** `"name":` */
  key: string
  value: ProgramValue
}

export interface ProgramColumn extends Column, ProgramValue {
  index: number
  type: ColumnType
  trim: boolean
  decimalSeparator: string
  thousandsSeparator: string
  timezone: string
  encoding: BinaryEncoding
  /** `"name":` */
  key: string
  /** What an absent or null value becomes: the default, `null`, or nothing when the column cannot hold null. */
  absent: Uint8Array | undefined
  /** What an invalid value becomes; undefined when the row is rejected or the fragment fails. */
  invalid: Uint8Array | undefined
  /** True when `absent` (or `invalid`) is the default, which Totals count. */
  absentCounts: boolean
  invalidCounts: boolean
}

export interface Program {
  /** Hash of everything below. */
  id: string
  connector: string
  parser: Exclude<ParserOptions, PythonOptions | RowsOptions>
  compression: Compression
  columns: ProgramColumn[]
  /**
   * declared: the columns are the author's · derive: there are none yet, the fragment brings them (Rows.adopt) · pinned: they
   * came from an earlier fragment, and this one must have the same
   */
  schema: 'declared' | 'derive' | 'pinned'
  rejects: { max: number; maxPercent: number | undefined }
  fragmentBytes: number
  /** Parsed in threads apart from those of xsv and json: see ParsePool. */
  isApart: boolean
}

const SHARED = new Set<string>(['xsv', 'json'])

export type Compilable = Pick<Connector, 'name' | 'parser' | 'columns' | 'derivesColumns' | 'rejects' | 'limits'>

export function compile({ name, parser, columns, derivesColumns, rejects, limits }: Compilable): Program {
  const { fragmentBytes } = limits
  const text = JSON.stringify({ name, parser, columns, derivesColumns, rejects, fragmentBytes })
  return {
    id: createHash('sha256').update(text).digest('hex'),
    connector: name,
    parser: kernelOf(parser),
    compression: 'compression' in parser ? parser.compression : 'none',
    columns: columns.map(compileColumn),
    schema: derivesColumns ? (columns.length === 0 ? 'derive' : 'pinned') : 'declared',
    rejects,
    fragmentBytes,
    isApart: !SHARED.has(kernelOf(parser).type),
  }
}

/** The author's own rows arrive as JSON lines, whatever made them; the schema's types and rejects are the same. */
function kernelOf(parser: ParserOptions): Program['parser'] {
  return parser.type === 'python' || parser.type === 'rows'
    ? { type: 'json', compression: 'none', mode: 'lines' }
    : parser
}

const OPS: Record<ColumnType['kind'], number> = {
  boolean: BOOLEAN,
  byte: INTEGER,
  short: INTEGER,
  int: INTEGER,
  long: INTEGER,
  float: REAL,
  double: REAL,
  decimal: DECIMAL,
  string: STRING,
  binary: BINARY,
  date: DATE,
  timestamp: TIMESTAMP,
  json: JSON_VALUE,
  list: LIST,
  map: MAP,
  struct: STRUCT,
}

const BITS: Partial<Record<ColumnType['kind'], bigint>> = { byte: 8n, short: 16n, int: 32n, long: 64n }

/** Ready for the kernels; also used in a worker, for columns that a fragment brought. */
export function compileColumn(column: Column, index: number): ProgramColumn {
  const { type, nullable, onInvalid } = column
  const absent = column.default ?? (nullable ? 'null' : undefined)
  const invalid = onInvalid === 'default' ? absent : onInvalid === 'null' && nullable ? 'null' : undefined
  const counts = column.default !== undefined
  return {
    ...column,
    ...compileValue(type, column),
    index,
    key: `${JSON.stringify(column.name)}:`,
    absent: absent === undefined ? undefined : bytesOf(absent),
    invalid: invalid === undefined ? undefined : bytesOf(invalid),
    absentCounts: counts,
    invalidCounts: counts && onInvalid === 'default',
  }
}

/** The column's settings hold for all that is inside of it. */
function compileValue(type: ColumnType, settings: Settings): ProgramValue {
  const { trim, decimalSeparator, thousandsSeparator } = settings
  const top = 1n << ((BITS[type.kind] ?? 64n) - 1n)
  const [precision, scale] = type.kind === 'decimal' ? [type.precision, type.scale] : [0, 0]
  const inside = type.kind === 'list' ? type.element : type.kind === 'map' ? type.value : undefined
  const fields = type.kind === 'struct' ? type.fields : []
  const own = valueSettings(type, settings)
  return {
    ...own,
    type,
    op: needsReader(own) ? READ : OPS[type.kind],
    typeName: formatType(type),
    trim,
    decimalSeparator,
    thousandsSeparator,
    most: bytesOf(String(top - 1n)),
    least: bytesOf(String(top)),
    integerDigits: precision - scale,
    fractionDigits: scale,
    point: /^[\x21-\x7e]$/.test(decimalSeparator) ? decimalSeparator.charCodeAt(0) : 256,
    element: inside && compileValue(inside, settings),
    fields: fields.map((field) => ({
      name: field.name,
      key: `${JSON.stringify(field.name)}:`,
      value: compileValue(field.type, settings),
    })),
  }
}
