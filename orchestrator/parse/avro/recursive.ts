/** Which types of a schema contain themselves. */
import type { Type } from './types.ts'

interface Visit {
  type: Type
  inside: Type[]
  /** Which of `inside` is next. */
  next: number
  /** When it was reached first, and the earliest that can be reached from it of those still open. */
  at: number
  earliest: number
}

/** R. Tarjan's algorithm, without recursion: types may be nested as deep as a schema is long. */
export function recursiveTypes(root: Type): Set<Type> {
  const found = new Set<Type>()
  const visits = new Map<Type, Visit>()
  /** Those whose circle is not closed yet. */
  const open: Type[] = []
  const isOpen = new Set<Type>()
  const way: Visit[] = []

  function enter(type: Type): void {
    const { fields, branches, items } = type
    const inside = [...fields.map((field) => field.type), ...branches, ...(items ? [items] : [])]
    const visit = { type, inside, next: 0, at: visits.size, earliest: visits.size }
    visits.set(type, visit)
    way.push(visit)
    open.push(type)
    isOpen.add(type)
  }

  enter(root)
  for (let visit = way.at(-1); visit; visit = way.at(-1)) {
    const type = visit.inside[visit.next++]
    if (type) {
      const seen = visits.get(type)
      if (!seen) enter(type)
      else if (isOpen.has(type)) visit.earliest = Math.min(visit.earliest, seen.at)
      continue
    }
    way.pop()
    const from = way.at(-1)
    if (from) from.earliest = Math.min(from.earliest, visit.earliest)
    if (visit.earliest < visit.at) continue
    // All that were reached since then lead back to it.
    const circle = open.splice(open.lastIndexOf(visit.type))
    for (const each of circle) {
      isOpen.delete(each)
      if (circle.length > 1) found.add(each)
    }
  }
  return found
}
