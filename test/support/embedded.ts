/** Looks at the embedded nats-server of a home after its owner has ended: starts it again, observes, stops it. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { start } from './cli.ts'
import { observe, type Seen } from './oracle.ts'

/** Address and password of the read-only user, as `rowcast` prints them for subscribers. */
export function readerOf(home: string): { servers: string; user: string; pass: string } {
  const { reader } = JSON.parse(readFileSync(join(home, 'nats', 'users.json'), 'utf8'))
  return {
    servers: `127.0.0.1:${readFileSync(join(home, 'nats', 'port'), 'utf8')}`,
    user: reader.user,
    pass: reader.password,
  }
}

/** Keeps the home's server running with a `tail` while it observes. */
export async function observeHome(
  home: string,
  connector: string,
  options: { interrupted?: boolean } = {},
): Promise<Seen> {
  const tail = start(['tail', connector, '--home', home, '--json', '--from', 'new'])
  try {
    await tail.stderr(/tailing/)
    return await observe(readerOf(home), connector, options)
  } finally {
    tail.child.kill('SIGTERM')
    await tail.result
  }
}
