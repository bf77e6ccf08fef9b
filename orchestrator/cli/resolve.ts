/** DIR or NAME on the command line. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Connector } from '../connector/definition.ts'
import { DefinitionError } from '../errors.ts'
import type { Parts } from './parts.ts'

/** A folder with a connector.yaml, or the name of one below ./connectors. */
export function resolveConnector(parts: Parts, given: string): Connector {
  const dir = resolve(parts.cwd, given)
  if (existsSync(join(dir, 'connector.yaml'))) return parts.load(dir)
  const below = join(parts.cwd, 'connectors')
  const found = existsSync(below) ? parts.discover([below]) : []
  const named = found.find((connector) => connector.name === given)
  if (named) return named
  const known = found.length > 0 ? ` (known here: ${found.map(({ name }) => name).join(', ')})` : ''
  throw new DefinitionError(
    existsSync(dir)
      ? `${given} has no connector.yaml; make one with: rowcast init ${given}`
      : `there is no folder ${given}, and no connector of that name in ./connectors${known}; make one with: rowcast init ${given}`,
    undefined,
    'config.usage',
  )
}
