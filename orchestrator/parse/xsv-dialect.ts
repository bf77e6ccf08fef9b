/** What the bytes of one XSV dialect mean. Every special character is one ASCII byte, or absent (-1). */
import type { XsvOptions } from '../connector/definition.ts'
import type { Program } from './program.ts'
import { bytesOf, CR, LF, QUOTE, specialBytes } from './tables.ts'

/** First byte of a cell. */
export const PLAIN = 0
export const MAYBE_EMPTY = 1
export const QUOTED = 2
export const MAYBE_NULL = 3

export class Dialect {
  readonly delimiter: number
  readonly quote: number
  /** The byte that takes the next one literally inside of quotes; -1 for a doubled quote. */
  readonly escapeByte: number
  readonly comment: number
  readonly headerLines: number
  readonly trimHeader: boolean
  readonly allowRagged: boolean
  readonly nullValues: ReadonlySet<string>
  /** True: an unquoted cell without any byte is null. */
  readonly emptyIsNull: boolean
  /** The other null values. */
  readonly nulls: readonly Uint8Array[]
  /** Bytes that end a run of plain text, unquoted and quoted. */
  readonly plainStops: Uint8Array
  readonly quotedStops: Uint8Array
  /** PLAIN … MAYBE_NULL by a cell's first byte. */
  readonly first: Uint8Array
  /** 1 for a byte that ends an unquoted cell, 2 for CR, which does so before LF. */
  readonly ends: Uint8Array
  /** 1 for the quote, which ends a quoted cell. */
  readonly quotedEnds: Uint8Array
  /** 1 for a byte with which a line that is no record may begin. */
  readonly lineStarts: Uint8Array

  constructor(options: XsvOptions) {
    this.delimiter = byteOf(options.delimiter)
    this.quote = byteOf(options.quote)
    this.escapeByte = options.escape === options.quote ? -1 : byteOf(options.escape)
    this.comment = byteOf(options.comment)
    this.headerLines = options.headerLines
    this.trimHeader = options.trim
    this.allowRagged = options.ragged === 'allow'
    this.nullValues = new Set(options.nullValues)
    this.emptyIsNull = this.nullValues.has('')
    this.nulls = options.nullValues.filter((value) => value !== '').map(bytesOf)
    this.plainStops = specialBytes(this.delimiter)
    this.quotedStops = specialBytes(this.quote, this.escapeByte)
    // Inside of quotes only a quote that is not `"` lets `"` be data, and JSON escapes it all the same.
    this.quotedStops[QUOTE] = 1
    this.first = new Uint8Array(256)
    for (const value of this.nulls) this.first[value[0]!] = MAYBE_NULL
    for (const byte of [this.delimiter, LF, CR]) this.first[byte] = MAYBE_EMPTY
    if (this.quote >= 0) this.first[this.quote] = QUOTED
    this.ends = new Uint8Array(256)
    this.ends[this.delimiter] = 1
    this.ends[LF] = 1
    this.ends[CR] = 2
    this.quotedEnds = new Uint8Array(256)
    if (this.quote >= 0) this.quotedEnds[this.quote] = 1
    this.lineStarts = new Uint8Array(256)
    this.lineStarts[LF] = 1
    this.lineStarts[CR] = 1
    if (this.comment >= 0) this.lineStarts[this.comment] = 1
  }
}

export function dialectOf({ parser }: Program): Dialect {
  if (parser.type !== 'xsv') throw new TypeError(`no XSV parser: ${parser.type}`)
  return new Dialect(parser)
}

function byteOf(text: string): number {
  return text === '' ? -1 : bytesOf(text)[0]!
}
