/** Why a record cannot be published, in words: what the value is, what was expected. */
import { isUtf8 } from 'node:buffer'
import type { RowCode } from '../errors.ts'
import type { ProgramColumn } from './program.ts'

const MESSAGE_LENGTH = 200
const VALUE_LENGTH = 80

export interface Bad {
  code: RowCode
  message: string
  column?: ProgramColumn
  /** True: not the row but the fragment is to fail. */
  fatal?: boolean
}

/** At most 200 characters (promise 5: no message is as long as its value). */
export function describe({ message }: Bad): string {
  return message.length <= MESSAGE_LENGTH ? message : `${message.slice(0, MESSAGE_LENGTH - 1).toWellFormed()}…`
}

/** The text, shortened, so that it can be shown. */
export function shown(text: string): string {
  const cut = text.length > VALUE_LENGTH
  return JSON.stringify(cut ? text.slice(0, VALUE_LENGTH).toWellFormed() : text) + (cut ? '…' : '')
}

export function wrongValue(column: ProgramColumn, text: string): Bad {
  return ofColumn(
    column,
    'row.value',
    `${shown(text)} is no ${column.typeName}; expected ${EXPECTED[column.type.kind]}`,
  )
}

export function outOfRange(column: ProgramColumn, text: string): Bad {
  return ofColumn(column, 'row.range', `${shown(text)} does not fit ${column.typeName}`)
}

export function nullValue(column: ProgramColumn): Bad {
  return ofColumn(column, 'row.null', 'null, or nothing there, in a column that is not nullable')
}

function ofColumn(column: ProgramColumn, code: RowCode, message: string): Bad {
  return { code, message, column, fatal: column.onInvalid === 'fail' }
}

export function tooLong(what: 'record' | 'row', limit: number): Bad {
  const unit = what === 'record' ? 'the record is' : 'as NDJSON the row is'
  return { code: 'row.too_long', message: `${unit} longer than ${limit} bytes` }
}

export function wrongEncoding(record: Uint8Array): Bad {
  // Once the first bytes are invalid all longer ones are: bisection finds where, but for the last character.
  let [good, bad] = [0, record.length]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (startsWell(record.subarray(0, middle))) good = middle
    else bad = middle
  }
  while (good > 0 && !isUtf8(record.subarray(0, good))) good--
  const byte = record[good]!.toString(16).padStart(2, '0')
  return { code: 'row.encoding', message: `no valid UTF-8 at byte ${good} of the record (0x${byte})` }
}

/** UTF-8, but for a character that the end cuts. */
function startsWell(bytes: Uint8Array): boolean {
  for (let back = 0; back <= 3 && back <= bytes.length; back++) {
    if (isUtf8(bytes.subarray(0, bytes.length - back))) return true
  }
  return false
}

const EXPECTED: Record<string, string> = {
  boolean: 'true, t, yes, y, 1 or false, f, no, n, 0',
  byte: 'digits, with or without a sign',
  short: 'digits, with or without a sign',
  int: 'digits, with or without a sign',
  long: 'digits, with or without a sign',
  float: 'a number',
  double: 'a number',
  decimal: 'a number',
  string: 'text',
  binary: 'padded base64',
  date: 'YYYY-MM-DD',
  timestamp: 'an RFC 3339 time',
  json: 'a JSON value',
}
