/**
 * Column types as connector.yaml writes them: `long`, `decimal(12,2)`, `list<long>`, `map<string>`,
 * `struct{a: long, "b c": list<string>}`.
 */

import { didYouMean } from '../nearest.ts'
import type { ColumnType, StructField } from './definition.ts'

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
/** Types inside of types; data deeper than this is a json column. */
const MAX_DEPTH = 32

const SUPPORTED = `${SIMPLE_TYPES.join(', ')}, decimal(precision,scale), list<type>, map<type>, struct{name: type, …}`

/** The type, or what is wrong with `text`. */
export function parseType(text: string): ColumnType | { problem: string } {
  const reader = new TypeReader(text)
  try {
    const type = reader.type(0)
    reader.end()
    return type
  } catch (error) {
    if (error instanceof Wrong) return { problem: error.message }
    throw error
  }
}

/** The type as connector.yaml writes it; equal types are equal text. */
export function formatType(type: ColumnType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'list':
      return `list<${formatType(type.element)}>`
    case 'map':
      return `map<${formatType(type.value)}>`
    case 'struct':
      return `struct{${type.fields.map((field) => `${formatName(field.name)}: ${formatType(field.type)}`).join(', ')}}`
    default:
      return type.kind
  }
}

const PLAIN_NAME = /^[\p{L}_][\p{L}\p{N}_.-]*$/u

function formatName(name: string): string {
  return PLAIN_NAME.test(name) ? name : JSON.stringify(name)
}

class Wrong extends Error {}

class TypeReader {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  type(depth: number): ColumnType {
    if (depth > MAX_DEPTH) throw new Wrong(`types are nested deeper than ${MAX_DEPTH}; use json for the inner one`)
    const word = this.take(/[A-Za-z0-9_]+/y) ?? ''
    const simple = SIMPLE_TYPES.find((kind) => kind === word)
    if (simple) return { kind: simple }
    switch (word) {
      case 'decimal':
        return this.decimal()
      case 'list':
        return { kind: 'list', element: this.inside('list', depth) }
      case 'map':
        return { kind: 'map', value: this.inside('map', depth) }
      case 'struct':
        return { kind: 'struct', fields: this.fields(depth) }
      default: {
        const shown = word || this.text.slice(this.at, this.at + 20)
        const hint = didYouMean(word, [...SIMPLE_TYPES, 'decimal', 'list', 'map', 'struct'])
        throw new Wrong(`unknown type ${JSON.stringify(shown)}; expected one of ${SUPPORTED}${hint}`)
      }
    }
  }

  end(): void {
    if (this.take(/$/y) === undefined) {
      throw new Wrong(`unexpected ${JSON.stringify(this.text.slice(this.at))} behind the type`)
    }
  }

  private decimal(): ColumnType {
    const found = this.take(/\(\s*\d{1,3}\s*(,\s*\d{1,3}\s*)?\)/y)
    const shown = JSON.stringify(this.text)
    if (found === undefined)
      throw new Wrong(`${shown} is no decimal type; expected decimal(precision,scale), as in decimal(12,2)`)
    const [precision, scale] = [...found.matchAll(/\d+/g), ['0']].slice(0, 2).map(([digits]) => Number(digits))
    if (precision! < 1 || precision! > MAX_PRECISION || scale! > precision!)
      throw new Wrong(`${shown}: expected a precision of 1 to ${MAX_PRECISION} and a scale of at most the precision`)
    return { kind: 'decimal', precision: precision!, scale: scale! }
  }

  private inside(word: string, depth: number): ColumnType {
    this.expect('<', `${word}<type>, as in ${word}<string>`)
    const type = this.type(depth + 1)
    this.expect('>', `">" behind the type inside of ${word}`)
    return type
  }

  private fields(depth: number): StructField[] {
    this.expect('{', 'struct{name: type, …}, as in struct{id: long}')
    const fields: StructField[] = []
    const names = new Set<string>()
    do {
      const name = this.name()
      if (names.has(name)) throw new Wrong(`struct has the field ${JSON.stringify(name)} twice`)
      names.add(name)
      this.expect(':', `":" and a type behind the field ${JSON.stringify(name)}`)
      fields.push({ name, type: this.type(depth + 1) })
    } while (this.take(/,/y) !== undefined)
    this.expect('}', '"," or "}" behind a field of struct')
    return fields
  }

  private name(): string {
    const plain = this.take(/[\p{L}_][\p{L}\p{N}_.-]*/uy)
    if (plain !== undefined) return plain
    const quoted = this.take(/"(?:[^"\\]|\\.)*"/y)
    try {
      if (quoted !== undefined) return JSON.parse(quoted) as string
    } catch {
      // Said below.
    }
    throw new Wrong('expected the name of a field of struct; a name with other characters is written in double quotes')
  }

  private expect(mark: string, what: string): void {
    if (this.take(mark === '{' ? /\{/y : mark === '}' ? /\}/y : new RegExp(mark, 'y')) === undefined)
      throw new Wrong(`${JSON.stringify(this.text)}: expected ${what}`)
  }

  /** What the pattern finds here, behind white space. */
  private take(pattern: RegExp): string | undefined {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }
}
