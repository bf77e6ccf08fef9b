/**
 * Which column may use its fast grammar in a dialect: only one that stops at what ends a cell. With "," for delimiter and
 * decimal separator, 1,5 is two cells; with a space for delimiter 2024-01-31 10:00:00 is two.
 */
import {
  BOOLEAN,
  DATE,
  DECIMAL,
  INTEGER,
  type ProgramColumn,
  type ProgramValue,
  READ,
  REAL,
  TIMESTAMP,
} from './program.ts'
import { bytesOf } from './tables.ts'
import { placesOfValue } from './time-fixed.ts'
import type { Dialect } from './xsv-dialect.ts'

/** The steps of cells that no column uses, and of those that have no fast grammar here. */
export const UNUSED = 100
export const NONE = 101

const DIGITS = '0123456789'
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

export interface Grammars {
  /** Ops by column: of cells without quotes, and within quotes. */
  unquoted: Uint8Array
  quoted: Uint8Array
}

export function grammarsOf(columns: readonly ProgramColumn[], { delimiter, quote, escapeByte }: Dialect): Grammars {
  const without = (ends: number[]) =>
    Uint8Array.from(columns, (column) => (takenBytes(column).some((byte) => ends.includes(byte)) ? NONE : column.op))
  return { unquoted: without([delimiter]), quoted: without([quote, escapeByte]) }
}

/** The bytes that the column's fast grammar may take for part of a value. */
function takenBytes(value: ProgramValue): number[] {
  switch (value.op) {
    case INTEGER:
      return [...bytesOf(`-${DIGITS}`)]
    case REAL:
      return [value.point, ...bytesOf(`-+eE${DIGITS}`)]
    case DECIMAL:
      return [value.point, ...bytesOf(`-${DIGITS}`)]
    case BOOLEAN:
      return [...bytesOf(`01${LETTERS}`)]
    case DATE:
      return [...bytesOf(`-${DIGITS}`)]
    case TIMESTAMP:
      return [...bytesOf(`-:. tTZ${DIGITS}`)]
    // In TypeScript a cell is cut before it is read.
    case READ:
      return [...bytesOf(DIGITS), ...(placesOfValue(value)?.template ?? [])]
    default:
      return []
  }
}
