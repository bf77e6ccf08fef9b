/** The narrowest type that takes all texts of one name: what is still possible shrinks with every one of them. */
import type { ColumnType } from '../connector/definition.ts'
import type { Fits } from './infer.ts'

/** Digits that every double keeps. */
const DOUBLE_DIGITS = 15
const MOST_PRECISION = 38

const WORDS = /^(true|false|t|f|yes|no|y|n)$/i
const WHOLE = /^[-+]?[0-9]+$/
const LEADING_ZERO = /^[-+]?0[0-9]/
const NUMBER = /^([-+]?)([0-9]*)(?:\.([0-9]*))?([eE][-+]?[0-9]+)?$/
const LONG: ColumnType = { kind: 'long' }

/** A day or moment, how it is written. */
interface TimeForm {
  type: ColumnType
  format: string | undefined
}

export interface TextGuess {
  type: ColumnType
  format: string | undefined
  reason: string
}

export class TextKind {
  private readonly fits: Fits
  private count = 0
  private isWords = true
  private isWhole = true
  private isLong = true
  private isNumber = true
  private hasExponent = false
  private hasLeadingZero = false
  /** Digits before and behind the point, most that were seen; significant ones of one number. */
  private integer = 0
  private fraction = 0
  private significant = 0
  private times: TimeForm[]

  constructor(fits: Fits, formats: readonly string[]) {
    this.fits = fits
    const kinds = ['date', 'timestamp'] as const
    this.times = [undefined, ...formats].flatMap((format) => kinds.map((kind) => ({ type: { kind }, format })))
  }

  /** `isFree`: a text without a type of its own, so it may also be a number or a word. */
  add(text: string, isFree: boolean): void {
    this.count++
    if (!isFree) this.isWords = this.isWhole = this.isNumber = false
    if (this.isWords) this.isWords = WORDS.test(text)
    if (this.isNumber) this.number(text)
    if (this.times.length > 0) this.times = this.times.filter(({ type, format }) => this.fits(text, type, format))
  }

  guess(): TextGuess {
    const plain = (type: ColumnType, reason: string): TextGuess => ({ type, format: undefined, reason })
    if (this.count === 0) return plain({ kind: 'string' }, 'no text was seen')
    if (this.isWords) return plain({ kind: 'boolean' }, 'words for true and false')
    if (this.isNumber) return this.numeric()
    const [first, ...others] = this.times
    if (!first) return plain({ kind: 'string' }, 'texts')
    const same = [first, ...others].filter(({ type }) => type.kind === first.type.kind)
    const orders = same.map(({ format }) => format).filter((format) => format !== undefined)
    if (first.format !== undefined && isAmbiguous(orders)) {
      return plain({ kind: 'string' }, `days or months first? ${orders.join(' and ')} both fit: choose a format`)
    }
    return {
      ...first,
      reason: first.format === undefined ? `ISO ${first.type.kind}s` : `all of the form ${first.format}`,
    }
  }

  private number(text: string): void {
    const found = NUMBER.exec(text)
    const [, , integer = '', fraction = '', exponent] = found ?? []
    if (!found || integer + fraction === '') {
      this.isNumber = false
      return
    }
    if (LEADING_ZERO.test(text)) this.hasLeadingZero = true
    this.isWhole &&= WHOLE.test(text)
    this.isLong &&= this.isWhole && this.fits(text, LONG, undefined)
    if (exponent) this.hasExponent = true
    this.integer = Math.max(this.integer, integer.replace(/^0+/, '').length)
    this.fraction = Math.max(this.fraction, fraction.length)
    this.significant = Math.max(this.significant, (integer + fraction).replace(/^0+/, '').length)
  }

  private numeric(): TextGuess {
    const plain = (type: ColumnType, reason: string): TextGuess => ({ type, format: undefined, reason })
    if (this.hasLeadingZero) return plain({ kind: 'string' }, 'digits with leading zeros, which a number would lose')
    if (this.isLong) return plain(LONG, 'whole numbers')
    const precision = this.integer + this.fraction
    if (this.isWhole) {
      return precision <= MOST_PRECISION
        ? plain({ kind: 'decimal', precision, scale: 0 }, 'whole numbers beyond 64 bits')
        : plain({ kind: 'string' }, `digits, more than the ${MOST_PRECISION} of a decimal`)
    }
    if (this.hasExponent || this.significant <= DOUBLE_DIGITS) {
      return plain({ kind: 'double' }, this.hasExponent ? 'numbers with exponents' : 'numbers with fractions')
    }
    return precision <= MOST_PRECISION
      ? plain({ kind: 'decimal', precision, scale: this.fraction }, `more digits than the ${DOUBLE_DIGITS} of a double`)
      : plain({ kind: 'string' }, `digits, more than the ${MOST_PRECISION} of a decimal`)
  }
}

/** The same texts read with the day first and with the month first. */
function isAmbiguous(formats: string[]): boolean {
  const first = (format: string) => Math.min(...['d', 'M'].map((letter) => `${format}${letter}`.indexOf(letter)))
  return new Set(formats.map((format) => format[first(format)])).size > 1
}
