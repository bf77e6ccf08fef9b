/** What the columns of a schema take from a record: a field by its name, or what a JSON Pointer leads to. */
import { unescapePointer } from '../json-keys.ts'
import type { ProgramColumn } from '../program.ts'

/** By the name of a field. */
export type Below = Map<string, Wanted>

export interface Wanted {
  /** Columns that take the field. */
  columns: number[]
  /** What others take from inside of it. */
  below: Below | undefined
}

export function wantedBy(columns: ProgramColumn[]): Below {
  const top: Below = new Map()
  for (const { source, index } of columns) {
    const [first, ...rest] = source.startsWith('/') ? source.slice(1).split('/').map(unescapePointer) : [source]
    let wanted = entry(top, first!)
    for (const name of rest) {
      wanted.below ??= new Map()
      wanted = entry(wanted.below, name)
    }
    wanted.columns.push(index)
  }
  return top
}

function entry(of: Below, name: string): Wanted {
  const wanted = of.get(name) ?? { columns: [], below: undefined }
  of.set(name, wanted)
  return wanted
}

/** Of two names for one field. */
export function merged(one: Wanted | undefined, other: Wanted): Wanted {
  if (!one) return other
  const below = new Map(one.below)
  for (const [name, wanted] of other.below ?? []) below.set(name, merged(below.get(name), wanted))
  return { columns: [...one.columns, ...other.columns], below: below.size > 0 ? below : undefined }
}
