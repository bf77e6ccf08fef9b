/** The plans of one schema, each made once; what is inside of them only when it is needed, as types may go in circles. */
import { derivedColumn } from '../derived.ts'
import { compileColumn, JSON_VALUE, type ProgramValue, STRUCT } from '../program.ts'
import { bytesOf } from '../tables.ts'
import { together } from './measure.ts'
import { BRANCHES, ENTRIES, FIELDS, type Inner, ITEMS, makePlan, PICKED_ENTRIES, type Plan, type Step } from './plan.ts'
import type { Field, Type } from './types.ts'

const NO_BYTES = new Uint8Array(0)

export class Plans {
  private readonly made = new Map<Type, Map<ProgramValue, Plan>>()
  /** All that is embedded whole is treated alike, so the plans for it are no more than the schema has types. */
  private readonly embedded = compileColumn(derivedColumn('embedded', { kind: 'json' }, true), 0)

  of(type: Type, given: ProgramValue): Plan {
    const value = given.op === JSON_VALUE ? this.embedded : given
    const ofType = this.made.get(type) ?? new Map<ProgramValue, Plan>()
    this.made.set(type, ofType)
    const plan = ofType.get(value) ?? makePlan(type, value)
    ofType.set(value, plan)
    return plan
  }

  inner(plan: Plan): Inner {
    plan.inner ??= this.inside(plan)
    return plan.inner
  }

  private inside({ action, type, value }: Plan): Inner {
    const { element = this.embedded, fields } = value
    switch (action) {
      case BRANCHES:
        return inOrder(type.branches.map((branch) => this.step(branch, value, NO_BYTES)))
      case ITEMS:
      case ENTRIES:
        return inOrder([this.step(type.items!, element, NO_BYTES)])
      case FIELDS:
        if (value.op === STRUCT) return this.picked(type, value)
        return inOrder(type.fields.map((field, at) => this.step(field.type, element, keyOf(field.name, at))))
      case PICKED_ENTRIES: {
        const steps = fields.map(({ name, value }, at) => ({
          ...this.step(type.items!, value, keyOf(name, at)),
          name: bytesOf(name),
          start: at,
        }))
        return { steps, stored: [], starts: new Int32Array(steps.length) }
      }
      default:
        throw new TypeError(`nothing is inside of ${type.kind}`)
    }
  }

  /** A record to the fields of a struct: in one go when they come in its order. */
  private picked({ fields: stored }: Type, { fields: wanted }: ProgramValue): Inner {
    const indexOf = byName(stored)
    const found = wanted.map(({ name }) => indexOf(name))
    const steps = wanted.map(({ name, value }, at) => {
      const field = stored[found[at]!]
      const key = keyOf(name, at)
      return field ? this.step(field.type, value, key) : { ...NOT_THERE, key }
    })
    const there = found.filter((at) => at >= 0)
    if (there.every((at, k) => k === 0 || at > there[k - 1]!)) {
      return inOrder(
        among(
          stored,
          steps.map((step, k) => ({ step, at: found[k]! })),
        ),
      )
    }
    const order = [...new Set(there)].sort((a, b) => a - b)
    const starts = new Map(order.map((at, start) => [at, start]))
    const noted = order.map((at, start) => ({ step: { ...NOT_THERE, type: stored[at]!.type, start }, at }))
    return {
      steps: steps.map((step, k) => ({ ...step, start: starts.get(found[k]!) ?? -1 })),
      stored: among(stored, noted),
      starts: new Int32Array(order.length),
    }
  }

  private step(type: Type, value: ProgramValue, key: Uint8Array): Step {
    return { ...NOT_THERE, plan: this.of(type, value), type, key }
  }
}

const NOT_THERE: Step = { plan: undefined, type: undefined, key: NO_BYTES, name: NO_BYTES, start: -1 }

function inOrder(steps: Step[]): Inner {
  return { steps, stored: [], starts: new Int32Array(0) }
}

function keyOf(name: string, at: number): Uint8Array {
  return bytesOf(`${at === 0 ? '' : ','}${JSON.stringify(name)}:`)
}

/** The steps, and between those of fields that are `at` somewhere the fields that nobody wants. */
function among(fields: Field[], steps: { step: Step; at: number }[]): Step[] {
  let next = 0
  const before = (at: number) => {
    const types = together(fields.slice(next, at).map(({ type }) => type))
    next = at + 1
    return types.map((type) => ({ ...NOT_THERE, type }))
  }
  return [...steps.flatMap(({ step, at }) => (at < 0 ? [step] : [...before(at), step])), ...before(fields.length)]
}

/** Which field has a name, or else that alias; -1 for none. */
export function byName(fields: Field[]): (name: string) => number {
  const found = new Map<string, number>()
  for (const [at, { aliases }] of fields.entries())
    for (const alias of aliases) if (!found.has(alias)) found.set(alias, at)
  for (const [at, { name }] of fields.entries()) found.set(name, at)
  return (name) => found.get(name) ?? -1
}
