/**
 * A proposal for `schema:` from records of a source: the narrowest type that takes every value seen, for a person to look
 * over. A refresh never infers.
 *
 * Text, as in XSV and Grok: words for boolean ▸ long ▸ double or decimal ▸ date ▸ timestamp ▸ string. JSON values have a type
 * already; of its texts only days and moments are read as something else.
 */
import type { ColumnType } from '../connector/definition.ts'
import { TextKind } from './infer-text.ts'

/** A number of a JSON document as it stands there. */
export class Digits {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Value = null | boolean | string | Digits | Value[] | { [key: string]: Value }

/** One column of the proposal. */
export interface Guess {
  name: string
  type: ColumnType
  format: string | undefined
  values: number
  nulls: number
  /** A few different ones, shortened. */
  examples: string[]
  /** Why this type, for a person. */
  reason: string
}

/** Tells whether a text is a value of a type by the rules that a refresh will use. */
export type Fits = (text: string, type: ColumnType, format: string | undefined) => boolean

const EXAMPLES = 3
const EXAMPLE_LENGTH = 40
/** An object with more different keys than this, or whose keys seldom come again, is a map of its own making: json. */
const MOST_KEYS = 100
const LEAST_SHARE = 0.1
/** JSON text to values whose numbers keep their digits. */
export function readRecord(text: string): Value {
  const keep = (_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' ? new Digits(source ?? String(value)) : value
  return (JSON.parse as (text: string, reviver: typeof keep) => Value)(text, keep)
}

export class Inference {
  private readonly fields = new Map<string, Field>()
  private readonly fits: Fits
  private readonly formats: readonly string[]
  private records = 0

  /** `formats`: of dates and timestamps, tried in this order behind ISO. */
  constructor(fits: Fits, formats: readonly string[]) {
    this.fits = fits
    this.formats = formats
  }

  /** `isText`: values are cells, whose type is to be found; else they are JSON. */
  add(record: { [key: string]: Value }, isText: boolean): void {
    this.records++
    for (const [name, value] of Object.entries(record)) {
      let field = this.fields.get(name)
      if (!field) {
        field = new Field(this.fits, this.formats)
        this.fields.set(name, field)
      }
      field.add(value, isText)
    }
  }

  /** In the order in which the names were met. */
  guesses(): Guess[] {
    return Array.from(this.fields, ([name, field]) => ({ name, ...field.guess(this.records) }))
  }
}

/** All values of one name. */
class Field {
  private readonly fits: Fits
  private readonly formats: readonly string[]
  private values = 0
  private nulls = 0
  private readonly examples = new Set<string>()
  private readonly kinds = new Map<'boolean' | 'number' | 'text' | 'list' | 'object', number>()
  private readonly texts: TextKind
  private element: Field | undefined
  private readonly members = new Map<string, Field>()

  constructor(fits: Fits, formats: readonly string[]) {
    this.fits = fits
    this.formats = formats
    this.texts = new TextKind(fits, formats)
  }

  add(value: Value, isText: boolean): void {
    if (value === null) {
      this.nulls++
      return
    }
    this.values++
    this.show(value)
    if (typeof value === 'boolean') this.count('boolean')
    else if (value instanceof Digits) {
      this.count('number')
      this.texts.add(value.text, true)
    } else if (typeof value === 'string') {
      this.count('text')
      this.texts.add(value, isText)
    } else if (Array.isArray(value)) {
      this.count('list')
      this.element ??= new Field(this.fits, this.formats)
      for (const item of value) this.element.add(item, false)
    } else {
      this.count('object')
      for (const [key, member] of Object.entries(value)) this.member(key)?.add(member, false)
    }
  }

  guess(records: number): Omit<Guess, 'name'> {
    const nulls = Math.max(this.nulls, records - this.values)
    return { ...this.typed(), values: this.values, nulls, examples: [...this.examples] }
  }

  private typed(): { type: ColumnType; format: string | undefined; reason: string } {
    const kinds = [...this.kinds.keys()]
    const plain = (type: ColumnType, reason: string) => ({ type, format: undefined, reason })
    if (kinds.length === 0) return plain({ kind: 'string' }, 'only nulls were seen')
    if (kinds.includes('list') || kinds.includes('object')) {
      if (kinds.length > 1) return plain({ kind: 'json' }, `${kinds.join(' and ')} mixed`)
      return kinds[0] === 'list' ? this.list() : this.struct()
    }
    if (kinds.length > 1) return plain({ kind: 'string' }, `${kinds.join(' and ')} mixed`)
    return kinds[0] === 'boolean' ? plain({ kind: 'boolean' }, 'true and false') : this.texts.guess()
  }

  private list() {
    const element = this.element?.values ? this.element.typed() : undefined
    // A format belongs to the column; for what is inside of a list the text is kept.
    const type: ColumnType = !element || element.format ? { kind: 'string' } : element.type
    return {
      type: { kind: 'list', element: type } as const,
      format: undefined,
      reason: element ? `lists; inside: ${element.reason}` : 'only empty lists were seen',
    }
  }

  private struct() {
    const seldom = [...this.members.values()].filter((field) => field.values < this.values * LEAST_SHARE)
    if (this.members.size > MOST_KEYS || seldom.length > this.members.size / 2 || this.members.size === 0) {
      return { type: { kind: 'json' } as const, format: undefined, reason: 'objects whose keys vary' }
    }
    const fields = Array.from(this.members, ([name, field]) => {
      const { type, format } = field.typed()
      return { name, type: format ? ({ kind: 'string' } as const) : type }
    })
    return { type: { kind: 'struct', fields } as const, format: undefined, reason: 'objects with the same keys' }
  }

  private member(key: string): Field | undefined {
    const known = this.members.get(key)
    if (known || this.members.size > MOST_KEYS) return known
    const made = new Field(this.fits, this.formats)
    this.members.set(key, made)
    return made
  }

  private count(kind: 'boolean' | 'number' | 'text' | 'list' | 'object'): void {
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1)
  }

  private show(value: Value): void {
    if (this.examples.size >= EXAMPLES) return
    const text = typeof value === 'string' ? value : value instanceof Digits ? value.text : JSON.stringify(value)
    this.examples.add(text.length > EXAMPLE_LENGTH ? `${text.slice(0, EXAMPLE_LENGTH).toWellFormed()}…` : text)
  }
}
