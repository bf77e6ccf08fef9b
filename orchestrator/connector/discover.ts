/** Where connectors are: `up [DIR…]`. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DefinitionError } from '../errors.ts'
import type { Connector } from './definition.ts'
import { isFile, isFolder } from './files.ts'
import { FILE_NAME, loadConnector } from './load.ts'

/**
 * Every connector in `dirs`: a folder with a connector.yaml is one, and so is each such folder directly inside. All that
 * is wrong with any of them is thrown at once.
 */
export function discover(dirs: readonly string[]): Connector[] {
  const problems: string[] = []
  const found = new Map<string, Connector>()
  for (const dir of dirs.flatMap((dir) => foldersIn(dir, problems))) {
    try {
      const connector = loadConnector(dir)
      const same = found.get(connector.name)
      if (same && same.dir !== connector.dir)
        problems.push(
          `${connector.file}: another connector is named ${connector.name}: ${same.file}; expected unique names`,
        )
      else found.set(connector.name, connector)
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error
      problems.push(error.message)
    }
  }
  if (problems.length > 0) throw new DefinitionError(problems.join('\n'))
  return [...found.values()]
}

function foldersIn(dir: string, problems: string[]): string[] {
  if (!isFolder(dir)) {
    problems.push(`${dir}: there is no such folder; expected one with connectors`)
    return []
  }
  return connectorFolders(dir)
}

/** The folder itself if it has a connector.yaml, else those directly inside that have one; none if it is no folder. */
export function connectorFolders(dir: string): string[] {
  if (!isFolder(dir)) return []
  if (hasFile(dir)) return [dir]
  return readdirSync(dir)
    .sort()
    .map((name) => join(dir, name))
    .filter(hasFile)
}

function hasFile(dir: string): boolean {
  return isFile(join(dir, FILE_NAME))
}
