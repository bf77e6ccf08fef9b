/** `type: grok`: lines of a log, by named patterns. */
import { isAbsolute, join, normalize } from 'node:path'
import * as z from 'zod'
import { didYouMean } from '../../nearest.ts'
import type { Column, GrokHint, GrokOptions } from '../definition.ts'
import { isFolder } from '../files.ts'
import { compile } from '../grok/compile.ts'
import { isPatternName, type OwnDefinition, readFolder } from '../grok/definitions.ts'
import { Wrong } from '../grok/wrong.ts'
import type { Path, Problem, Source } from '../positions.ts'
import { showPath, valueAt } from '../problems.ts'
import { flag, Refused, scalar, text } from '../scalars.ts'
import { parseSize } from '../size.ts'
import { decoding } from './shared.ts'

const MAX_ROW_BYTES = 8 * 2 ** 20

export const grok = z.strictObject({
  type: z.literal('grok'),
  pattern: oneOrMore('a pattern, as in "%{COMBINEDAPACHELOG}", or a list of them'),
  custom_patterns: z.record(z.string(), text('a regex')).default({}),
  patterns_dir: oneOrMore("a folder inside of the connector's, as in patterns, or a list of them").optional(),
  anchored: flag().default(true),
  ...decoding,
  max_row_bytes: scalar(
    'a size from 1B to 8MiB, as in 64KiB',
    { type: ['string', 'integer'], examples: ['64KiB'] },
    (value) => {
      const bytes = parseSize(value)
      return bytes === undefined || bytes < 1 || bytes > MAX_ROW_BYTES ? new Refused() : bytes
    },
  ).default(64 * 2 ** 10),
})

function oneOrMore(expected: string) {
  const item = { type: 'string', minLength: 1 }
  const json = { anyOf: [item, { type: 'array', items: item, minItems: 1 }] }
  return scalar<string[]>(expected, json, (value) => {
    const list: unknown[] = Array.isArray(value) ? value : [value]
    const isGood = list.length > 0 && list.every((each) => typeof each === 'string' && each !== '')
    return isGood ? (list as string[]) : new Refused()
  })
}

export interface ReadGrok {
  /** Undefined when there are problems, here or with the keys by themselves. */
  options: GrokOptions | undefined
  /** The columns, when they are known without a schema. */
  columns: Column[]
  problems: Problem[]
}

/** Reads `parser:` with the files that it names, below `dir`. */
export function readGrok(source: Source, dir: string): ReadGrok {
  const parsed = grok.safeParse(valueAt(source.value, ['parser']), { reportInput: false })
  if (!parsed.success) return { options: undefined, columns: [], problems: [] }
  const { pattern, custom_patterns, patterns_dir, anchored, compression, max_row_bytes } = parsed.data
  const own = (path: Path, name: string, regex: string): OwnDefinition => {
    return { name, regex, origin: { label: showPath(path), at: () => source.at(path) } }
  }
  const custom = Object.entries(custom_patterns)
  const names = nameProblems(source, custom)
  const folders = readFolders(source, dir, patterns_dir ?? [])
  // Names of a folder that was not read are not unknown.
  if (folders.problems.length > 0) return { options: undefined, columns: [], problems: [...names, ...folders.problems] }
  const compiled = compile({
    patterns: pattern.map((regex, index) => own(pathOf(source, 'pattern', index), '', regex)),
    custom: custom.map(([name, regex]) => own(['parser', 'custom_patterns', name], name, regex)),
    files: folders.definitions,
    isAnchored: anchored,
  })
  const problems = [...names, ...compiled.problems]
  if (problems.length > 0) return { options: undefined, columns: [], problems }
  const options: GrokOptions = {
    type: 'grok',
    compression,
    patterns: compiled.patterns,
    maxRowBytes: max_row_bytes,
  }
  return { options, columns: compiled.columns, problems: columnProblems(source, options) }
}

/** What the patterns capture, each name once, with the first hint that it has. */
export function grokFields({ patterns }: GrokOptions): { name: string; hint: GrokHint | undefined }[] {
  const found = new Map<string, GrokHint | undefined>()
  for (const { name, hint } of patterns.flatMap(({ fields }) => fields)) found.set(name, found.get(name) ?? hint)
  return Array.from(found, ([name, hint]) => ({ name, hint }))
}

/** A single value and a list of them are the same; where it stands is not. */
function pathOf(source: Source, key: string, index: number): Path {
  const path = ['parser', key]
  return Array.isArray(valueAt(source.value, path)) ? [...path, index] : path
}

function nameProblems(source: Source, custom: [string, string][]): Problem[] {
  return custom.flatMap(([name]) => {
    const path = ['parser', 'custom_patterns', name]
    if (isPatternName(name)) return []
    const message = `${showPath(path)}: expected a name of letters, digits and "_"`
    return [{ ...source.atKey(path), message }]
  })
}

function readFolders(
  source: Source,
  dir: string,
  folders: string[],
): { definitions: OwnDefinition[]; problems: Problem[] } {
  const problems: Problem[] = []
  const definitions = folders.flatMap((folder, index): OwnDefinition[] => {
    const path = pathOf(source, 'patterns_dir', index)
    const bad = (message: string) => problems.push({ ...source.at(path), message: `${showPath(path)}: ${message}` })
    const isOutside = isAbsolute(folder) || normalize(folder).startsWith('..')
    if (isOutside) bad(`expected a folder inside of the connector's, found ${JSON.stringify(folder)}`)
    else if (!isFolder(join(dir, folder))) bad(`there is no folder ${JSON.stringify(folder)} in ${dir}`)
    else
      try {
        return readFolder(join(dir, folder))
      } catch (error) {
        if (!(error instanceof Wrong)) throw error
        problems.push({ ...error.place, message: error.message })
      }
    return []
  })
  return { definitions, problems }
}

/** Which captures there are is known, so a column without one is a slip of the pen, unless it says what it is instead. */
function columnProblems(source: Source, options: GrokOptions): Problem[] {
  const names = grokFields(options).map(({ name }) => name)
  const columns = valueAt(source.value, ['schema', 'columns'])
  return (Array.isArray(columns) ? columns : []).flatMap((column: unknown, index) => {
    const key = valueAt(column, ['source']) === undefined ? 'name' : 'source'
    const wanted = valueAt(column, [key])
    const path = ['schema', 'columns', index]
    if (typeof wanted !== 'string' || names.includes(wanted) || source.node([...path, 'default'])) return []
    const hint = didYouMean(wanted, names) || `; captured are ${names.slice(0, 20).join(', ') || 'no fields at all'}`
    const message = `${showPath([...path, key])}: no pattern captures ${JSON.stringify(wanted)}${hint}`
    return [{ ...source.at([...path, key]), message }]
  })
}
