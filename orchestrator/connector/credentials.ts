/** The connector's credentials: one string, read when a session opens, kept nowhere. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DefinitionError } from '../errors.ts'
import type { Connector } from './definition.ts'
import { connectorFolders } from './discover.ts'
import { loadConnector } from './load.ts'

type Environment = Record<string, string | undefined>

/** '' when the connector has none. Promise 10: an error names the variable or file, never what is in it. */
export function credentialsOf({ name, dir, file, credentials }: Connector, env: Environment): string {
  if (!credentials) return ''
  if ('env' in credentials) {
    const value = env[credentials.env]
    if (value !== undefined) return value
    throw new DefinitionError(`${file}: credentials of ${name}: the environment variable ${credentials.env} is not set`)
  }
  const path = credentialsFile(dir, credentials.file, env)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code = 'error' } = error as { code?: string }
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    throw new DefinitionError(`${file}: credentials of ${name}: the file ${path} ${why}`)
  }
}

/**
 * What must be hidden from author code that runs on this host (promise 9): the credentials files of all connectors in
 * `dirs`, and of those beside them, as far as they can be told. A broken connector.yaml names none.
 */
export function credentialFiles(dirs: Iterable<string>, env: Environment): string[] {
  const found = new Set<string>()
  const base = env['ROWCAST_CREDENTIALS_DIR']
  if (base) found.add(resolve(base))
  for (const folder of new Set([...dirs].flatMap(foldersNear))) {
    try {
      const { credentials } = loadConnector(folder)
      if (credentials && 'file' in credentials) found.add(credentialsFile(folder, credentials.file, env))
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error
    }
  }
  return [...found]
}

function foldersNear(dir: string): string[] {
  try {
    return connectorFolders(dir)
  } catch {
    return [] // a folder that this user may not list: author code may not either
  }
}

function credentialsFile(dir: string, file: string, env: Environment): string {
  const base = env['ROWCAST_CREDENTIALS_DIR']
  return base ? join(base, file) : resolve(dir, file)
}
