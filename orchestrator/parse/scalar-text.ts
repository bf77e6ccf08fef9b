/** A text to a scalar's NDJSON by the full rules of its type. */
import { base64Of } from './binary-text.ts'
import { JsonScanner, withoutSpace } from './json-scanner.ts'
import { decimalText, integerText, realText } from './numbers.ts'
import type { ProgramValue } from './program.ts'
import { type Bad, outOfRange, skippedTime, wrongValue } from './rejects.ts'
import { isSpace } from './tables.ts'
import { timesOf } from './time-reader.ts'
import { wordText } from './word-reader.ts'

/** NDJSON text, or why there is none. Trims when the column says so. Not for lists, maps and structs. */
export function scalarText(value: ProgramValue, given: string): string | Bad {
  const text = value.trim ? trimmed(given) : given
  switch (value.type.kind) {
    case 'string':
      return text.isWellFormed() ? JSON.stringify(text) : wrongValue(value, text)
    case 'boolean':
      return (value.words ? wordText(value.words, text) : booleanText(text)) ?? wrongValue(value, text)
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
    case 'timestamp':
      return timeText(value, text)
    case 'binary': {
      const base64 = base64Of(text, value.encoding)
      return base64 === undefined ? wrongValue(value, text) : `"${base64}"`
    }
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

function timeText(value: ProgramValue, text: string): string | Bad {
  const times = timesOf(value)
  const result = times.text(text)
  if (result !== undefined) return result
  if (times.refusal === 'gap') return skippedTime(text, times.zone.name)
  return times.refusal === 'range' ? outOfRange(value, text) : wrongValue(value, text)
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
