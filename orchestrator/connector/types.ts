/** Column types as connector.yaml writes them: `long`, `decimal(12,2)`. */

import { didYouMean } from '../nearest.ts'
import type { ColumnType } from './definition.ts'

export const SIMPLE_TYPES = [
  'boolean',
  'byte',
  'short',
  'int',
  'long',
  'float',
  'double',
  'string',
  'binary',
  'date',
  'timestamp',
  'json',
] as const

/** Most digits of a decimal, as in Spark, Parquet and Avro. */
export const MAX_PRECISION = 38

const SUPPORTED = `${SIMPLE_TYPES.join(', ')}, decimal(precision,scale)`

/** The type, or what is wrong with `text`. */
export function parseType(text: string): ColumnType | { problem: string } {
  const simple = SIMPLE_TYPES.find((kind) => kind === text)
  if (simple) return { kind: simple }
  if (/^decimal\b/.test(text)) return parseDecimal(text)
  if (/^(list|map)\s*<|^struct\s*\{/.test(text) || ['list', 'map', 'struct'].includes(text)) {
    return { problem: `type ${text} is not supported yet; supported: ${SUPPORTED}. A nested value can be kept as json` }
  }
  const hint = didYouMean(text, [...SIMPLE_TYPES, 'decimal'])
  return { problem: `unknown type "${text}"; expected one of ${SUPPORTED}${hint}` }
}

function parseDecimal(text: string): ColumnType | { problem: string } {
  const found = /^decimal\(\s*(\d{1,3})\s*(?:,\s*(\d{1,3})\s*)?\)$/.exec(text)
  if (!found) return { problem: `"${text}" is no decimal type; expected decimal(precision,scale), as in decimal(12,2)` }
  const [precision, scale] = [Number(found[1]), Number(found[2] ?? 0)]
  if (precision < 1 || precision > MAX_PRECISION || scale > precision) {
    return {
      problem: `"${text}": expected a precision of 1 to ${MAX_PRECISION} and a scale of at most the precision`,
    }
  }
  return { kind: 'decimal', precision, scale }
}

/** The type as connector.yaml writes it. */
export function formatType(type: ColumnType): string {
  return type.kind === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.kind
}
