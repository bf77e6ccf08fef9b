/** The connectors below ./connectors: is each definition sound, are its credentials there. */
import { messageOf } from '../errors.ts'
import type { Finding } from './finding.ts'

export interface ConnectorLook {
  folder: string
  /** Why its connector.yaml cannot be used. */
  wrong: Error | undefined
  name: string
  /** Where its credentials are to come from. */
  credentials: 'env' | 'file' | undefined
  /** Why they are not there. */
  missing: Error | undefined
}

export function judgeConnectors(looks: ConnectorLook[], dir: string, inCluster: boolean): Finding[] {
  const found: Finding[] = []
  for (const { folder, wrong, name, credentials, missing } of looks) {
    if (wrong)
      found.push({
        check: 'connector',
        status: 'failed',
        message: messageOf(wrong),
        fix: `correct ${folder}/connector.yaml`,
      })
    else if (missing)
      found.push({
        check: 'credentials',
        status: 'failed',
        message: messageOf(missing),
        fix: fixOf(missing.message, name),
      })
    else if (credentials === 'env' && inCluster)
      found.push({
        check: 'credentials',
        status: 'warning',
        message: `${name} takes its credentials from an environment variable, which everybody who may look at the pod can read`,
        fix: 'mount a secret, and say credentials: {file: …}',
      })
  }
  const good = looks.filter(({ wrong, missing }) => !wrong && !missing).length
  const message =
    looks.length === 0
      ? `no connectors below ${dir}`
      : `${good} of ${looks.length} connectors below ${dir} are sound, and their credentials are there`
  return [...found, { check: 'connectors', status: 'ok', message }]
}

function fixOf(message: string, name: string): string {
  const variable = /environment variable (\S+) is not set/.exec(message)?.[1]
  return variable
    ? `export ${variable}=…, where rowcast runs`
    : `put the credentials of ${name} into that file, or correct credentials: {file: …}`
}
