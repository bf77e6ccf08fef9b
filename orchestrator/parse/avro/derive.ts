/** The columns of a file that nobody named any for: each field is one, of the type that it has. */
import type { Column, ColumnType } from '../../connector/definition.ts'
import { MAX_PRECISION } from '../../connector/types.ts'
import { checkDerived, derivedColumn, undeclared } from '../derived.ts'
import { recursiveTypes } from './recursive.ts'
import type { Type } from './types.ts'

/** Types inside of types, as many as connector.yaml takes. */
const MAX_DEPTH = 32
/** Inner types in all: a few records, each with the one before in it twice, are millions once they are written out. */
const MAX_TYPES = 50_000

const JSON_TYPE: ColumnType = { kind: 'json' }

/** FragmentError `fragment.unsupported` when they cannot be columns. */
export function deriveColumns(root: Type): Column[] {
  if (root.kind !== 'record') throw undeclared('its records are of several types')
  const derivation = new Derivation(recursiveTypes(root))
  const columns = root.fields.map(({ name, type }) => {
    const { inner, nullable } = unwrapped(type)
    return derivedColumn(name, derivation.type(inner, 0), nullable)
  })
  checkDerived(columns)
  return columns
}

/** Of a union of null and one other type that one. */
function unwrapped(type: Type): { inner: Type; nullable: boolean } {
  if (type.kind !== 'union') return { inner: type, nullable: type.kind === 'null' }
  const others = type.branches.filter(({ kind }) => kind !== 'null')
  const nullable = others.length < type.branches.length
  return { inner: others.length === 1 ? others[0]! : type, nullable }
}

class Derivation {
  private readonly recursive: Set<Type>
  private types = 0

  constructor(recursive: Set<Type>) {
    this.recursive = recursive
  }

  type(given: Type, depth: number): ColumnType {
    if (depth > 0 && ++this.types > MAX_TYPES)
      throw undeclared(`it has more than ${MAX_TYPES} types inside of each other`)
    const { inner } = unwrapped(given)
    const { kind, fields } = inner
    if (kind !== 'record' && kind !== 'array' && kind !== 'map') return scalarType(inner)
    // What contains itself has no end when it is written out.
    if (depth === MAX_DEPTH || this.recursive.has(inner) || (kind === 'record' && fields.length === 0)) return JSON_TYPE
    if (kind === 'array') return { kind: 'list', element: this.type(inner.items!, depth + 1) }
    if (kind === 'map') return { kind: 'map', value: this.type(inner.items!, depth + 1) }
    return { kind: 'struct', fields: fields.map(({ name, type }) => ({ name, type: this.type(type, depth + 1) })) }
  }
}

function scalarType({ kind, logical }: Type): ColumnType {
  switch (logical?.kind) {
    case 'decimal': {
      const { precision, scale } = logical
      return precision <= MAX_PRECISION ? { kind: 'decimal', precision, scale } : { kind: 'string' }
    }
    case 'date':
    case 'timestamp':
      return { kind: logical.kind }
    case 'time':
    case 'uuid':
      return { kind: 'string' }
  }
  switch (kind) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'string':
      return { kind }
    case 'bytes':
    case 'fixed':
      return { kind: 'binary' }
    case 'enum':
      return { kind: 'string' }
    default:
      return JSON_TYPE
  }
}
