/** What to do with the values of one type for one column, or for what is inside of one: found out once for each pair. */
import {
  BINARY,
  DATE,
  DECIMAL,
  INTEGER,
  JSON_VALUE,
  LIST,
  MAP,
  type ProgramValue,
  REAL,
  STRING,
  STRUCT,
  TIMESTAMP,
} from '../program.ts'
import type { Type } from './types.ts'

export const NOTHING = 0
export const TRUTH = 1
export const WHOLE = 2
export const FLOAT = 3
export const DOUBLE = 4
export const TEXT = 5
/** `bytes`, or a fixed number of them. */
export const BYTES = 6
export const SYMBOL = 7
export const NUMBER = 8
export const DAY = 9
export const TIME = 10
export const MOMENT = 11
export const UUID = 12
export const BRANCHES = 13
/** An array to `[…]`. */
export const ITEMS = 14
/** A map to `{…}`, or to the fields of a struct. */
export const ENTRIES = 15
export const PICKED_ENTRIES = 16
/** A record to `{…}`, or to the fields of a struct. */
export const FIELDS = 17
/** A nested value, and the column is not. */
export const UNFIT = 18

/** One shape for all, so that the loop that reads them sees no other. */
export interface Plan {
  action: number
  type: Type
  value: ProgramValue
  /** True: the value's own digits are what the column wants, as long as they are within `least` and `most`. */
  isPlain: boolean
  least: number
  most: number
  /** Digits of a decimal's fraction, or of a second's. */
  digits: number
  isLocal: boolean
  /** What is inside: see Plans.inner. */
  inner: Inner | undefined
}

export interface Inner {
  /** BRANCHES: each. ITEMS, ENTRIES: one. Else what is written, in that order. */
  steps: Step[]
  /** FIELDS in another order than they are stored in: what is passed over before, to find where each begins. */
  stored: Step[]
  /** For those, and PICKED_ENTRIES: where in this record each value begins, -1 when there is none. */
  starts: Int32Array
}

export interface Step {
  /** Undefined: it is passed over, by `type`, or when that is undefined too there is nothing, and null is written. */
  plan: Plan | undefined
  type: Type | undefined
  /** Written before it: its key, behind a comma unless it is the first. */
  key: Uint8Array
  /** PICKED_ENTRIES: the key in the map. */
  name: Uint8Array
  /** Which of `starts`, -1 for none. */
  start: number
}

const ACTIONS: Record<Type['kind'], number> = {
  null: NOTHING,
  boolean: TRUTH,
  int: WHOLE,
  long: WHOLE,
  float: FLOAT,
  double: DOUBLE,
  string: TEXT,
  bytes: BYTES,
  fixed: BYTES,
  enum: SYMBOL,
  union: BRANCHES,
  array: ITEMS,
  map: ENTRIES,
  record: FIELDS,
}

const LOGICAL_ACTIONS = { decimal: NUMBER, date: DAY, time: TIME, timestamp: MOMENT, uuid: UUID }

/** Below this a decimal is written by its digits as a double. */
const MAX_PLAIN_DIGITS = 14

const MOST: Partial<Record<ProgramValue['type']['kind'], number>> = { byte: 127, short: 32_767, int: 2_147_483_647 }

/** Without what is inside. */
export function makePlan(type: Type, value: ProgramValue): Plan {
  const { logical } = type
  const action = actionOf(type, value)
  const most = action === NUMBER ? mostOf(type, value) : (MOST[value.type.kind] ?? Number.MAX_SAFE_INTEGER)
  return {
    action,
    type,
    value,
    isPlain: isPlain(action, type, value),
    most,
    least: action === NUMBER ? -most : -most - 1,
    digits: logical?.kind === 'decimal' ? logical.scale : logical && 'digits' in logical ? logical.digits : 0,
    isLocal: logical?.kind === 'timestamp' && logical.isLocal,
    inner: undefined,
  }
}

function actionOf({ kind, logical }: Type, { op }: ProgramValue): number {
  if (logical) return kind === 'string' ? TEXT : LOGICAL_ACTIONS[logical.kind]
  if (op === JSON_VALUE) return ACTIONS[kind]
  switch (kind) {
    case 'array':
      return op === LIST ? ITEMS : UNFIT
    case 'map':
      return op === MAP ? ENTRIES : op === STRUCT ? PICKED_ENTRIES : UNFIT
    case 'record':
      return op === MAP || op === STRUCT ? FIELDS : UNFIT
    default:
      return ACTIONS[kind]
  }
}

function isPlain(action: number, type: Type, { op, type: wanted, trim }: ProgramValue): boolean {
  const isJson = op === JSON_VALUE
  switch (action) {
    case WHOLE:
      return op === INTEGER || op === REAL || isJson
    case FLOAT:
      return op === REAL || isJson
    case DOUBLE:
      return wanted.kind === 'double' || isJson
    case BYTES:
      return op === BINARY || isJson
    case SYMBOL:
      return (op === STRING && !trim) || isJson
    case TIME:
    case UUID:
      return op === STRING || isJson
    case NUMBER:
      return op === DECIMAL || isJson
    case DAY:
      return op === DATE || isJson
    case MOMENT:
      return (op === TIMESTAMP || isJson) && type.logical?.kind === 'timestamp' && !type.logical.isLocal
    default:
      return false
  }
}

/** The digits of a decimal, without its point, that a column surely takes. */
function mostOf({ logical }: Type, { op, integerDigits, fractionDigits }: ProgramValue): number {
  const scale = logical?.kind === 'decimal' ? logical.scale : 0
  if (op === DECIMAL && scale > fractionDigits) return -1
  return 10 ** Math.min(op === DECIMAL ? integerDigits + scale : MAX_PLAIN_DIGITS, MAX_PLAIN_DIGITS) - 1
}
