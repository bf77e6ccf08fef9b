/** A text to a scalar's NDJSON by the full rules of its type. */
import { JsonScanner, withoutSpace } from './json-scanner.ts'
import { decimalText, integerText, realText } from './numbers.ts'
import type { ProgramValue } from './program.ts'
import { type Bad, outOfRange, wrongValue } from './rejects.ts'
import { isDate, timestampText } from './times.ts'

/** NDJSON text, or why there is none. Trims when the column says so. Not for lists, maps and structs. */
export function scalarText(value: ProgramValue, given: string): string | Bad {
  const text = value.trim ? trimmed(given) : given
  switch (value.type.kind) {
    case 'string':
      return text.isWellFormed() ? JSON.stringify(text) : wrongValue(value, text)
    case 'boolean':
      return booleanText(text) ?? wrongValue(value, text)
    case 'byte':
    case 'short':
    case 'int':
    case 'long':
      return checked(integerText(text, value), '', value, text)
    case 'float':
    case 'double':
      return checked(realText(text, value), '', value, text)
    case 'decimal':
      return checked(decimalText(text, value), '"', value, text)
    case 'date':
      return isDate(text) ? `"${text}"` : wrongValue(value, text)
    case 'timestamp':
      return checked(timestampText(text), '"', value, text)
    case 'binary':
      return isBase64(text) ? `"${text}"` : wrongValue(value, text)
    case 'json':
      return jsonText(text) ?? wrongValue(value, text)
    default:
      return wrongValue(value, text)
  }
}

/** Without the spaces and tabs around it. */
export function trimmed(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9
}

function checked(result: string | 'value' | 'range', quote: string, value: ProgramValue, text: string): string | Bad {
  if (result === 'value') return wrongValue(value, text)
  return result === 'range' ? outOfRange(value, text) : quote + result + quote
}

function booleanText(text: string): 'true' | 'false' | undefined {
  if (text.length > 5) return undefined
  switch (text.toLowerCase()) {
    case 'true':
    case 't':
    case 'yes':
    case 'y':
    case '1':
      return 'true'
    case 'false':
    case 'f':
    case 'no':
    case 'n':
    case '0':
      return 'false'
    default:
      return undefined
  }
}

/** Padded base64 that says nothing but its bytes: unused bits must be zero, so that the same bytes come back. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && Buffer.from(text, 'base64').toString('base64') === text
}

function jsonText(text: string): string | undefined {
  const bytes = Buffer.alloc(Buffer.byteLength(text) + 1)
  const end = bytes.write(text)
  const scanner = new JsonScanner()
  const start = scanner.space(bytes, 0)
  const i = scanner.value(bytes, start, 0)
  if (i < 0 || scanner.space(bytes, i) !== end) return undefined
  return Buffer.from(withoutSpace(bytes, start, i)).toString()
}
