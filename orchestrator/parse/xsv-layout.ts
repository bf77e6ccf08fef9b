/**
 * Which cell is which column: a header's names against the columns, made into the steps that the kernel takes for each
 * record.
 */
import { FragmentError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import type { ProgramColumn } from './program.ts'
import { bytesOf } from './tables.ts'

const MAX_UNKNOWN = 100

export interface Layout {
  /** Cells that a record has to have. */
  cells: number
  /** For each step its column, or -1: a cell that no column uses. */
  columns: Int32Array
  /** For each step its cell. */
  source: Int32Array
  /** True when the columns are in another order than their cells: cells are looked up first. */
  isReordered: boolean
  /** What goes before each step's value, one after the other, and where each begins. */
  keys: Uint8Array
  keyAt: Int32Array
  /** What closes the row. */
  tail: Uint8Array
  /** Columns that are not in the header and take their default in every row. */
  absent: Int32Array
  unknown: string[]
}

/** Columns by position. */
export function layoutByPosition(columns: ProgramColumn[]): Layout {
  return layout(
    columns,
    columns.map((_, index) => index),
    columns.length,
    [],
  )
}

/** Columns by the names of the header; FragmentError `fragment.missing_column` for one that is not there, or there twice. */
export function layoutByHeader(columns: ProgramColumn[], header: string[]): Layout {
  const places = new Map<string, number>()
  const twice = new Set<string>()
  for (const [cell, name] of header.entries()) {
    if (places.has(name)) twice.add(name)
    else places.set(name, cell)
  }
  const sources = columns.map((column) => {
    const { source } = column
    if (twice.has(source)) throw missing(column, `the header has ${JSON.stringify(source)} twice`)
    const cell = places.get(source)
    if (cell !== undefined) return cell
    // A default is for what is absent; without one a column that is not there is a mistake.
    if (column.default === undefined) throw missing(column, notThere(source, header))
    return -1
  })
  const used = new Set(columns.map(({ source }) => source))
  const unknown = [...new Set(header)].filter((name) => !used.has(name)).slice(0, MAX_UNKNOWN)
  return layout(columns, sources, header.length, unknown)
}

function missing(column: ProgramColumn, what: string): FragmentError {
  return new FragmentError('fragment.missing_column', `column ${JSON.stringify(column.name)}: ${what}`)
}

function notThere(source: string, header: string[]): string {
  const near = nearest(source, header)
  const hint = near === undefined ? '' : `; the nearest is ${JSON.stringify(near)}`
  const all = header.map((name) => JSON.stringify(name)).join(', ')
  const list = all.length > 500 ? `${all.slice(0, 500).toWellFormed()}…` : all
  return `the header has no ${JSON.stringify(source)}${hint}. It has ${list}`
}

function layout(columns: ProgramColumn[], sources: number[], cells: number, unknown: string[]): Layout {
  const present = columns.filter((_, index) => sources[index]! >= 0)
  const order = present.map(({ index }) => sources[index]!)
  const isReordered = order.some((cell, at) => at > 0 && cell <= order[at - 1]!)
  const steps = isReordered ? order : Array.from({ length: cells }, (_, cell) => cell)
  const byCell = new Map(present.map((column) => [sources[column.index]!, column]))
  const stepColumns = steps.map((cell, at) => (isReordered ? present[at] : byCell.get(cell)))

  const { before, tail } = texts(columns, sources)
  const keys = stepColumns.map((column) => bytesOf(column ? before[column.index]! : ''))
  const keyAt = new Int32Array(keys.length + 1)
  for (const [at, key] of keys.entries()) keyAt[at + 1] = keyAt[at]! + key.length
  return {
    cells,
    columns: Int32Array.from(stepColumns, (column) => column?.index ?? -1),
    source: Int32Array.from(steps),
    isReordered,
    keys: Buffer.concat(keys),
    keyAt,
    tail: bytesOf(tail),
    absent: Int32Array.from(columns.filter((_, index) => sources[index]! < 0).map(({ index }) => index)),
    unknown,
  }
}

/** A column that is not in the header is the same text in every row: it joins the key behind it, or the tail. */
function texts(columns: ProgramColumn[], sources: number[]): { before: string[]; tail: string } {
  const before: string[] = []
  let text = '{'
  for (const [index, { key, default: absent }] of columns.entries()) {
    text += index === 0 ? key : `,${key}`
    if (sources[index]! < 0) text += absent
    else {
      before[index] = text
      text = ''
    }
  }
  return { before, tail: `${text}}\n` }
}
