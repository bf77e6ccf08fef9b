/** The schema that a file was written with: its JSON to types. */
import { FragmentError, messageOf } from '../../errors.ts'
import { logicalOf } from './logical.ts'
import { measure } from './measure.ts'
import { type Field, type Kind, makeType, type Type } from './types.ts'

const PRIMITIVES = new Set<string>(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])
/** Types written inside of types; the JSON of more is no schema that anybody wrote. */
const MAX_DEPTH = 128

/** FragmentError `fragment.container` says what is wrong with the schema, and where as a JSON Pointer. */
export function parseSchema(text: Uint8Array): Type {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text))
  } catch (error) {
    throw new FragmentError('fragment.container', `the file's schema is no JSON: ${messageOf(error, 200)}`)
  }
  const parser = new SchemaParser()
  const type = parser.type(json, '', '', 0)
  const problem = measure(parser.types)
  if (problem) throw wrong('', problem)
  return type
}

function wrong(path: string, problem: string): FragmentError {
  return new FragmentError('fragment.container', `the file's schema, at ${path.slice(0, 200) || 'its top'}: ${problem}`)
}

type Attributes = Record<string, unknown>

class SchemaParser {
  /** All types, each once. */
  readonly types: Type[] = []
  private readonly named = new Map<string, Type>()
  private readonly primitives = new Map<string, Type>()

  /** `space`: the namespace that names without one belong to. */
  type(json: unknown, space: string, path: string, depth: number): Type {
    if (depth > MAX_DEPTH) throw wrong(path, `types are nested deeper than ${MAX_DEPTH}`)
    if (typeof json === 'string') return this.reference(json, space, path)
    if (Array.isArray(json)) return this.union(json, space, path, depth)
    if (typeof json !== 'object' || json === null) throw wrong(path, `expected a type, found ${shown(json)}`)
    const given = json as Attributes
    const { type } = given
    if (typeof type !== 'string') return this.type(type, space, `${path}/type`, depth + 1)
    switch (type) {
      case 'record':
      case 'error':
        return this.record(given, space, path, depth)
      case 'enum':
        return this.define('enum', given, space, path).type
      case 'fixed':
        return this.define('fixed', given, space, path).type
      case 'array':
        return this.add('array', { items: this.type(given['items'], space, `${path}/items`, depth + 1) })
      case 'map':
        return this.add('map', { items: this.type(given['values'], space, `${path}/values`, depth + 1) })
      default:
        return PRIMITIVES.has(type) ? this.primitive(type as Kind, given) : this.reference(type, space, path)
    }
  }

  private primitive(kind: Kind, given: Attributes): Type {
    const logical = logicalOf(kind, 0, given)
    if (logical) return this.add(kind, { logical })
    const known = this.primitives.get(kind)
    if (known) return known
    const made = this.add(kind, {})
    this.primitives.set(kind, made)
    return made
  }

  private reference(name: string, space: string, path: string): Type {
    if (PRIMITIVES.has(name)) return this.primitive(name as Kind, {})
    // A name that its namespace does not know may have none: some writers forget to say so.
    const found = this.named.get(fullNameOf(name, space)) ?? this.named.get(name)
    if (!found) throw wrong(path, `the type ${shown(name)} is not defined before it is used`)
    return found
  }

  private union(json: unknown[], space: string, path: string, depth: number): Type {
    const branches = json.map((branch, at) => {
      if (Array.isArray(branch)) throw wrong(`${path}/${at}`, 'a union directly inside of a union')
      return this.type(branch, space, `${path}/${at}`, depth + 1)
    })
    return this.add('union', { branches })
  }

  private record(given: Attributes, space: string, path: string, depth: number): Type {
    const { type, inside } = this.define('record', given, space, path)
    const { fields } = given
    if (!Array.isArray(fields)) throw wrong(`${path}/fields`, `expected a list of fields, found ${shown(fields)}`)
    const names = new Set<string>()
    for (const [at, field] of fields.entries()) {
      const made = this.field(field, inside, `${path}/fields/${at}`, depth)
      if (names.has(made.name)) throw wrong(`${path}/fields/${at}`, `a second field named ${shown(made.name)}`)
      names.add(made.name)
      type.fields.push(made)
    }
    return type
  }

  private field(json: unknown, space: string, path: string, depth: number): Field {
    if (typeof json !== 'object' || json === null) throw wrong(path, `expected a field, found ${shown(json)}`)
    const { name, type, aliases } = json as Attributes
    return {
      name: checkedName(name, path),
      aliases: Array.isArray(aliases) ? aliases.filter((alias) => typeof alias === 'string') : [],
      type: this.type(type, space, `${path}/type`, depth + 1),
    }
  }

  /** A named type, known from here on, as its own fields may need it; `inside`: the namespace of names in it. */
  private define(kind: 'record' | 'enum' | 'fixed', given: Attributes, space: string, path: string) {
    const { name, namespace } = given
    const fullName = fullNameOf(checkedName(name, path), typeof namespace === 'string' ? namespace : space)
    if (this.named.has(fullName)) throw wrong(path, `the type ${shown(fullName)} is defined twice`)
    const size = kind === 'fixed' ? sizeOf(given['size'], path) : 0
    const symbols = kind === 'enum' ? symbolsOf(given['symbols'], path) : []
    const type = this.add(kind, { fullName, size, symbols, logical: logicalOf(kind, size, given) })
    this.named.set(fullName, type)
    return { type, inside: fullName.slice(0, Math.max(fullName.lastIndexOf('.'), 0)) }
  }

  private add(kind: Kind, more: Partial<Type>): Type {
    const type = makeType(kind, more)
    this.types.push(type)
    return type
  }
}

/** Any text: files in the wild have names that Avro's own rules forbid. */
function checkedName(name: unknown, path: string): string {
  if (typeof name === 'string' && name !== '' && name.isWellFormed()) return name
  throw wrong(`${path}/name`, `expected a name, found ${shown(name)}`)
}

function fullNameOf(name: string, space: string): string {
  return name.includes('.') || space === '' ? name : `${space}.${name}`
}

function sizeOf(size: unknown, path: string): number {
  if (Number.isSafeInteger(size) && (size as number) >= 0) return size as number
  throw wrong(`${path}/size`, `expected a number of bytes, found ${shown(size)}`)
}

function symbolsOf(symbols: unknown, path: string): string[] {
  if (!Array.isArray(symbols)) throw wrong(`${path}/symbols`, `expected a list of symbols, found ${shown(symbols)}`)
  const bad = symbols.findIndex((symbol) => typeof symbol !== 'string' || !symbol.isWellFormed())
  if (bad >= 0) throw wrong(`${path}/symbols/${bad}`, `expected a symbol, found ${shown(symbols[bad])}`)
  return symbols
}

function shown(json: unknown): string {
  if (json === undefined) return 'nothing'
  if (Array.isArray(json)) return 'a list'
  if (typeof json === 'object' && json !== null) return 'an object'
  const text = JSON.stringify(json)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
