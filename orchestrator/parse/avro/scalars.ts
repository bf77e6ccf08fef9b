/** Values that are not nested, from where the cursor stands to NDJSON: no text in between but for rare ones. */
import { outOfRange, wrongValue } from '../rejects.ts'
import { bytesOf } from '../tables.ts'
import {
  writeBase64,
  writeDate,
  writeDecimal,
  writeDouble,
  writeFloat,
  writeMoment,
  writeTime,
  writeUuid,
  writeWhole,
} from '../typed-digits.ts'
import { NULL, WRITTEN } from '../typed-rows.ts'
import type { TypedValues } from '../typed-values.ts'
import type { Cursor } from './cursor.ts'
import {
  BYTES,
  DAY,
  DOUBLE,
  FLOAT,
  MOMENT,
  NOTHING,
  NUMBER,
  type Plan,
  SYMBOL,
  TEXT,
  TIME,
  TRUTH,
  UUID,
  WHOLE,
} from './plan.ts'
import type { Type } from './types.ts'

/** About 600 digits; making digits of more takes more than a moment. */
const MAX_DECIMAL_BYTES = 256

/** NULL or WRITTEN. */
export function writeScalar(cursor: Cursor, values: TypedValues, plan: Plan): number {
  const { action, value, isPlain } = plan
  switch (action) {
    case NOTHING:
      return NULL
    case TRUTH:
      values.boolean(value, cursor.boolean())
      break
    case WHOLE: {
      const n = plan.type.kind === 'int' ? cursor.int() : cursor.long()
      if (isPlain && n >= plan.least && n <= plan.most) writeWhole(values, n)
      else values.integer(value, Number.isNaN(n) ? cursor.big : n)
      break
    }
    case FLOAT: {
      const n = cursor.float()
      if (!(isPlain && writeFloat(values, n))) values.real(value, n, true)
      break
    }
    case DOUBLE: {
      const n = cursor.double()
      if (!(isPlain && writeDouble(values, n))) values.real(value, n, false)
      break
    }
    case TEXT: {
      const length = cursor.length()
      const start = cursor.take(length)
      values.utf8(value, cursor.b, start, start + length)
      break
    }
    case BYTES: {
      const length = lengthOf(cursor, plan.type)
      const start = cursor.take(length)
      if (isPlain) writeBase64(values, cursor.b, start, start + length)
      else values.binary(value, cursor.b, start, start + length)
      break
    }
    case SYMBOL:
      writeSymbol(cursor, values, plan)
      break
    case NUMBER:
      writeNumber(cursor, values, plan)
      break
    case DAY: {
      const days = cursor.int()
      if (!(isPlain && writeDate(values, days))) values.date(value, days)
      break
    }
    case TIME: {
      const ticks = cursor.long()
      if (!(isPlain && writeTime(values, ticks, plan.digits))) values.time(value, bigOf(cursor, ticks), plan.digits)
      break
    }
    case MOMENT: {
      const ticks = cursor.long()
      if (isPlain && writeMoment(values, ticks, plan.digits)) break
      values.timestamp(value, bigOf(cursor, ticks), plan.digits, plan.isLocal)
      break
    }
    case UUID: {
      const start = cursor.take(16)
      if (isPlain) writeUuid(values, cursor.b, start)
      else values.text(value, hex(cursor.b, start, start + 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'))
      break
    }
    default:
      throw new TypeError(`no scalar: action ${action}`)
  }
  return WRITTEN
}

function lengthOf(cursor: Cursor, type: Type): number {
  return type.kind === 'fixed' ? type.size : cursor.length()
}

function bigOf(cursor: Cursor, n: number): bigint {
  return Number.isNaN(n) ? cursor.big : BigInt(n)
}

function hex(b: Uint8Array, start: number, end: number): string {
  return Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('hex')
}

function writeSymbol(cursor: Cursor, values: TypedValues, { type, value, isPlain }: Plan): void {
  const { symbols, written } = type
  const at = cursor.index(symbols.length)
  if (!isPlain) values.text(value, symbols[at]!)
  else {
    written[at] ??= bytesOf(JSON.stringify(symbols[at]))
    values.write(written[at])
  }
}

/** A decimal: two's complement, the first byte first. */
function writeNumber(cursor: Cursor, values: TypedValues, plan: Plan): void {
  const { b } = cursor
  const { value, digits } = plan
  const length = lengthOf(cursor, plan.type)
  let at = cursor.take(length)
  const end = at + length
  if (length === 0) {
    values.wrong(wrongValue(value, ''))
    return
  }
  // First bytes that only repeat the sign say nothing.
  const sign = b[at]! >> 7
  while (end - at > 1 && b[at] === (sign === 1 ? 255 : 0) && b[at + 1]! >> 7 === sign) at++
  const bytes = end - at
  if (plan.isPlain && bytes <= 6) {
    let n = b[at]! - (sign << 8)
    for (let k = at + 1; k < end; k++) n = n * 256 + b[k]!
    if (n >= plan.least && n <= plan.most) {
      writeDecimal(values, n, digits)
      return
    }
  }
  if (bytes > MAX_DECIMAL_BYTES) values.wrong(outOfRange(value, `a decimal of ${bytes} bytes`))
  else values.decimal(value, BigInt.asIntN(bytes * 8, BigInt(`0x${hex(b, at, end)}`)), digits)
}
