/** The connector's credentials: one string, read when a session opens, kept nowhere. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DefinitionError } from '../errors.ts'
import type { Connector } from './definition.ts'

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

function credentialsFile(dir: string, file: string, env: Environment): string {
  const base = env['ROWCAST_CREDENTIALS_DIR']
  return base ? join(base, file) : resolve(dir, file)
}
