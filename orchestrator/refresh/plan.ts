/** `plan`: list ▸ diff, and nothing else. What a refresh would read and retract, before it does. */
import type { Connector } from '../connector/definition.ts'
import { massDeletion } from './guard.ts'
import { listAll } from './listing.ts'
import type { Diff } from './ports.ts'
import type { RefreshDeps } from './refresh.ts'
import { withPinnedColumns } from './schema.ts'
import { openSessions } from './sessions.ts'
import { Tally } from './tally.ts'

export interface Plan extends Diff {
  /** Set when a refresh would refuse to retract. */
  guard: Error | undefined
}

export async function plan(
  connector: Connector,
  deps: Omit<RefreshDeps, 'parse' | 'publish'>,
  signal: AbortSignal,
): Promise<Plan> {
  const { state, report, clock } = deps
  const sessions = openSessions(connector, deps, signal)
  try {
    const staging = await listAll(
      { sessions, stage: () => state.stage(connector.name), clock, report, tally: new Tally() },
      signal,
    )
    try {
      const known = await withPinnedColumns(connector, state)
      const version = await sessions.use(async (session) => deps.versions.effective(known, session))
      const diff = await staging.diff(version.id)
      return { ...diff, guard: massDeletion(connector, diff, false) }
    } finally {
      await staging.drop()
    }
  } finally {
    await sessions.close()
  }
}
