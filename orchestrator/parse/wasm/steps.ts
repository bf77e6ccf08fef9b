/** The table by which a compiled kernel checks and writes the values of a record: shared.h's struct step, one a column or cell. */
import {
  BOOLEAN,
  DATE,
  DECIMAL,
  INTEGER,
  JSON_VALUE,
  type ProgramColumn,
  READ,
  REAL,
  STRING,
  TIMESTAMP,
} from '../program.ts'
import { bytesOf, isSpace } from '../tables.ts'
import { type Places, placesOfValue } from '../time-fixed.ts'

/** As in shared.h. */
export const MAX_STEPS = 1024
export const MAX_KEY_BYTES = 64 * 1024
export const STEP_WORDS = 16
const MAX_PLACES = 32
const HOLE = 20
const UNUSED = 21

/** A column's value as the kernels see it; undefined: a cell that no column uses. */
export interface Step {
  key: Uint8Array
  column: ProgramColumn | undefined
  /** xsv: the cell it comes from. */
  source: number
  /** The kernel's grammar does not do, whatever the column's op. */
  isHole: boolean
}

/** The table of steps, and the bytes that it refers to. */
export interface Tables {
  words: Uint32Array
  keys: Uint8Array
  /** Where the bytes behind the keys begin. */
  moreAt: number
}

/** Undefined when they do not fit; `more` are bytes that follow the keys, `most` what else has a place for each step. */
export function tablesOf(steps: Step[], more: Uint8Array, most: number): Tables | undefined {
  const moreAt = steps.reduce((sum, { key }) => sum + key.length, 0)
  const keys = [...steps.map(({ key }) => key), more]
  let end = moreAt + more.length
  const words = new Uint32Array(steps.length * STEP_WORDS)
  let at = 0
  for (const [index, { key, column, source, isHole }] of steps.entries()) {
    const places = column?.op === READ && !isHole ? fixedPlaces(column) : undefined
    words.set([opOf(column, isHole, places), at, key.length, column?.index ?? 0, source], index * STEP_WORDS)
    if (column) words.set(valueWords(column, places, end), index * STEP_WORDS + 5)
    at += key.length
    if (!places) continue
    keys.push(places.template)
    end += places.template.length
  }
  if (Math.max(steps.length, most) > MAX_STEPS || end > MAX_KEY_BYTES) return undefined
  return { words, keys: Buffer.concat(keys), moreAt }
}

/** See struct step. */
function valueWords(column: ProgramColumn, places: Places | undefined, templateAt: number): number[] {
  const { absent, absentCounts, trim, nullable } = column
  const isPlain = absent !== undefined && !absentCounts && Buffer.compare(absent, NULL) === 0
  const own = places ? placeWords(column, places, templateAt) : numberWords(column)
  return [Number(isPlain), Number(trim), ...own, Number(nullable)]
}

function numberWords({ type, point, integerDigits, fractionDigits, most, least }: ProgramColumn): number[] {
  const limits = [most, least].flatMap((digits) => {
    const magnitude = BigInt(Buffer.from(digits).toString())
    return [Number(magnitude & 0xffff_ffffn), Number(magnitude >> 32n)]
  })
  return [Number(type.kind === 'float'), point, integerDigits, fractionDigits, ...limits]
}

function placeWords({ type }: ProgramColumn, places: Places, templateAt: number): number[] {
  const { template, year, month, day, hour, minute, second, fraction, fractionLength } = places
  const digits = template.reduce((bits, byte, at) => (byte === 0 ? bits | (1 << at) : bits), 0)
  // -1 becomes 255: no place.
  const bytes = Uint8Array.of(year, month, day, hour, minute, second, fraction, fractionLength)
  const [first, last] = new Uint32Array(bytes.buffer)
  return [templateAt, template.length, digits >>> 0, Number(type.kind === 'date'), first!, last!, 0, 0]
}

const NULL = bytesOf('null')
const FAST = new Set([STRING, INTEGER, REAL, DECIMAL, BOOLEAN, DATE, TIMESTAMP, JSON_VALUE])

function opOf(column: ProgramColumn | undefined, isHole: boolean, places: Places | undefined): number {
  if (!column) return UNUSED
  return places || (!isHole && FAST.has(column.op)) ? column.op : HOLE
}

/** undefined when the kernel cannot do it: a longer text, or one that is trimmed and has spaces of its own around it. */
function fixedPlaces(column: ProgramColumn): Places | undefined {
  const places = placesOfValue(column)
  if (!places || places.template.length > MAX_PLACES) return undefined
  const [first, last] = [places.template.at(0)!, places.template.at(-1)!]
  return column.trim && (isSpace(first) || isSpace(last)) ? undefined : places
}
