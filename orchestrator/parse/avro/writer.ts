/**
 * Values from where the cursor stands to NDJSON, by their plans.
 *
 * What is wrong with a value is said in `values.bad`, and what is longer than a row may be is not written to its end. After
 * either the cursor is somewhere inside of the value, and who asked for it passes over it.
 */
import { derivedColumn } from '../derived.ts'
import { compileColumn } from '../program.ts'
import { shown } from '../rejects.ts'
import { NULL, WRITTEN } from '../typed-rows.ts'
import type { TypedValues } from '../typed-values.ts'
import type { Cursor } from './cursor.ts'
import { Keys } from './keys.ts'
import { BRANCHES, ENTRIES, ITEMS, PICKED_ENTRIES, type Plan, type Step, UNFIT } from './plan.ts'
import type { Plans } from './plans.ts'
import { writeScalar } from './scalars.ts'
import { nameOf } from './types.ts'

/** As for JSON. */
const MAX_DEPTH = 128
const KEY = compileColumn(derivedColumn('key', { kind: 'string' }, false), 0)

export class Writer {
  /** Where `values` would stand behind a row that is as long as one may be. */
  limit = 0
  private readonly cursor: Cursor
  private readonly values: TypedValues
  private readonly plans: Plans
  private readonly keys = new Keys()
  private depth = 0
  /** Where in the value the wrong one is, as in `[3].price`. */
  private path = ''

  constructor(cursor: Cursor, values: TypedValues, plans: Plans) {
    this.cursor = cursor
    this.values = values
    this.plans = plans
  }

  /** Writes a column's value: NULL or WRITTEN. */
  column(plan: Plan): number {
    const has = this.value(plan)
    if (this.isStopped) {
      const { bad } = this.values
      if (bad && this.path !== '') this.values.bad = { ...bad, message: `at ${this.path.slice(0, 60)}: ${bad.message}` }
      this.path = ''
      this.depth = 0
      this.keys.clear()
    }
    return has
  }

  /** Something is wrong or too long, and the cursor inside of the value. */
  get isStopped(): boolean {
    return this.values.bad !== undefined || this.values.o > this.limit
  }

  private value(plan: Plan): number {
    let of = plan
    while (of.action === BRANCHES) {
      const { steps } = this.plans.inner(of)
      of = steps[this.cursor.index(steps.length)]!.plan!
    }
    if (of.action < BRANCHES) return writeScalar(this.cursor, this.values, of)
    this.depth++
    this.nested(of)
    this.depth--
    return WRITTEN
  }

  private nested(plan: Plan): void {
    const { values } = this
    if (this.depth > MAX_DEPTH) {
      values.wrong({ code: 'row.depth', message: `nested deeper than ${MAX_DEPTH} levels` })
      return
    }
    const { action, type, value } = plan
    if (action === ITEMS) this.items(plan)
    else if (action === ENTRIES) this.entries(plan)
    else if (action === UNFIT) {
      const message = `an Avro ${nameOf(type)} is no ${value.typeName}; a json column takes it whole`
      values.wrong({ code: 'row.value', message })
    } else {
      const { steps, starts } = this.plans.inner(plan)
      if (starts.length === 0) this.fields(steps)
      else this.picked(plan)
    }
  }

  private items(plan: Plan): void {
    const { values, cursor } = this
    const item = this.plans.inner(plan).steps[0]!.plan!
    values.byte(91)
    const { width } = item.type
    let at = 0
    for (let n = cursor.items(width); n > 0; n = cursor.items(width)) {
      const { until } = cursor
      for (; n > 0; n--) {
        if (at > 0) values.byte(44)
        if (!this.part(item)) {
          this.stop(`[${at}]`)
          return
        }
        at++
      }
      cursor.closeItems(until)
    }
    values.byte(93)
  }

  private entries(plan: Plan): void {
    const { values, cursor, keys } = this
    const item = this.plans.inner(plan).steps[0]!.plan!
    const map = keys.open()
    values.byte(123)
    let isFirst = true
    for (let n = cursor.items(1); n > 0; n = cursor.items(1)) {
      const { until } = cursor
      for (; n > 0; n--) {
        const start = this.key(map)
        const end = cursor.p
        if (!isFirst) values.byte(44)
        isFirst = false
        values.utf8(KEY, cursor.b, start, end)
        values.byte(58)
        if (!this.part(item)) {
          this.stop(`.${this.text(start, end)}`)
          return
        }
      }
      cursor.closeItems(until)
    }
    keys.close(map)
    values.byte(125)
  }

  private fields(steps: Step[]): void {
    const { values, cursor } = this
    values.byte(123)
    for (let k = 0; k < steps.length; k++) {
      const { plan, type, key } = steps[k]!
      if (!plan && type) {
        cursor.skip(type)
        continue
      }
      values.write(key)
      if (!plan) values.null()
      else if (!this.part(plan)) {
        this.stop(pathOf(key))
        return
      }
    }
    values.byte(125)
  }

  /** To the fields of a struct, in another order than they are stored in: finds them first. */
  private picked(plan: Plan): void {
    const { values, cursor } = this
    const { steps, stored, starts } = this.plans.inner(plan)
    starts.fill(-1)
    if (plan.action === PICKED_ENTRIES) this.findEntries(plan, steps, starts)
    else
      for (const { type, start } of stored) {
        if (start >= 0) starts[start] = cursor.p
        cursor.skip(type!)
      }
    if (this.isStopped) return
    const end = cursor.p
    values.byte(123)
    for (const { plan, key, start } of steps) {
      values.write(key)
      cursor.p = start < 0 ? -1 : starts[start]!
      if (!plan || cursor.p < 0) values.null()
      else if (!this.part(plan)) {
        this.stop(pathOf(key))
        return
      }
    }
    values.byte(125)
    cursor.p = end
  }

  private findEntries({ type }: Plan, steps: Step[], starts: Int32Array): void {
    const { cursor, keys } = this
    const map = keys.open()
    for (let n = cursor.items(1); n > 0; n = cursor.items(1)) {
      const { until } = cursor
      for (; n > 0; n--) {
        const start = this.key(map)
        const found = steps.find(({ name }) => isText(cursor.b, start, cursor.p, name))
        if (found) starts[found.start] = cursor.p
        cursor.skip(type.items!)
      }
      cursor.closeItems(until)
    }
    keys.close(map)
  }

  /** Takes a key of a map; where it begins. */
  private key(map: number): number {
    const { cursor, values } = this
    const length = cursor.length()
    const start = cursor.take(length)
    if (!this.keys.add(map, cursor.b, start, cursor.p)) {
      const message = `a map with the key ${shown(this.text(start, cursor.p))} twice`
      values.wrong({ code: 'row.value', message })
    }
    return start
  }

  /** Writes what is inside; false: go no further. */
  private part(plan: Plan): boolean {
    if (this.value(plan) === NULL) this.values.null()
    return !this.isStopped
  }

  private stop(where: string): void {
    this.path = where + this.path
  }

  private text(start: number, end: number): string {
    const { b } = this.cursor
    return Buffer.from(b.buffer, b.byteOffset + start, Math.min(end - start, 100)).toString()
  }
}

/** `.name` of `,"name":`. */
function pathOf(key: Uint8Array): string {
  return `.${JSON.parse(Buffer.from(key).toString().replace(/^,|:$/g, ''))}`
}

function isText(b: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false
  for (let k = 0; k < text.length; k++) if (b[start + k] !== text[k]) return false
  return true
}
