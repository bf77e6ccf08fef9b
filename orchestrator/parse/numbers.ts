/**
 * Numbers by grammar and range, digit for digit (promise 7): `Number` rounds, so it is asked one thing only, whether a
 * float so far out is finite and not zero.
 *
 * `endOf…` is the fast grammar, over bytes: where a number that can be published as it stands ends, or -1. They read no
 * further than the first byte that does not belong to the number. `…Text` is the whole grammar, over text.
 */
import type { ProgramValue } from './program.ts'

const MINUS = 45
const ZERO = 48

/** `-?(0|[1-9][0-9]*)` within the column's range; "-0" is left to the slow path. */
export function endOfInteger(b: Uint8Array, start: number, most: Uint8Array, least: Uint8Array): number {
  let i = start
  const negative = b[i] === MINUS
  if (negative) i++
  if (b[i] === ZERO) return negative || (b[i + 1]! - ZERO) >>> 0 <= 9 ? -1 : i + 1
  const first = i
  while ((b[i]! - ZERO) >>> 0 <= 9) i++
  const digits = i - first
  if (digits === 0 || digits > most.length) return -1
  if (digits < most.length) return i
  const limit = negative ? least : most
  for (let d = 0; d < digits; d++) {
    const difference = b[first + d]! - limit[d]!
    if (difference !== 0) return difference < 0 ? i : -1
  }
  return i
}

/** As JSON writes a number, with `point` as decimal separator, and surely neither infinite nor zero by underflow. */
export function endOfReal(b: Uint8Array, start: number, point: number, isFloat: boolean): number {
  let i = start
  if (b[i] === MINUS) i++
  if (b[i] === ZERO) i++
  else {
    if ((b[i]! - ZERO) >>> 0 > 9) return -1
    do i++
    while ((b[i]! - ZERO) >>> 0 <= 9)
  }
  if (b[i] === point) {
    i++
    if ((b[i]! - ZERO) >>> 0 > 9) return -1
    do i++
    while ((b[i]! - ZERO) >>> 0 <= 9)
  }
  // 30 digits and an exponent of 8 stay within a float, 100 digits and an exponent of 200 within a double.
  if (i - start > (isFloat ? 30 : 100)) return -1
  if ((b[i]! | 32) !== 101) return i
  i++
  if (b[i] === MINUS || b[i] === 43) i++
  const first = i
  let exponent = 0
  while ((b[i]! - ZERO) >>> 0 <= 9 && i - first < 4) exponent = exponent * 10 + b[i++]! - ZERO
  return i === first || exponent > (isFloat ? 8 : 200) || (b[i]! - ZERO) >>> 0 <= 9 ? -1 : i
}

/** `-?(0|[1-9][0-9]*)([.][0-9]+)?` with no more digits than the column has. */
export function endOfDecimal(b: Uint8Array, start: number, point: number, integer: number, fraction: number): number {
  let i = start
  if (b[i] === MINUS) i++
  const first = i
  if (b[i] === ZERO) i++
  else {
    while ((b[i]! - ZERO) >>> 0 <= 9) i++
    if (i === first || i - first > integer) return -1
  }
  if (b[i] !== point) return i
  const mark = ++i
  while ((b[i]! - ZERO) >>> 0 <= 9) i++
  return i === mark || i - mark > fraction ? -1 : i
}

/** A decimal separator that is not a point becomes one. */
export function restorePoint(bytes: Uint8Array, start: number, end: number, point: number): void {
  for (let k = start; k < end; k++) if (bytes[k] === point) bytes[k] = 46
}

interface Digits {
  sign: '' | '-'
  /** Without leading zeros; '' for zero. */
  integer: string
  fraction: string
  /** `e5`, `E-3`, or ''. */
  exponent: string
}

/** Any number of section 4 of the reference, or undefined. Thousands must be whole groups of three. */
function digitsOf(text: string, { decimalSeparator, thousandsSeparator }: ProgramValue): Digits | undefined {
  const sign = text.startsWith('-') ? '-' : ''
  let rest = sign || text.startsWith('+') ? text.slice(1) : text
  const exponent = /[eE][-+]?[0-9]+$/.exec(rest)?.[0] ?? ''
  rest = rest.slice(0, rest.length - exponent.length)
  const at = rest.indexOf(decimalSeparator)
  const fraction = at < 0 ? '' : rest.slice(at + decimalSeparator.length)
  let integer = at < 0 ? rest : rest.slice(0, at)
  if (thousandsSeparator !== '' && integer.includes(thousandsSeparator)) {
    const [first, ...groups] = integer.split(thousandsSeparator)
    if (!/^[0-9]{1,3}$/.test(first!) || !groups.every((group) => /^[0-9]{3}$/.test(group))) return undefined
    integer = first + groups.join('')
  }
  if (!/^[0-9]*$/.test(integer) || !/^[0-9]*$/.test(fraction) || integer + fraction === '') return undefined
  return { sign, integer: integer.replace(/^0+/, ''), fraction, exponent }
}

export function integerText(text: string, column: ProgramValue): string | 'value' | 'range' {
  const digits = digitsOf(text, column)
  if (digits?.exponent !== '' || digits.fraction !== '') return 'value'
  const { sign, integer } = digits
  // "1." is no integer: it says that a fraction is possible.
  if (text.endsWith(column.decimalSeparator)) return 'value'
  if (integer === '') return '0'
  const limit = String.fromCharCode(...(sign ? column.least : column.most))
  if (integer.length > limit.length || (integer.length === limit.length && integer > limit)) return 'range'
  return sign + integer
}

export function realText(text: string, column: ProgramValue): string | 'value' | 'range' {
  const digits = digitsOf(text, column)
  if (!digits) return 'value'
  const { sign, integer, fraction, exponent } = digits
  const published = sign + (integer || '0') + (fraction && `.${fraction}`) + exponent
  const near = column.type.kind === 'float' ? Math.fround(Number(published)) : Number(published)
  const isZero = integer === '' && /^0*$/.test(fraction)
  return Number.isFinite(near) && (near !== 0 || isZero) ? published : 'range'
}

/** The number without quotes around it. An exponent is worked in by moving the point. */
export function decimalText(text: string, column: ProgramValue): string | 'value' | 'range' {
  const digits = digitsOf(text, column)
  if (!digits) return 'value'
  let { sign, integer, fraction } = digits
  if (digits.exponent !== '') {
    const shift = Number(digits.exponent.slice(1))
    const isZero = integer === '' && /^0*$/.test(fraction)
    // More places than the number and the widest decimal have together: out of range, and never built.
    if (Math.abs(shift) > integer.length + fraction.length + 100) return isZero ? `${sign}0` : 'range'
    ;[integer, fraction] = shift >= 0 ? shiftRight(integer, fraction, shift) : shiftLeft(integer, fraction, -shift)
  }
  if (fraction.length > column.fractionDigits) {
    if (/[1-9]/.test(fraction.slice(column.fractionDigits))) return 'range'
    fraction = fraction.slice(0, column.fractionDigits)
  }
  if (integer.length > column.integerDigits) return 'range'
  return sign + (integer || '0') + (fraction && `.${fraction}`)
}

function shiftRight(integer: string, fraction: string, places: number): [string, string] {
  const padded = fraction.padEnd(places, '0')
  return [(integer + padded.slice(0, places)).replace(/^0+/, ''), padded.slice(places)]
}

function shiftLeft(integer: string, fraction: string, places: number): [string, string] {
  const padded = integer.padStart(places, '0')
  const cut = padded.length - places
  return [padded.slice(0, cut).replace(/^0+/, ''), padded.slice(cut) + fraction]
}
