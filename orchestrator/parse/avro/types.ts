/** What a file's schema says, resolved: a name has become the type it stands for, so types may go round in circles. */

export type Kind =
  | 'null'
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'bytes'
  | 'string'
  | 'fixed'
  | 'enum'
  | 'array'
  | 'map'
  | 'union'
  | 'record'

/** What the value means beyond its base type. `digits`: of a second's fraction. Unknown ones are no logical type. */
export type Logical =
  | { kind: 'decimal'; precision: number; scale: number }
  | { kind: 'date' }
  | { kind: 'time'; digits: number }
  /** `isLocal`: on a clock whose zone nobody told. */
  | { kind: 'timestamp'; digits: number; isLocal: boolean }
  | { kind: 'uuid' }

export interface Field {
  name: string
  aliases: string[]
  type: Type
}

/** How a value is passed over; for one whose `width` is not known beforehand. */
export const VARINT = 0
export const COUNTED = 1
export const ITEMS = 2
export const ENTRIES = 3
export const BRANCH = 4
export const STEPS = 5

/** One shape for all of them: the loops that read them see no other. */
export interface Type {
  kind: Kind
  logical: Logical | undefined
  /** A name with its namespace; '' for types that have none. */
  fullName: string
  /** FIXED: bytes. */
  size: number
  symbols: string[]
  /** The same as JSON; each from when it is first needed. */
  written: Uint8Array[]
  /** ARRAY: its items. MAP: its values. */
  items: Type | undefined
  branches: Type[]
  fields: Field[]
  /** Bytes that every value takes; -1 when they differ, and then none takes less than one. Set by `measure`. */
  width: number
  way: number
  /** RECORD without a width: what is passed over one by one, with all that has a width taken together. */
  steps: Type[]
}

const WAYS: Partial<Record<Kind, number>> = {
  bytes: COUNTED,
  string: COUNTED,
  array: ITEMS,
  map: ENTRIES,
  union: BRANCH,
  record: STEPS,
}

export function makeType(kind: Kind, more: Partial<Type> = {}): Type {
  return {
    kind,
    logical: undefined,
    fullName: '',
    size: 0,
    symbols: [],
    written: [],
    items: undefined,
    branches: [],
    fields: [],
    width: -1,
    way: WAYS[kind] ?? VARINT,
    steps: [],
    ...more,
  }
}

/** As messages name it: `long`, `record com.example.Place`. */
export function nameOf({ kind, fullName }: Type): string {
  return fullName === '' ? kind : `${kind} ${fullName}`
}
