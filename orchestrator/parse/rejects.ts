/** Why a record cannot be published, in words: what the value is, what was expected. */
import { isUtf8 } from 'node:buffer'
import type { RowCode } from '../errors.ts'
import type { ProgramColumn, ProgramValue } from './program.ts'

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

/** What is wrong with a value; its column is added by whoever knows it. */
export function wrongValue(value: ProgramValue, text: string): Bad {
  return {
    code: 'row.value',
    message: `${shown(text)} is no ${value.typeName}; expected ${EXPECTED[value.type.kind]}`,
  }
}

export function outOfRange(value: ProgramValue, text: string): Bad {
  return { code: 'row.range', message: `${shown(text)} does not fit ${value.typeName}` }
}

export const NULL_VALUE: Bad = {
  code: 'row.null',
  message: 'null, or nothing there, in a column that is not nullable',
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

const EXPECTED: Record<ProgramValue['type']['kind'], string> = {
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
  list: 'a JSON array',
  map: 'a JSON object',
  struct: 'a JSON object',
}
