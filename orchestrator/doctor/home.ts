/** The home: may it be written, who works on it, is the state of this program's version, is there room on the disk. */
import type { Finding } from './finding.ts'

export interface HomeLook {
  dir: string
  /** Why nothing can be written there. */
  unwritable: string | undefined
  /** Pid of the process that works on it, as text; undefined: nobody does. */
  holder: string | undefined
  /** Number of the state's tables; undefined: there is none yet. */
  schema: number | undefined
  /** The number that this program wants. */
  newest: number
  /** Why the state cannot be read. */
  stateError: Error | undefined
  disk: { free: number; total: number }
}

const LITTLE = 1 << 30
const NOTHING = 64 << 20

export function judgeHome(look: HomeLook): Finding[] {
  const { dir, unwritable, holder, schema, newest, stateError, disk } = look
  const found: Finding[] = []
  const elsewhere = 'choose another home with --home DIR or ROWCAST_HOME'
  if (unwritable)
    found.push({ check: 'home', status: 'failed', message: `${dir} cannot be written: ${unwritable}`, fix: elsewhere })
  else
    found.push({
      check: 'home',
      status: 'ok',
      message: holder
        ? `${dir} is in use by a rowcast process (pid ${holder})`
        : `${dir} can be written, and nobody works on it now`,
    })
  if (stateError)
    found.push({
      check: 'state',
      status: 'failed',
      message: stateError.message,
      fix: 'see the message; `rowcast state rebuild NAME --yes` takes a connector’s state from its stream',
    })
  else if (schema === undefined)
    found.push({ check: 'state', status: 'ok', message: 'there is no state yet; the first refresh makes it' })
  else if (schema > newest)
    found.push({
      check: 'state',
      status: 'failed',
      message: `its tables are of version ${schema}, this program knows ${newest}`,
      fix: 'use the newer program, or another --home',
    })
  else
    found.push({
      check: 'state',
      status: 'ok',
      message:
        schema === newest
          ? `its tables are of version ${schema}`
          : `its tables are of version ${schema}; the next refresh brings them to ${newest}`,
    })
  const { free, total } = disk
  const room = `${(free / 2 ** 30).toFixed(1)} GiB of ${(total / 2 ** 30).toFixed(1)} GiB free on the disk of ${dir}`
  const little = free < LITTLE
  found.push({
    check: 'disk',
    status: free < NOTHING ? 'failed' : little ? 'warning' : 'ok',
    message: room,
    ...(little ? { fix: `free some space: streams, state and environments are there; or ${elsewhere}` } : {}),
  })
  return found
}
