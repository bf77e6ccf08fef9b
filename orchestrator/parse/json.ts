/**
 * JSON bytes to NDJSON bytes: one object is one row.
 *
 *   lines    a value on each line                a bad one costs its line
 *   values   one behind the other (auto)         a bad one costs its line
 *   array    the elements of one or more arrays  a bad one costs itself; broken nesting fails the fragment
 *
 * Behind the input stands NUL, which fits nowhere: an error at the end of the input means that more is needed.
 */
import { isUtf8 } from 'node:buffer'
import { FragmentError } from '../errors.ts'
import { Nesting } from './json-nesting.ts'
import { JsonRow } from './json-row.ts'
import { JsonScanner, MAX_DEPTH } from './json-scanner.ts'
import { JsonValues } from './json-values.ts'
import type { Kernel } from './kernel.ts'
import { type Bad, tooLong } from './rejects.ts'
import type { Rows } from './rows.ts'
import { CR, LF, SPACE, TAB } from './tables.ts'
import type { Engine } from './wasm/engine.ts'
import { BEHIND, FastJson } from './wasm/json-records.ts'

const MAX_UNKNOWN = 100

const UNKNOWN = 0
const LINES = 1
const VALUES = 2
const ARRAY = 3

/** Where in an array the next byte stands. */
const OUTSIDE = 0
const BEFORE_FIRST = 1
const BEFORE_VALUE = 2
const AFTER_VALUE = 3

export class JsonKernel implements Kernel {
  readonly spare = 64
  private readonly rows: Rows
  private readonly scanner = new JsonScanner()
  private readonly nesting = new Nesting()
  private readonly row: JsonRow
  private readonly values: JsonValues
  private readonly mode: 'auto' | 'lines' | 'array'
  private kind = UNKNOWN
  private place = OUTSIDE
  /** False while the line holds nothing but spaces. */
  private hasValue = false
  /** True when the record under way is wrong already, and only the end of its line is waited for. */
  private isBroken = false
  private skipsLine = false
  private readonly fast: FastJson | undefined

  /** With an `engine` plain records are its work. */
  constructor(rows: Rows, engine: Engine | null) {
    const { parser, columns } = rows.program
    if (parser.type !== 'json') throw new TypeError(`no JSON parser: ${parser.type}`)
    this.rows = rows
    this.mode = parser.mode
    this.row = new JsonRow(columns, this.scanner)
    this.values = new JsonValues(columns)
    this.fast = engine === null ? undefined : new FastJson(engine, rows, this.row, this.values, MAX_DEPTH)
  }

  begin(): void {
    this.kind = this.mode === 'lines' ? LINES : this.mode === 'array' ? ARRAY : UNKNOWN
    this.place = OUTSIDE
    this.hasValue = false
    this.scanner.singleLine = this.mode === 'lines'
    this.row.begin()
  }

  parse(b: Buffer, from: number, n: number, isFinal: boolean, isDoubtful: boolean): number {
    const { rows } = this
    b[n] = 0
    let i = from
    const fast = isDoubtful ? undefined : this.fast
    fast?.begin()
    for (;;) {
      i = this.space(b, i)
      if (i >= n) break
      // The first byte tells which of the two `auto` is.
      if (this.kind === UNKNOWN) this.kind = b[i] === 91 ? ARRAY : VALUES
      if (this.kind === ARRAY) {
        const next = this.punctuation(b, i)
        if (next >= 0) {
          i = next
          continue
        }
      }
      if (rows.published >= rows.maxRows) {
        rows.truncated = true
        break
      }
      const next = fast ? this.plain(fast, b, i, n) : i
      if (next > i) {
        i = next
        continue
      }
      const end = this.record(b, i, n, isFinal, isDoubtful)
      if (end < 0) break
      i = end
    }
    if (isFinal && this.place !== OUTSIDE && !rows.truncated) throw cutOff()
    return i
  }

  /** Records that the compiled kernel takes; the place behind them. */
  private plain(fast: FastJson, b: Buffer, i: number, n: number): number {
    const next = fast.records(b, i, n, this.kind)
    if (next === i) return i
    this.hasValue = fast.state === BEHIND
    if (this.kind === ARRAY) this.place = fast.state === BEHIND ? AFTER_VALUE : BEFORE_VALUE
    return next
  }

  /** White space between records; lines that hold nothing else are counted. */
  private space(b: Uint8Array, start: number): number {
    const { rows } = this
    let i = start
    for (;;) {
      const ch = b[i]!
      if (ch === LF) {
        rows.line++
        if (!this.hasValue && this.kind !== ARRAY) rows.blank++
        this.hasValue = false
      } else if (ch !== SPACE && ch !== TAB && ch !== CR) return i
      i++
    }
  }

  /** Brackets and commas of the array: the place behind one, or -1 where a value begins. */
  private punctuation(b: Uint8Array, i: number): number {
    const ch = b[i]!
    this.hasValue = true
    switch (this.place) {
      case OUTSIDE:
        if (ch !== 91) throw this.unexpected(b, i, 'an array')
        this.place = BEFORE_FIRST
        return i + 1
      case AFTER_VALUE:
        if (ch !== 44 && ch !== 93) throw this.unexpected(b, i, '"," or "]"')
        this.place = ch === 44 ? BEFORE_VALUE : OUTSIDE
        return i + 1
      default:
        if (ch === 93 && this.place === BEFORE_FIRST) {
          this.place = OUTSIDE
          return i + 1
        }
        if (ch === 44 || ch === 93 || ch === 125) throw this.unexpected(b, i, 'a value')
        return -1
    }
  }

  /** The record at `start`: published or rejected; the place behind it, or -1 when it is not whole. */
  private record(b: Buffer, start: number, n: number, isFinal: boolean, isDoubtful: boolean): number {
    const { rows, scanner, row } = this
    const isObject = b[start] === 123
    scanner.newlines = 0
    scanner.tooDeep = false
    this.isBroken = false
    let end = isObject ? row.read(b, start) : scanner.value(b, start, 0)
    if (end >= 0 && this.kind === LINES) end = this.lineEnd(b, end, n, isFinal)
    if (end < 0) {
      if (scanner.at >= n && !isFinal) return -1
      return this.refuse(b, start, n, isFinal)
    }
    // A number may go on.
    if (end >= n && !isFinal && b[n - 1] !== 125) return -1
    let bad: Bad | undefined
    if (!isObject) bad = { code: 'row.not_object', message: `${kindOf(b[start]!)} where an object is needed` }
    else if (!(isDoubtful && !isUtf8(b.subarray(start, end))) && end - start <= rows.maxRecordBytes) {
      bad = this.publish(b)
      if (!bad) return this.passed(end)
    }
    rows.reject(b, start, end, bad ?? wrongJson(start, start))
    return this.passed(end)
  }

  /** Writes the row; why it cannot be, if so. */
  private publish(b: Buffer): Bad | undefined {
    const { rows, row, values } = this
    const { out } = rows
    const start = out.length
    let o = values.row(b, row, out.bytes, start)
    if (o - start > rows.maxRowBytes) return tooLong('row', rows.maxRowBytes)
    if (o > out.bytes.length) {
      out.grow(start, o - start)
      o = values.row(b, row, out.bytes, start)
    }
    if (o < 0) return values.bad
    out.length = o
    rows.row(o, values.marked, values.marks)
    if (row.unreported.length > 0) row.report(rows.unknown, MAX_UNKNOWN)
    return undefined
  }

  /** Behind a record that was taken, good or bad. */
  private passed(end: number): number {
    this.rows.line += this.scanner.newlines
    this.hasValue = true
    if (this.kind === ARRAY) this.place = AFTER_VALUE
    return end
  }

  /** In `lines` nothing but space may follow a value; the place of its LF, or -1. */
  private lineEnd(b: Uint8Array, start: number, n: number, isFinal: boolean): number {
    const end = this.scanner.space(b, start)
    if (b[end] === LF || (end >= n && isFinal)) return start
    return this.scanner.fail(end)
  }

  /** The grammar failed at `scanner.at`. */
  private refuse(b: Buffer, start: number, n: number, isFinal: boolean): number {
    const { rows, scanner, nesting } = this
    const { at } = scanner
    const bad = scanner.tooDeep
      ? ({ code: 'row.depth', message: `nested deeper than ${MAX_DEPTH} levels` } as const)
      : wrongJson(at, start, at < n ? b[at] : undefined)
    if (this.kind === ARRAY || (this.kind === VALUES && at - start >= rows.maxRecordBytes)) {
      nesting.start()
      let end = nesting.scan(b, start, n)
      if (end < 0) {
        if (!isFinal) return -1
        if (this.kind === ARRAY) throw cutOff()
        end = n
      }
      this.checkNesting()
      rows.reject(b, start, end, bad)
      scanner.newlines = countLines(b, start, end)
      return this.passed(end)
    }
    const lf = b.indexOf(LF, start)
    const end = lf < 0 || lf >= n ? n : lf + 1
    if (end === n && b[n - 1] !== LF && !isFinal) {
      this.isBroken = true
      return -1
    }
    rows.reject(b, start, end, bad)
    rows.line++
    this.hasValue = false
    return end
  }

  startSkip(b: Uint8Array, from: number, n: number): void {
    this.skipsLine = this.kind === LINES || this.isBroken
    this.nesting.start()
    this.skip(b, from, n)
  }

  skip(b: Uint8Array, from: number, n: number): number {
    const { rows, nesting, skipsLine } = this
    const lf = skipsLine ? b.indexOf(LF, from) : -1
    const end = skipsLine ? (lf < 0 || lf >= n ? -1 : lf + 1) : nesting.scan(b, from, n)
    rows.line += countLines(b, from, end < 0 ? n : end)
    if (end < 0) return -1
    this.checkNesting()
    this.hasValue = !skipsLine
    if (this.kind === ARRAY) this.place = AFTER_VALUE
    return end
  }

  endSkip(): void {
    if (this.kind === ARRAY) throw cutOff()
  }

  private checkNesting(): void {
    if (this.kind === ARRAY && this.nesting.isBroken) {
      throw new FragmentError('fragment.container', `line ${this.rows.line}: the brackets of an element do not match`)
    }
  }

  private unexpected(b: Uint8Array, i: number, what: string): FragmentError {
    const { line, base } = this.rows
    const place = `line ${line}, byte ${base + i}`
    return new FragmentError('fragment.container', `${place}: expected ${what}, found ${shownByte(b[i]!)}`)
  }
}

function cutOff(): FragmentError {
  return new FragmentError('fragment.container', 'the fragment ends inside of an array: it was cut off')
}

function wrongJson(at: number, start: number, byte?: number): Bad {
  const found = byte === undefined ? 'it ends too early' : `unexpected ${shownByte(byte)}`
  return { code: 'row.json', message: `no valid JSON: ${found} at byte ${at - start} of the record` }
}

function shownByte(byte: number): string {
  if (byte > 32 && byte < 127) return JSON.stringify(String.fromCharCode(byte))
  return `0x${byte.toString(16).padStart(2, '0')}`
}

function kindOf(byte: number): string {
  if (byte === 91) return 'an array'
  if (byte === 34) return 'a string'
  return byte === 116 || byte === 102 ? 'a boolean' : byte === 110 ? 'null' : 'a number'
}

function countLines(b: Uint8Array, from: number, to: number): number {
  let lines = 0
  for (let i = b.indexOf(LF, from); i >= 0 && i < to; i = b.indexOf(LF, i + 1)) lines++
  return lines
}
