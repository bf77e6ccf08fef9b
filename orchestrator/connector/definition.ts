/** What a connector is, once its connector.yaml has been read and checked. Plain data, no behaviour. */

/** `json` is any JSON value, kept digit for digit. */
export type ColumnType =
  | {
      kind:
        | 'boolean'
        | 'byte'
        | 'short'
        | 'int'
        | 'long'
        | 'float'
        | 'double'
        | 'string'
        | 'binary'
        | 'date'
        | 'timestamp'
        | 'json'
    }
  | { kind: 'decimal'; precision: number; scale: number }
  | { kind: 'list'; element: ColumnType }
  /** From text to values. */
  | { kind: 'map'; value: ColumnType }
  | { kind: 'struct'; fields: StructField[] }

export interface StructField {
  name: string
  type: ColumnType
}

export type OnInvalid = 'skip' | 'default' | 'null' | 'fail'

/** How bytes stand in a text. */
export const BINARY_ENCODINGS = ['base64', 'base64url', 'hex', 'utf8'] as const
export type BinaryEncoding = (typeof BINARY_ENCODINGS)[number]

export interface Column {
  name: string
  type: ColumnType
  /** Header text, key or capture in the source; a key is a JSON Pointer when it begins with '/'. */
  source: string
  nullable: boolean
  /** The default as NDJSON text, already checked against the type; undefined: there is none. */
  default: string | undefined
  onInvalid: OnInvalid
  trim: boolean
  decimalSeparator: string
  thousandsSeparator: string
  /** Dates and timestamps: the forms that a text may have (format.ts), the first that fits; absent: ISO. */
  format?: readonly string[] | undefined
  /** Timestamps: the zone of a text that names none (timezone.ts); absent: UTC. */
  timezone?: string | undefined
  /** Binaries; absent: base64. */
  encoding?: BinaryEncoding | undefined
  /** Booleans: the words in place of the usual ones, in any case; both or neither. */
  trueValues?: readonly string[] | undefined
  falseValues?: readonly string[] | undefined
}

/** How the bytes of a fragment are compressed; `auto`: its first bytes say so, or it is not. */
export type Compression = 'auto' | 'none' | 'gzip' | 'zlib' | 'zstd' | 'bzip2' | 'lz4' | 'snappy' | 'brotli'

export interface XsvOptions {
  type: 'xsv'
  compression: Compression
  delimiter: string
  /** '' switches quoting off. */
  quote: string
  /** '' means a doubled quote. */
  escape: string
  /** '' means that there are no comments. */
  comment: string
  headerLines: number
  trim: boolean
  decimalSeparator: string
  thousandsSeparator: string
  nullValues: string[]
  ragged: 'reject' | 'allow'
}

export interface JsonOptions {
  type: 'json'
  compression: Compression
  mode: 'auto' | 'lines' | 'array'
}

/** What `%{NAME:field:type}` says of a field: a hint for who proposes a schema, the column's type decides. */
export type GrokHint = 'int' | 'long' | 'float' | 'double' | 'boolean' | 'string'

/** A pattern as a JavaScript regular expression, ready to be made. */
export interface GrokPattern {
  /** As connector.yaml writes it. */
  text: string
  source: string
  flags: string
  /** What its groups capture, by their number; a name that is there more than once is its first group that has text. */
  fields: { name: string; group: number; hint: GrokHint | undefined }[]
}

export interface GrokOptions {
  type: 'grok'
  compression: Compression
  /** The first that matches a line counts. */
  patterns: GrokPattern[]
  /** Bytes of the longest line, its end included. */
  maxRowBytes: number
}

/** Container files, which say themselves what is in them. */
export interface AvroOptions {
  type: 'avro'
  compression: Compression
}

/** The author's own parser, run in the reader process over what `read_bytes` yields. */
export interface PythonOptions {
  type: 'python'
  function: string
  /** Its file, relative to the connector's folder; '' for the connector's own. */
  code: string
}

/** No parser: the connector yields rows by `read_rows`. */
export interface RowsOptions {
  type: 'rows'
}

/** What `parser.type` may say. */
export const PARSER_TYPES = ['xsv', 'json', 'avro', 'grok', 'python'] as const

export type ParserOptions = XsvOptions | JsonOptions | AvroOptions | GrokOptions | PythonOptions | RowsOptions

export type Schedule = { kind: 'manual' } | { kind: 'every'; ms: number }

export type MaxDeleted = { percent: number } | { count: number }

export interface Connector {
  name: string
  /** Absolute path of its folder. */
  dir: string
  /** Absolute path of connector.yaml. */
  file: string
  /** File with the three functions, relative to `dir`. */
  code: string
  pip: string[]
  /** Text of connector.lock; '' when there is none. */
  lock: string
  credentials: { env: string } | { file: string } | undefined
  parser: ParserOptions
  /** Empty while `derivesColumns` and no fragment was read yet. */
  columns: Column[]
  /** No schema was given: the first fragment brings the columns, and they are the same from then on. */
  derivesColumns: boolean
  refresh: {
    schedule: Schedule
    concurrency: number
    deleted: 'retract' | 'keep'
    maxDeleted: MaxDeleted
    maxFailedFragments: number
  }
  rejects: { max: number; maxPercent: number | undefined }
  limits: { memory: number; stallMs: number; fragmentBytes: number }
}
