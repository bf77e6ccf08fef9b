/**
 * Values that bring a type of their own, as those of Avro and Parquet do, to NDJSON bytes of the type that a column wants.
 *
 * Where the two types are the same the value is written as it is, digit for digit (promise 7). Else it becomes the text
 * that stands for it, and that text goes the way of an XSV cell: the same rules, whatever a value comes from.
 *
 * Writing behind the end of `bytes` is harmless; whoever owns the row sees it, grows the output and writes it again.
 */
import { isUtf8 } from 'node:buffer'
import { dateText, timestampText, timeText } from './calendar.ts'
import { convert } from './convert.ts'
import { forNumbers } from './nested.ts'
import { BINARY, INTEGER, JSON_VALUE, type ProgramValue, REAL, STRING } from './program.ts'
import { type Bad, outOfRange, wrongValue } from './rejects.ts'
import { BACKSLASH, bytesOf, ESCAPE_LETTER, QUOTE, specialBytes, writeControl } from './tables.ts'
import { asIso } from './time-reader.ts'

const SPECIAL = specialBytes()
const TRUE = bytesOf('true')
const FALSE = bytesOf('false')
const NULL = bytesOf('null')
const MOST: Partial<Record<ProgramValue['type']['kind'], number>> = { byte: 127, short: 32_767, int: 2_147_483_647 }

export class TypedValues {
  bytes: Uint8Array = new Uint8Array(0)
  /** Where the next byte goes. */
  o = 0
  /** What is wrong with the value under way; what was written of it does not count then. */
  bad: Bad | undefined
  private readonly digits = new Uint8Array(20)

  wrong(bad: Bad): void {
    this.bad ??= bad
  }

  /** One byte of JSON's own: a bracket, a comma. */
  byte(code: number): void {
    this.bytes[this.o++] = code
  }

  write(text: Uint8Array): void {
    const { bytes } = this
    let { o } = this
    for (let k = 0; k < text.length; k++) bytes[o++] = text[k]!
    this.o = o
  }

  /** Text that is JSON already. */
  ascii(text: string): void {
    const { bytes } = this
    let { o } = this
    for (let k = 0; k < text.length; k++) bytes[o++] = text.charCodeAt(k)
    this.o = o
  }

  null(): void {
    this.write(NULL)
  }

  /** A text by the rules of the column's type. */
  text(value: ProgramValue, text: string): void {
    if (value.op === JSON_VALUE) {
      if (text.isWellFormed()) this.write(bytesOf(JSON.stringify(text)))
      else this.wrong(wrongValue(value, text))
      return
    }
    const result = convert(value, text)
    if (typeof result === 'string') this.write(bytesOf(result))
    else this.wrong(result)
  }

  boolean(value: ProgramValue, given: boolean): void {
    if (value.type.kind === 'boolean' || value.op === JSON_VALUE) this.write(given ? TRUE : FALSE)
    else this.text(value, String(given))
  }

  /** A whole number; one beyond 2^53 comes as a bigint. */
  integer(value: ProgramValue, given: number | bigint): void {
    const { op } = value
    if (op !== INTEGER && op !== REAL && op !== JSON_VALUE) this.number(value, String(given))
    else if (op === INTEGER && !isWithin(value.type.kind, given)) this.wrong(outOfRange(value, String(given)))
    else if (typeof given === 'bigint') this.ascii(String(given))
    else this.whole(given)
  }

  /** A binary floating point number: the shortest text that reads back as the same one. */
  real(value: ProgramValue, given: number, isFloat: boolean): void {
    const { op } = value
    const text = isFloat ? floatText(given) : Object.is(given, -0) ? '-0' : String(given)
    if (!Number.isFinite(given) && op !== STRING) this.wrong(wrongValue(value, text))
    // A double may lie out of a float's range.
    else if (op === JSON_VALUE || (op === REAL && (isFloat || value.type.kind === 'double'))) this.ascii(text)
    else this.number(value, text)
  }

  /** `unscaled` × 10^-scale. */
  decimal(value: ProgramValue, unscaled: bigint, scale: number): void {
    const text = decimalText(unscaled, scale)
    if (value.op === JSON_VALUE) this.ascii(`"${text}"`)
    else this.number(value, text)
  }

  /** UTF-8 text that stands in b[start, end). */
  utf8(value: ProgramValue, b: Uint8Array, start: number, end: number): void {
    if ((value.op === STRING || value.op === JSON_VALUE) && !value.trim) this.copy(b, start, end)
    else if (!isUtf8(b.subarray(start, end))) this.wrong(noUtf8(b.subarray(start, end)))
    else this.text(value, Buffer.from(b.buffer, b.byteOffset + start, end - start).toString())
  }

  private copy(b: Uint8Array, start: number, end: number): void {
    const { bytes } = this
    let { o } = this
    let seen = 0
    bytes[o++] = QUOTE
    for (let i = start; i < end; i++) {
      const ch = b[i]!
      seen |= ch
      if (SPECIAL[ch] === 0) bytes[o++] = ch
      else {
        const letter = ESCAPE_LETTER[ch]!
        bytes[o++] = BACKSLASH
        bytes[o++] = letter
        if (letter === 117) o = writeControl(bytes, o, ch)
      }
    }
    bytes[o++] = QUOTE
    this.o = o
    if (seen > 127 && !isUtf8(b.subarray(start, end))) this.wrong(noUtf8(b.subarray(start, end)))
  }

  /** Bytes without a meaning: base64 in a binary column, text in others when they are UTF-8. */
  binary(value: ProgramValue, b: Uint8Array, start: number, end: number): void {
    if (value.op !== BINARY && value.op !== JSON_VALUE) this.utf8(value, b, start, end)
    else this.ascii(`"${Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('base64')}"`)
  }

  /** Days since 1970. */
  date(value: ProgramValue, days: number): void {
    const text = dateText(days)
    if (text === undefined) this.wrong(outOfRange(value, `day ${days}`))
    else if (value.type.kind === 'date' || value.op === JSON_VALUE) this.ascii(`"${text}"`)
    else this.text(value, text)
  }

  /** Since 1970 in units of 10^-digits seconds; `isLocal`: on a clock whose zone nobody told, that is the column's. */
  timestamp(value: ProgramValue, ticks: bigint, digits: number, isLocal: boolean): void {
    const text = timestampText(ticks, digits)
    if (text === undefined) this.wrong(outOfRange(value, `${ticks} × 10^-${digits} s since 1970`))
    else if (!isLocal && (value.type.kind === 'timestamp' || value.op === JSON_VALUE)) this.ascii(`"${text}Z"`)
    else if (isLocal && value.type.kind === 'timestamp') this.text(asIso(value), text)
    else this.text(value, isLocal ? text : `${text}Z`)
  }

  /** Since midnight, the same units. */
  time(value: ProgramValue, ticks: bigint, digits: number): void {
    const text = timeText(ticks, digits)
    if (text === undefined) this.wrong(outOfRange(value, `${ticks} × 10^-${digits} s since midnight`))
    else this.text(value, text)
  }

  /** The text of a number, which has a point and no thousands whatever the column's own texts have. */
  private number(value: ProgramValue, text: string): void {
    this.text(forNumbers(value), text)
  }

  private whole(given: number): void {
    const { bytes, digits } = this
    let { o } = this
    let left = given
    if (given < 0) {
      bytes[o++] = 45
      left = -given
    }
    let k = 0
    do {
      const rest = Math.floor(left / 10)
      digits[k++] = left - rest * 10 + 48
      left = rest
    } while (left > 0)
    while (k > 0) bytes[o++] = digits[--k]!
    this.o = o
  }
}

function isWithin(kind: ProgramValue['type']['kind'], given: number | bigint): boolean {
  const most = MOST[kind]
  if (most !== undefined) return given <= most && given >= -most - 1
  return typeof given === 'number' || BigInt.asIntN(64, given) === given
}

function noUtf8(value: Uint8Array): Bad {
  const start = Buffer.from(value.subarray(0, 20)).toString('hex')
  return { code: 'row.encoding', message: `bytes that are no UTF-8 (0x${start}${value.length > 20 ? '…' : ''})` }
}

/** JavaScript prints the double that a float becomes: 0.1 as 0.10000000149011612. */
export function floatText(given: number): string {
  if (Object.is(given, -0)) return '-0'
  // Below 10^-37 floats have fewer digits than six.
  for (let precision = Math.abs(given) < 1e-37 ? 1 : 6; precision < 9; precision++) {
    const near = Number(given.toPrecision(precision))
    if (Math.fround(near) === given) return String(near)
  }
  return String(Number(given.toPrecision(9)))
}

/** Its digits with the point where the scale says; a scale below zero adds zeros. */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : ''
  const digits = String(unscaled < 0n ? -unscaled : unscaled)
  if (scale <= 0) return unscaled === 0n ? '0' : sign + digits + '0'.repeat(-scale)
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}
