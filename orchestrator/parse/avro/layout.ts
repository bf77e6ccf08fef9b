/**
 * Which column takes which field of a file's records.
 *
 * When the columns are fields of the record, in its own order, a row is written in one go (`straight`). Else the record is
 * passed over once, and where each column's value begins is noted on the way: a `Way` is that walk, level by level.
 */
import { escapePointer } from '../json-keys.ts'
import type { ProgramColumn } from '../program.ts'
import { together } from './measure.ts'
import type { Plan } from './plan.ts'
import { byName, type Plans } from './plans.ts'
import type { Type } from './types.ts'
import { type Below, merged, type Wanted, wantedBy } from './wanted.ts'

const MAX_UNKNOWN = 100

export interface Way {
  type: Type
  /** RECORD: its fields, those that nobody wants taken together. MAP: the keys that somebody wants. */
  stops: Stop[]
  /** UNION: by branch; undefined: nobody wants anything there. */
  branches: (Way | undefined)[]
}

export interface Stop {
  /** MAP: its key. */
  key: Uint8Array
  type: Type
  /** Whose value begins here, and how each is written. */
  columns: number[]
  plans: Plan[]
  /** The way on, to what lies inside. */
  inside: Way | undefined
}

export interface Leg {
  /** What to pass over before the column's value. */
  before: Type[]
  /** Undefined: there is no such field. */
  plan: Plan | undefined
}

export interface Layout {
  root: Type
  way: Way
  /** A leg for each column, and what is left of the record behind them; undefined when the order is another. */
  straight: { legs: Leg[]; after: Type[] } | undefined
  /** Fields that no column takes; JSON Pointers below the top. */
  unknown: string[]
}

export function layOut(root: Type, columns: ProgramColumn[], plans: Plans): Layout {
  const builder = new Builder(columns, plans)
  const way = builder.way(root, wantedBy(columns), '')
  return { root, way, straight: straighten(way, columns.length), unknown: builder.unknown }
}

class Builder {
  readonly unknown: string[] = []
  private readonly columns: ProgramColumn[]
  private readonly plans: Plans
  /** Many branches may lead to one type: each is laid out once. */
  private readonly ways = new Map<Below, Map<Type, Way>>()

  constructor(columns: ProgramColumn[], plans: Plans) {
    this.columns = columns
    this.plans = plans
  }

  way(type: Type, below: Below, path: string): Way {
    const ofLevel = this.ways.get(below) ?? new Map<Type, Way>()
    this.ways.set(below, ofLevel)
    const known = ofLevel.get(type)
    if (known) return known
    const way: Way = { type, stops: [], branches: [] }
    ofLevel.set(type, way)
    if (type.kind === 'union') way.branches = type.branches.map((branch) => this.wayIfAny(branch, below, path))
    else if (type.kind === 'record') way.stops = this.fields(type, below, path)
    else if (type.kind === 'map')
      for (const [name, wanted] of below)
        way.stops.push({ ...this.stop(type.items!, wanted, `${path}/${escapePointer(name)}`), key: Buffer.from(name) })
    return way
  }

  private wayIfAny(type: Type, below: Below, path: string): Way | undefined {
    const way = this.way(type, below, path)
    return way.stops.some(isWanted) || way.branches.some((branch) => branch !== undefined) ? way : undefined
  }

  private fields({ fields }: Type, below: Below, path: string): Stop[] {
    const indexOf = byName(fields)
    const wanted = new Map<number, Wanted>()
    for (const [name, each] of below) {
      const at = indexOf(name)
      wanted.set(at, merged(wanted.get(at), each))
    }
    const stops: Stop[] = []
    let unwanted: Type[] = []
    const pass = () => {
      for (const type of together(unwanted)) stops.push(this.stop(type, NOBODY, ''))
      unwanted = []
    }
    for (const [at, { name, type }] of fields.entries()) {
      const of = wanted.get(at)
      if (of) {
        pass()
        stops.push(this.stop(type, of, `${path}/${escapePointer(name)}`))
      } else {
        unwanted.push(type)
        this.report(path === '' ? name : `${path}/${escapePointer(name)}`)
      }
    }
    pass()
    return stops
  }

  private stop(type: Type, { columns, below }: Wanted, path: string): Stop {
    const plans = columns.map((column) => this.plans.of(type, this.columns[column]!))
    const inside = below && this.wayIfAny(type, below, path)
    return { key: new Uint8Array(0), type, columns, plans, inside }
  }

  private report(name: string): void {
    if (this.unknown.length < MAX_UNKNOWN && !this.unknown.includes(name)) this.unknown.push(name)
  }
}

const NOBODY: Wanted = { columns: [], below: undefined }

const isWanted = ({ columns, inside }: Stop) => columns.length > 0 || inside !== undefined

function straighten({ type, stops }: Way, columns: number): Layout['straight'] {
  const legs: Leg[] = []
  let before: Type[] = []
  if (type.kind !== 'record') return undefined
  for (const { type, columns, plans, inside } of stops) {
    const [column] = columns
    if (inside || columns.length > 1) return undefined
    if (column === undefined) before.push(type)
    else {
      if (column < legs.length) return undefined
      while (legs.length < column) legs.push({ before: [], plan: undefined })
      legs.push({ before, plan: plans[0] })
      before = []
    }
  }
  while (legs.length < columns) legs.push({ before: [], plan: undefined })
  return { legs, after: before }
}
