/** The columns: what one entry cannot know by itself, and the defaults that come from the parser. */
import type * as z from 'zod'
import { settingsOf, settingsProblems } from './column-settings.ts'
import { encodeDefault } from './defaults.ts'
import type { Column } from './definition.ts'
import { isColumnName, MAX_NAME_BYTES } from './names.ts'
import type { Path, Problem, Source } from './positions.ts'
import { showPath, valueAt } from './problems.ts'
import { type ColumnFile, column } from './schema.ts'

export interface Inherited {
  trim: boolean
  decimalSeparator: string
  thousandsSeparator: string
}

/**
 * Reads every entry that is good by itself, so that one bad column does not hide what is wrong with the others. The
 * columns count only when nobody found a problem.
 */
export function readColumns(source: Source, inherited: Inherited): { columns: Column[]; problems: Problem[] } {
  const listed = valueAt(source.value, ['schema', 'columns'])
  const problems: Problem[] = []
  const columns: Column[] = []
  const first = new Map<string, number>()
  for (const [index, entry] of (Array.isArray(listed) ? listed : []).entries()) {
    const path = ['schema', 'columns', index]
    const name = valueAt(entry, ['name'])
    if (typeof name === 'string') {
      problems.push(...nameProblems(source, [...path, 'name'], name, first.get(name)))
      if (!first.has(name)) first.set(name, source.at(path).line)
    }
    const parsed = column.safeParse(entry)
    if (!parsed.success) continue
    const text = defaultText(source, path, parsed)
    problems.push(...text.problems, ...invalidProblems(source, path, parsed.data, text.value))
    problems.push(...settingsProblems(source, path, parsed.data))
    columns.push(toColumn(parsed.data, text.value, inherited))
  }
  return { columns, problems }
}

function nameProblems(source: Source, path: Path, name: string, before: number | undefined): Problem[] {
  const bad = (message: string) => [{ ...source.at(path), message: `${showPath(path)}: ${message}` }]
  if (before !== undefined) return bad(`column "${name}" is already defined at line ${before}; expected unique names`)
  if (!isColumnName(name)) return bad(`expected a name of 1 to ${MAX_NAME_BYTES} bytes without control characters`)
  return []
}

function defaultText(
  source: Source,
  path: Path,
  { data }: z.ZodSafeParseSuccess<ColumnFile>,
): { value: string | undefined; problems: Problem[] } {
  const at = [...path, 'default']
  const node = source.node(at)
  if (!node) return { value: undefined, problems: [] }
  const bad = (message: string) => ({
    value: undefined,
    problems: [{ ...source.at(at), message: `${showPath(at)}: ${message}` }],
  })
  if (data.default === null) {
    return data.nullable
      ? { value: 'null', problems: [] }
      : bad('null cannot be the default of a column that is not nullable')
  }
  const encoded = encodeDefault(data.type, node)
  return 'problem' in encoded ? bad(encoded.problem) : { value: encoded.text, problems: [] }
}

/** Invalid values have to become something that the column may hold. */
function invalidProblems(source: Source, path: Path, data: ColumnFile, text: string | undefined): Problem[] {
  const gives = data.on_invalid === 'default' ? text : data.on_invalid === 'null' ? undefined : ''
  if (data.nullable || gives !== undefined) return []
  const at = [...path, 'on_invalid']
  const instead = data.on_invalid === 'default' ? 'skip, fail, or a default' : 'skip, fail or default'
  return [
    {
      ...source.at(at),
      message: `${showPath(at)}: ${data.on_invalid} makes null of an invalid value, but the column is not nullable; expected ${instead}`,
    },
  ]
}

function toColumn(data: ColumnFile, text: string | undefined, inherited: Inherited): Column {
  return {
    name: data.name,
    type: data.type,
    source: data.source ?? data.name,
    nullable: data.nullable,
    default: text,
    onInvalid: data.on_invalid,
    trim: data.trim ?? inherited.trim,
    decimalSeparator: data.decimal_separator ?? inherited.decimalSeparator,
    thousandsSeparator: data.thousands_separator ?? inherited.thousandsSeparator,
    ...settingsOf(data),
  }
}
