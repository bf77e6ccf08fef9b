/**
 * How many bytes the values of each type take, where that is known beforehand.
 *
 * It makes passing over quick, and it is what keeps hostile schemas harmless: whatever has no width takes a byte at least,
 * so that no value of a few bytes costs more steps than it has bytes.
 */
import { makeType, type Type } from './types.ts'

const WIDTHS: Partial<Record<Type['kind'], number>> = { null: 0, boolean: 1, float: 4, double: 8 }
/** Records directly inside of records. */
const MAX_DEPTH = 1000

/** Sets width and steps of all types of one schema; what is wrong with them, or undefined. */
export function measure(types: Type[]): string | undefined {
  const measured = new Set<Type>()
  const open = new Set<Type>()
  let problem: string | undefined

  function widthOf(type: Type): number {
    if (measured.has(type) || problem) return type.width
    if (type.kind !== 'record') type.width = type.kind === 'fixed' ? type.size : (WIDTHS[type.kind] ?? -1)
    else if (open.has(type)) problem = `record ${type.fullName} contains itself without an end`
    else if (open.size === MAX_DEPTH) problem = `more than ${MAX_DEPTH} records inside of each other`
    else {
      open.add(type)
      const widths = type.fields.map((field) => widthOf(field.type))
      open.delete(type)
      type.width = widths.includes(-1) ? -1 : widths.reduce((sum, width) => sum + width, 0)
    }
    measured.add(type)
    return type.width
  }

  for (const type of types) widthOf(type)
  if (problem) return problem
  for (const type of types) if (type.width < 0) type.steps = together(type.fields.map((field) => field.type))
  return undefined
}

/** The types to pass over one by one: neighbours that have a width become one, what takes no bytes is left out. */
export function together(types: Type[]): Type[] {
  const steps: Type[] = []
  let width = 0
  const flush = () => {
    if (width > 0) steps.push(makeType('fixed', { size: width, width }))
    width = 0
  }
  for (const type of types) {
    if (type.width >= 0) width += type.width
    else {
      flush()
      steps.push(type)
    }
  }
  flush()
  return steps
}
