/** A column's default: from what the YAML says to NDJSON text, by one small rule per type. Digits are kept as written. */
import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import type { ColumnType } from './definition.ts'
import { formatType } from './types.ts'

/** NDJSON text, or what is wrong. `node` is how the YAML wrote it: numbers are taken as their source text. */
export function encodeDefault(type: ColumnType, node: Node): { text: string } | { problem: string } {
  if (type.kind === 'json') {
    const text = jsonText(node)
    return text === undefined ? { problem: wrong(type, node, 'a JSON value') } : { text }
  }
  if (type.kind === 'list' || type.kind === 'map' || type.kind === 'struct') return nestedDefault(type, node)
  if (!isScalar(node)) return { problem: wrong(type, node, EXPECTED[type.kind]) }
  const written = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
  if (isText(type) && typeof node.value !== 'string') {
    return {
      problem: `a default of a ${formatType(type)} column is text, found ${describe(node)}; write "${written}" in quotes`,
    }
  }
  const text = ENCODE[type.kind](written, type)
  return text === undefined ? { problem: wrong(type, node, EXPECTED[type.kind]) } : { text }
}

/** A list, map or struct of the YAML, its leaves by their own rules. A field of a struct that is not there is null. */
function nestedDefault(type: Nested, node: Node): { text: string } | { problem: string } {
  if (type.kind === 'list') {
    if (!isSeq(node)) return { problem: wrong(type, node, 'a list') }
    const items = node.items.map((item) => inner(type.element, item))
    return items.find((item) => 'problem' in item) ?? { text: `[${items.map((item) => item.text).join(',')}]` }
  }
  if (!isMap(node)) return { problem: wrong(type, node, 'a mapping') }
  const texts = new Map(type.kind === 'struct' ? type.fields.map(({ name }) => [name, 'null']) : [])
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : ''
    const of = type.kind === 'map' ? type.value : type.fields.find((field) => field.name === name)?.type
    if (!of)
      return { problem: `default does not fit type ${formatType(type)}: it has no field ${JSON.stringify(name)}` }
    const item = inner(of, value)
    if ('problem' in item) return item
    texts.set(name, item.text)
  }
  return { text: `{${Array.from(texts, ([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}` }
}

type Nested = Extract<ColumnType, { kind: 'list' | 'map' | 'struct' }>

function inner(type: ColumnType, node: unknown): { text: string } | { problem: string; text?: never } {
  if (isScalar(node) && node.value === null) return { text: 'null' }
  return encodeDefault(type, node as Node)
}

const isText = (type: ColumnType) => ['string', 'binary', 'date', 'timestamp'].includes(type.kind)

type Scalar = Exclude<ColumnType['kind'], 'json' | 'list' | 'map' | 'struct'>

const EXPECTED: Record<Scalar, string> = {
  boolean: 'true or false',
  byte: 'a whole number from -128 to 127',
  short: 'a whole number from -32768 to 32767',
  int: 'a whole number from -2147483648 to 2147483647',
  long: 'a whole number from -9223372036854775808 to 9223372036854775807',
  float: 'a number within the range of a float, as in 1.5',
  double: 'a number within the range of a double, as in 1.5',
  decimal: 'a number that fits precision and scale, as in 1.50',
  string: 'text',
  binary: 'padded base64, as in "AQID"',
  date: 'a day, as in "2026-01-31"',
  timestamp: 'a moment in UTC, as in "2026-01-31T12:00:00Z"',
}

const ENCODE: Record<Scalar, (text: string, type: ColumnType) => string | undefined> = {
  boolean: (text) => (text === 'true' || text === 'false' ? text : undefined),
  byte: whole(8n),
  short: whole(16n),
  int: whole(32n),
  long: whole(64n),
  float: real((value) => Math.fround(value)),
  double: real((value) => value),
  decimal,
  string: (text) => (text.isWellFormed() ? JSON.stringify(text) : undefined),
  binary: (text) => (Buffer.from(text, 'base64').toString('base64') === text ? JSON.stringify(text) : undefined),
  date: (text) => (isDay(text) ? JSON.stringify(text) : undefined),
  timestamp: (text) => {
    const found = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$/.exec(text)
    return found && isDay(found[1]!) ? JSON.stringify(text) : undefined
  },
}

function whole(bits: bigint) {
  return (text: string): string | undefined => {
    if (!/^-?(0|[1-9]\d{0,18})$/.test(text) || text === '-0') return undefined
    return BigInt.asIntN(Number(bits), BigInt(text)) === BigInt(text) ? text : undefined
  }
}

function real(nearestOf: (value: number) => number) {
  return (text: string): string | undefined => {
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text)) return undefined
    const value = nearestOf(Number(text))
    const isZero = !/[1-9]/.test(text.split(/e/i, 1)[0]!)
    // A number that is not zero and becomes zero cannot be represented: never rounded away (promise 7).
    return Number.isFinite(value) && (value !== 0 || isZero) ? text : undefined
  }
}

/** The scale stays as written: `1.5` stays "1.5" in decimal(10,2). */
function decimal(text: string, type: ColumnType): string | undefined {
  const found = /^-?(0|[1-9]\d*)(?:\.(\d+))?$/.exec(text)
  if (!found || type.kind !== 'decimal') return undefined
  const integer = found[1] === '0' ? 0 : found[1]!.length
  return integer <= type.precision - type.scale && (found[2] ?? '').length <= type.scale
    ? JSON.stringify(text)
    : undefined
}

function isDay(text: string): boolean {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
  if (!found || found[1] === '0000') return false
  const day = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)
}

/** JSON text of a YAML value, numbers as their digits; undefined for what JSON has no word for. */
function jsonText(node: unknown): string | undefined {
  if (isScalar(node)) {
    if (typeof node.value === 'number' || typeof node.value === 'bigint') {
      const digits = node.source ?? String(node.value)
      return /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(digits) ? digits : undefined
    }
    return JSON.stringify(node.value)
  }
  if (isSeq(node)) {
    const items = node.items.map(jsonText)
    return items.includes(undefined) ? undefined : `[${items.join(',')}]`
  }
  if (isMap(node)) {
    const pairs = node.items.map(({ key, value }) => {
      const text = jsonText(value)
      return text === undefined || !isScalar(key) ? undefined : `${JSON.stringify(String(key.value))}:${text}`
    })
    return pairs.includes(undefined) ? undefined : `{${pairs.join(',')}}`
  }
  return undefined
}

function wrong(type: ColumnType, node: Node, expected: string): string {
  return `default does not fit type ${formatType(type)}: expected ${expected}, found ${describe(node)}`
}

function describe(node: Node): string {
  if (isSeq(node)) return 'a list'
  if (isMap(node)) return 'a mapping'
  if (isAlias(node)) return 'an alias'
  if (!isScalar(node)) return 'something else'
  if (node.value === null) return 'null'
  return typeof node.value === 'string' ? JSON.stringify(node.value) : (node.source ?? String(node.value))
}
