/**
 * connector.yaml ▸ YAML ▸ one schema ▸ what only the whole file can tell ▸ Connector.
 *
 * Every problem of the file is reported at once, each as `file:line:column: what, expected, nearest valid key`.
 */
import { readFileSync } from 'node:fs'
import { isAbsolute, join, normalize, resolve } from 'node:path'
import { DefinitionError } from '../errors.ts'
import { type Inherited, readColumns } from './columns.ts'
import type { Connector, ParserOptions } from './definition.ts'
import { isFile } from './files.ts'
import { readGrok } from './parsers/grok.ts'
import { bringsColumns, parserOptions, parserProblems } from './parsers/parser.ts'
import { type Problem, readSource, type Source } from './positions.ts'
import { EXPECTED, toProblems, valueAt } from './problems.ts'
import { connectorFile } from './schema.ts'

export const FILE_NAME = 'connector.yaml'
export const LOCK_NAME = 'connector.lock'

/** Reads the connector in folder `dir`. Throws one DefinitionError with a line for each problem. */
export function loadConnector(dir: string): Connector {
  const file = join(dir, FILE_NAME)
  const source = readSource(readText(file, `${dir}: no ${FILE_NAME} here; \`rowcast init ${dir}\` makes one`))
  refuse(file, source.problems)

  const parsed = connectorFile.safeParse(source.value, { reportInput: false })
  const problems = parsed.success ? [] : toProblems(parsed.error.issues, connectorFile, source)
  const grok = readGrok(source, dir)
  const parser = parsed.success ? parserOptions(parsed.data.parser, grok.options) : undefined
  const columns = readColumns(source, inheritedFrom(parser))
  problems.push(...columns.problems, ...parserProblems(source), ...grok.problems, ...codeProblems(dir, source))
  const isMapping = valueAt(source.value, ['name']) !== undefined
  const isKnown = grok.columns.length > 0 || grok.problems.length > 0
  const needsColumns = !isKnown && !bringsColumns(valueAt(source.value, ['parser', 'type']))
  if (isMapping && needsColumns && valueAt(source.value, ['schema']) === undefined)
    problems.push({ ...source.at([]), message: `schema: missing; expected ${EXPECTED['schema']}` })
  refuse(file, problems)
  if (!parsed.success || !parser) throw new DefinitionError(`${file}: not understood`)

  const { name, code, pip, credentials, refresh, rejects, limits } = parsed.data
  return {
    name,
    dir: resolve(dir),
    file: resolve(file),
    code: normalize(code),
    pip,
    lock: readLock(dir),
    credentials,
    parser,
    columns: parsed.data.schema ? columns.columns : grok.columns,
    derivesColumns: !parsed.data.schema && grok.columns.length === 0,
    refresh: {
      schedule: refresh.schedule,
      concurrency: refresh.concurrency,
      deleted: refresh.deleted,
      maxDeleted: refresh.max_deleted,
      maxFailedFragments: refresh.max_failed_fragments,
    },
    rejects: { max: rejects.max, maxPercent: rejects.max_percent },
    limits: { memory: limits.memory, stallMs: limits.stall, fragmentBytes: limits.fragment_bytes },
  }
}

function refuse(file: string, problems: Problem[]): void {
  if (problems.length === 0) return
  const fileOf = (problem: Problem) => problem.file ?? ''
  const [first, ...rest] = problems.sort(
    (a, b) => fileOf(a).localeCompare(fileOf(b)) || a.line - b.line || a.column - b.column,
  )
  const lines = rest.map((each) => `${each.file ?? file}:${each.line}:${each.column}: ${each.message}`)
  const { line, column, message } = first!
  throw new DefinitionError([message, ...lines].join('\n'), { file: first!.file ?? file, line, column })
}

function inheritedFrom(parser: ParserOptions | undefined): Inherited {
  if (parser?.type !== 'xsv') return { trim: false, decimalSeparator: '.', thousandsSeparator: '' }
  const { trim, decimalSeparator, thousandsSeparator } = parser
  return { trim, decimalSeparator, thousandsSeparator }
}

function codeProblems(dir: string, source: Source): Problem[] {
  const code = valueAt(source.value, ['code']) ?? 'connector.py'
  if (typeof code !== 'string') return []
  const at = source.at(['code'])
  if (isAbsolute(code) || normalize(code).startsWith('..')) {
    return [{ ...at, message: `code: expected a file inside the connector's folder, found ${JSON.stringify(code)}` }]
  }
  if (isFile(join(dir, code))) return []
  return [
    {
      ...at,
      message: `code: there is no file ${JSON.stringify(code)} in ${dir}; it holds list_objects and read_bytes`,
    },
  ]
}

function readLock(dir: string): string {
  const file = join(dir, LOCK_NAME)
  return isFile(file) ? readText(file, '') : ''
}

function readText(file: string, missing: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new DefinitionError(missing)
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new DefinitionError(`${file}: is no UTF-8 text`)
    throw new DefinitionError(`${file}: cannot be read: ${(error as Error).message}`)
  }
}
