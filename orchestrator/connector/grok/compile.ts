/** What the author wrote about patterns to what a parser needs: plain data, or every problem with its place. */
import type { Column, GrokPattern } from '../definition.ts'
import type { Problem } from '../positions.ts'
import { apacheColumns } from './apache.ts'
import { bundledLibrary, type Definition, type Library, type OwnDefinition } from './definitions.ts'
import { type Expanded, expand } from './expand.ts'
import { translate } from './translate.ts'
import { Wrong } from './wrong.ts'

export interface Given {
  /** Tried in this order; their `regex` is what connector.yaml says. */
  patterns: OwnDefinition[]
  /** Definitions of the folders; a name may be there once. */
  files: OwnDefinition[]
  /** They stand before those of the folders, and both before the bundled ones. */
  custom: OwnDefinition[]
  /** False: a pattern may match anywhere in a line. */
  isAnchored: boolean
}

export interface Compiled {
  patterns: GrokPattern[]
  problems: Problem[]
  /** The columns, when they are known without a schema. */
  columns: Column[]
}

/** Everything that the author brings is expanded; what is used, or stands in connector.yaml, is translated as well. */
export function compile({ patterns, files, custom, isAnchored }: Given): Compiled {
  const library = bundledLibrary()
  const problems: Problem[] = []
  const checked = new Set<Definition>()
  const report = (error: unknown) => {
    if (!(error instanceof Wrong)) throw error
    const { message, place, shared } = error
    for (const definition of shared) checked.add(definition)
    const isKnown = problems.some((known) => known.message === message && known.line === place.line)
    if (!isKnown) problems.push({ ...place, message })
  }
  for (const definition of unique(files, report)) library.set(definition.name, definition)
  for (const definition of custom) library.set(definition.name, definition)

  const compiled: GrokPattern[] = []
  const expansions: { text: string; uses: Expanded['uses'] }[] = []
  for (const definition of patterns) {
    try {
      const expanded = expand(definition, library)
      compiled.push(patternOf(definition, expanded, library, isAnchored))
      for (const used of expanded.uses) checked.add(used)
      expansions.push({ text: definition.regex, uses: expanded.uses })
    } catch (error) {
      report(error)
    }
  }
  for (const definition of [...custom, ...files]) {
    if (checked.has(definition)) continue
    try {
      const expanded = expand(definition, library)
      if (custom.includes(definition)) patternOf(definition, expanded, library, isAnchored)
    } catch (error) {
      report(error)
    }
  }
  return { patterns: compiled, problems, columns: problems.length > 0 ? [] : apacheColumns(expansions) }
}

function unique(files: OwnDefinition[], report: (error: Wrong) => void): OwnDefinition[] {
  const found = new Map<string, OwnDefinition>()
  for (const definition of files) {
    const { name, origin } = definition
    const before = found.get(name)?.origin.at(0)
    if (before) report(new Wrong(`${name}: is already defined at ${before.file}:${before.line}`, origin.at(0)))
    else found.set(name, definition)
  }
  return [...found.values()]
}

function patternOf(
  definition: OwnDefinition,
  { regex, captures, uses }: Expanded,
  library: Library,
  isAnchored: boolean,
): GrokPattern {
  try {
    const { source, flags, groups } = translate(isAnchored ? `\\A(?:${regex})\\z` : `(?:${regex})`, captures.length)
    const fields = captures.flatMap(({ field, hint }, index) =>
      groups[index] === 0 ? [] : [{ name: field, group: groups[index]!, hint }],
    )
    return { text: definition.regex, source, flags, fields }
  } catch (error) {
    throw blamed(definition, uses, library, error as Error)
  }
}

/** The innermost of the author's definitions that is wrong by itself. */
function blamed(definition: OwnDefinition, uses: ReadonlySet<Definition>, library: Library, error: Error): Wrong {
  for (const used of [...uses].filter(isOwn)) {
    const { regex, captures } = expand(used, library)
    try {
      translate(`(?:${regex})`, captures.length)
    } catch (inner) {
      return untranslatable(used, inner as Error)
    }
  }
  return untranslatable(definition, error)
}

const isOwn = (definition: Definition): definition is OwnDefinition => definition.origin !== undefined

function untranslatable({ origin }: OwnDefinition, { name, message }: Error): Wrong {
  const why = name === 'RangeError' ? 'it is too large, or too deeply nested' : message
  return new Wrong(`${origin.label}: the regex cannot be used: ${why}`, origin.at(0))
}
