/** What zod found, in the words of an author: one line a problem, with its place and the nearest valid key. */
import type * as z from 'zod'
import { didYouMean } from '../nearest.ts'
import { PARSER_TYPES } from './definition.ts'
import type { Path, Problem, Source } from './positions.ts'
import { show } from './scalars.ts'

type Issue = z.core.$ZodIssue

export function toProblems(issues: readonly Issue[], schema: z.ZodType, source: Source): Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== 'symbol')
    if (issue.code !== 'unrecognized_keys') return [{ ...source.at(path), message: describe(issue, path, source) }]
    const known = keysAt(schema, path, source.value)
    return issue.keys.map((key) => ({
      ...source.atKey([...path, key]),
      message: `unknown key "${key}"${where(path)}${didYouMean(key, known) || `; expected one of ${known.join(', ')}`}`,
    }))
  })
}

function describe(issue: Issue, path: Path, source: Source): string {
  const value = valueAt(source.value, path)
  const name = path.length === 0 ? '' : `${showPath(path)}: `
  if (issue.code === 'custom') return `${name}${issue.message}`
  if (path.at(-1) === 'type' && path.length === 2 && typeof value === 'string') return `${name}${parserType(value)}`
  const expected = EXPECTED[path.join('.')] ?? (issue.code === 'invalid_type' ? `a ${kindOf(issue.expected)}` : '')
  if (path.length === 0)
    return `the file is ${value === null ? 'empty' : show(value)}; expected a mapping with the keys name, parser and schema`
  if (value === undefined) return `${name}missing; expected ${expected || 'a value'}`
  if (issue.code === 'too_small' || issue.code === 'too_big') return `${name}expected ${expected || issue.message}`
  return expected ? `${name}expected ${expected}, found ${show(value)}` : `${name}${issue.message}`
}

export const EXPECTED: Record<string, string> = {
  parser: "a mapping with the parser's type, as in {type: xsv}",
  'parser.type': `one of ${PARSER_TYPES.join(', ')}`,
  schema: 'a mapping with the list of columns, as in {columns: [{name: id, type: long}]}',
  'schema.columns': 'a list of 1 to 10000 columns, as in [{name: id, type: long}]',
  pip: 'a list of requirements, as in [requests==2.32.3]',
}

function parserType(value: string): string {
  return `expected one of ${PARSER_TYPES.join(', ')}, found ${show(value)}${didYouMean(value, PARSER_TYPES)}`
}

const kindOf = (expected: string) => (expected === 'array' ? 'list' : expected === 'object' ? 'mapping' : expected)

function where(path: Path): string {
  return path.length === 0 ? '' : ` in ${showPath(path)}`
}

/** `schema.columns[2].type` */
export function showPath(path: Path): string {
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`)).join('')
}

export function valueAt(value: unknown, path: Path): unknown {
  let here = value
  for (const key of path) here = (here as Record<string, unknown> | null | undefined)?.[key]
  return here
}

/** The keys that the object at `path` may have. */
function keysAt(schema: z.ZodType, path: Path, value: unknown): string[] {
  let here = unwrap(schema, value)
  let found = value
  for (const key of path) {
    found = valueAt(found, [key])
    const def = here._zod.def as { shape?: Record<string, z.ZodType>; element?: z.ZodType }
    const next = def.shape?.[key] ?? def.element
    if (!next) return []
    here = unwrap(next, found)
  }
  return Object.keys((here._zod.def as { shape?: object }).shape ?? {})
}

/** Looks through defaults and picks the union's member that `value.type` names. */
function unwrap(schema: z.ZodType, value: unknown): z.ZodType {
  const def = schema._zod.def as { innerType?: z.ZodType; options?: z.ZodType[] }
  if (def.innerType) return unwrap(def.innerType, value)
  if (!def.options) return schema
  const type = valueAt(value, ['type'])
  const member = def.options.find((option) => {
    const { shape } = option._zod.def as { shape?: Record<string, z.ZodType> }
    return shape?.['type']?.safeParse(type).success
  })
  return member ?? schema
}
