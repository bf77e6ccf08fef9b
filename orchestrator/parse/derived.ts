/** Columns that a file brings by itself, as Avro's and Parquet's do: with all that an author would have left out. */
import type { Column, ColumnType } from '../connector/definition.ts'
import { isColumnName, MAX_NAME_BYTES } from '../connector/names.ts'
import { FragmentError } from '../errors.ts'
import { escapePointer } from './json-keys.ts'

/** As many as a connector.yaml may have. */
const MAX_COLUMNS = 10_000

/** A column that takes the field `name` of the file. */
export function derivedColumn(name: string, type: ColumnType, nullable: boolean): Column {
  return {
    name,
    type,
    // A source that begins with "/" is a JSON Pointer.
    source: name.startsWith('/') ? `/${escapePointer(name)}` : name,
    nullable,
    default: undefined,
    onInvalid: 'skip',
    trim: false,
    decimalSeparator: '.',
    thousandsSeparator: '',
  }
}

/** FragmentError `fragment.unsupported` unless the columns may be those of a connector. */
export function checkDerived(columns: readonly Column[]): void {
  const seen = new Set<string>()
  const bad = columns.find(({ name }) => seen.has(name) || !isColumnName(name) || !seen.add(name))
  if (bad) {
    const why = seen.has(bad.name)
      ? 'is there twice'
      : `is no name of 1 to ${MAX_NAME_BYTES} bytes without control characters`
    throw undeclared(`its field ${JSON.stringify(bad.name.slice(0, 80))} ${why}`)
  }
  if (columns.length === 0) throw undeclared('it has no fields')
  if (columns.length > MAX_COLUMNS) throw undeclared(`it has ${columns.length} fields, more than ${MAX_COLUMNS}`)
}

/** Why no schema can be derived from a file. */
export function undeclared(why: string): FragmentError {
  return new FragmentError(
    'fragment.unsupported',
    `the file does not say what the columns are: ${why}. Name them in connector.yaml under schema, each with its source`,
  )
}
