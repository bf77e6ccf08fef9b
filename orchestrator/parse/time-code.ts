/** A pattern's steps as numbers, two a step, so that one loop reads them (time-pattern.ts). */
import type { FormatStep } from '../connector/format.ts'
import { bytesOf } from './tables.ts'
import { COLON, MINUTES, WITH_Z } from './zone-text.ts'

/** One byte, which is the operand. */
export const LITERAL = 0
/** A field of two digits, of one or two, of four. */
export const TWO = 1
export const ONE_OR_TWO = 2
export const FOUR = 3
/** Years 2000 to 2099. */
export const CENTURY = 4
/** Names of three letters (operand 0) or whole (1). */
export const MONTH_NAME = 5
export const WEEKDAY_NAME = 6
/** AM or PM. */
export const HALF_NAME = 7
/** So many digits. */
export const FRACTION_DIGITS = 8
/** An offset in a style of zone-text.ts. */
export const OFFSET = 9
export const ZONE_NAME = 10
export const ABBREVIATION = 11
/** A section that may be there begins; the operand is the code behind its END. */
export const SECTION = 12
export const END = 13

/** Fields, as places in an array and as bits of what was seen. CLOCK is an hour that counts to 12. */
export const YEAR = 0
export const MONTH = 1
export const DAY = 2
export const HOUR = 3
export const MINUTE = 4
export const SECOND = 5
export const HALF = 6
export const WEEKDAY = 7
export const CLOCK = 8
export const FRACTION = 9
export const ZONE = 10

const CODES: Record<string, [op: number, operand: number]> = {
  yyyy: [FOUR, YEAR],
  uuuu: [FOUR, YEAR],
  yy: [CENTURY, YEAR],
  MM: [TWO, MONTH],
  M: [ONE_OR_TWO, MONTH],
  MMM: [MONTH_NAME, 0],
  MMMM: [MONTH_NAME, 1],
  dd: [TWO, DAY],
  d: [ONE_OR_TWO, DAY],
  EEE: [WEEKDAY_NAME, 0],
  EEEE: [WEEKDAY_NAME, 1],
  HH: [TWO, HOUR],
  H: [ONE_OR_TWO, HOUR],
  hh: [TWO, CLOCK],
  h: [ONE_OR_TWO, CLOCK],
  a: [HALF_NAME, 0],
  mm: [TWO, MINUTE],
  m: [ONE_OR_TWO, MINUTE],
  ss: [TWO, SECOND],
  s: [ONE_OR_TWO, SECOND],
  XXX: [OFFSET, WITH_Z | MINUTES | COLON],
  XX: [OFFSET, WITH_Z | MINUTES],
  X: [OFFSET, WITH_Z],
  xxx: [OFFSET, MINUTES | COLON],
  xx: [OFFSET, MINUTES],
  x: [OFFSET, 0],
  Z: [OFFSET, MINUTES],
  z: [ABBREVIATION, 0],
  VV: [ZONE_NAME, 0],
}

export function codeOf(steps: readonly FormatStep[]): number[] {
  const code: number[] = []
  append(steps, code)
  return code
}

function append(steps: readonly FormatStep[], code: number[]): void {
  for (const step of steps) {
    if (step.step === 'literal') for (const byte of bytesOf(step.text)) code.push(LITERAL, byte)
    else if (step.step === 'field') code.push(...(CODES[step.letters] ?? [FRACTION_DIGITS, step.letters.length]))
    else {
      const operand = code.push(SECTION, 0) - 1
      append(step.steps, code)
      code.push(END, 0)
      code[operand] = code.length
    }
  }
}
