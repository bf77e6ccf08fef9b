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
    message: `${shown(text)} is no ${value.typeName}; expected ${value.expected}`,
  }
}

export function outOfRange(value: ProgramValue, text: string): Bad {
  return { code: 'row.range', message: `${shown(text)} does not fit ${value.typeName}` }
}

/** A local time in the hour that a clock skips in spring. */
export function skippedTime(text: string, zone: string): Bad {
  return { code: 'row.value', message: `${shown(text)} never was: the clock of ${zone} skips that time` }
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
