/** Writes the row of a JSON object whose values were found: copies what stands as it is, converts the rest as text. */
import {
  ABSENT,
  CONTAINER,
  ESCAPED_TEXT,
  type JsonRow,
  NULL,
  NUMBER,
  SPACED_CONTAINER,
  TEXT,
  WORD,
} from './json-row.ts'
import { withoutSpace } from './json-scanner.ts'
import { forNumbers } from './nested.ts'
import { endOfDecimal, endOfInteger, endOfReal, restorePoint } from './numbers.ts'
import {
  BOOLEAN,
  DATE,
  DECIMAL,
  INTEGER,
  JSON_VALUE,
  LIST,
  type ProgramColumn,
  REAL,
  STRING,
  TIMESTAMP,
} from './program.ts'
import { NULL_VALUE, wrongValue } from './rejects.ts'
import { Substitute } from './substitute.ts'
import { bytesOf, isSpace, QUOTE } from './tables.ts'
import { endOfDate, endOfTimestamp } from './times.ts'
import { endOfBoolean, isTrueWord, writeBoolean } from './words.ts'

const LETTER_T = 84
const LETTER_Z = 90
const POINT = 46
/** From here on a native copy is faster than a loop. */
const LONG_COPY = 48

/** Bytes behind a text, and behind a number. */
const TEXT_ENDS = new Uint8Array(256)
TEXT_ENDS[QUOTE] = 1
const NUMBER_ENDS = new Uint8Array(256)
for (const byte of bytesOf(',}] \t\r\n')) NUMBER_ENDS[byte] = 1

export class JsonValues extends Substitute {
  private readonly columns: ProgramColumn[]
  private readonly keys: Uint8Array[]

  constructor(columns: ProgramColumn[]) {
    super(columns.length)
    this.columns = columns
    this.keys = columns.map(({ key }, index) => bytesOf((index === 0 ? '{' : ',') + key))
  }

  /** Writes the row at `start` of `bytes`; its end, or -1 with `bad`. Writing past the end of `bytes` is harmless. */
  row(b: Buffer, { kinds, starts, ends }: JsonRow, bytes: Uint8Array, start: number): number {
    const { columns, keys } = this
    this.begin()
    let o = start
    for (let c = 0; c < columns.length; c++) {
      const key = keys[c]!
      for (let k = 0; k < key.length; k++) bytes[o++] = key[k]!
      const kind = kinds[c]!
      const s = starts[c]!
      const e = ends[c]!
      const column = columns[c]!
      const { op } = column
      const value = o
      if (kind === TEXT || kind === NUMBER) {
        const isText = kind === TEXT
        if (op === STRING) {
          if (isText) {
            if (!column.trim || !hasSpaceAround(b, s + 1, e - 2)) {
              o = copy(b, s, e, bytes, o)
              continue
            }
          } else {
            bytes[o++] = QUOTE
            for (let i = s; i < e; ) bytes[o++] = b[i++]!
            bytes[o++] = QUOTE
            continue
          }
        } else {
          const from = isText ? s + 1 : s
          const to = isText ? e - 1 : e
          const point = isText ? column.point : 46
          if (endOf(b, from, column, point) === to) {
            if (op === BOOLEAN) o = writeBoolean(bytes, o, isTrueWord(b[from]!))
            else if (op === INTEGER || op === REAL) for (let i = from; i < to; ) bytes[o++] = b[i++]!
            else {
              bytes[o++] = QUOTE
              for (let i = from; i < to; ) bytes[o++] = b[i++]!
              if (op === TIMESTAMP) {
                bytes[value + 11] = LETTER_T
                if (b[to - 1] !== LETTER_Z) bytes[o++] = LETTER_Z
              }
              bytes[o++] = QUOTE
            }
            if (point !== 46) restorePoint(bytes, value, o, point)
            continue
          }
        }
      } else if (kind === WORD && op === BOOLEAN) {
        for (let i = s; i < e; ) bytes[o++] = b[i++]!
        continue
      } else if (kind === ESCAPED_TEXT && op === STRING && !column.trim) {
        o = copy(b, s, e, bytes, o)
        continue
      } else if (kind === CONTAINER && op === JSON_VALUE) {
        o = copy(b, s, e, bytes, o)
        continue
      }
      if (!this.slow(b, c, kind, s, e)) return -1
      o = write(this.value, bytes, value)
    }
    bytes[o++] = 125
    bytes[o++] = 10
    return o
  }

  /** The value of column c by the full rules; false with `bad`. */
  slow(b: Buffer, c: number, kind: number, s: number, e: number): boolean {
    const column = this.columns[c]!
    if (kind === ABSENT) return this.absent(column)
    if (kind === NULL) {
      // A default is for what is absent: an explicit null stays one.
      if (!column.nullable) return this.instead(column, NULL_VALUE)
      this.value = NULL_BYTES
      return true
    }
    if (column.op === JSON_VALUE) {
      this.value = kind === SPACED_CONTAINER ? withoutSpace(b, s, e) : new Uint8Array(b.subarray(s, e))
      return true
    }
    if (column.op >= LIST && kind !== TEXT && kind !== ESCAPED_TEXT) return this.nested(column, b, s, e)
    if (kind === CONTAINER || kind === SPACED_CONTAINER) {
      return this.instead(column, wrongValue(column, b.toString('utf8', s, Math.min(e, s + 400))))
    }
    if (kind === ESCAPED_TEXT) return this.text(column, JSON.parse(b.toString('utf8', s, e)))
    if (kind === TEXT)
      return this.read(column, b, s + 1, e - 1, TEXT_ENDS) || this.text(column, b.toString('utf8', s + 1, e - 1))
    // JSON's own words are booleans, whatever words the column has for texts.
    if (kind === WORD && column.words) {
      this.value = new Uint8Array(b.subarray(s, e))
      return true
    }
    // A number has a point; where texts have another, its text is read as one that has.
    if (column.point === POINT && this.read(column, b, s, e, NUMBER_ENDS)) return true
    return this.text(column, b.toString('latin1', s, e), forNumbers(column))
  }
}

const NULL_BYTES = bytesOf('null')

/** The end of what the column's fast grammar takes, or -1. */
function endOf(b: Uint8Array, i: number, column: ProgramColumn, point: number): number {
  switch (column.op) {
    case INTEGER:
      return endOfInteger(b, i, column.most, column.least)
    case REAL:
      return endOfReal(b, i, point, column.type.kind === 'float')
    case DECIMAL:
      return endOfDecimal(b, i, point, column.integerDigits, column.fractionDigits)
    case BOOLEAN:
      return endOfBoolean(b, i)
    case DATE:
      return endOfDate(b, i)
    case TIMESTAMP:
      return endOfTimestamp(b, i)
    default:
      return -1
  }
}

function hasSpaceAround(b: Uint8Array, first: number, last: number): boolean {
  return isSpace(b[first]!) || isSpace(b[last]!)
}

function copy(b: Buffer, start: number, end: number, bytes: Uint8Array, o: number): number {
  if (end - start >= LONG_COPY && o < bytes.length) b.copy(bytes, o, start, end)
  else for (let i = start, p = o; i < end; ) bytes[p++] = b[i++]!
  return o + end - start
}

function write(value: Uint8Array, bytes: Uint8Array, o: number): number {
  for (let k = 0; k < value.length; k++) bytes[o + k] = value[k]!
  return o + value.length
}
