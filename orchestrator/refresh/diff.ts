/** diff ▸ guard ▸ work: what the listing means for this connector. */
import type { Connector } from '../connector/definition.ts'
import type { RefreshError } from '../errors.ts'
import { massDeletion } from './guard.ts'
import type { Claim, Staging } from './ports.ts'
import type { Report, Tally } from './tally.ts'

export interface DiffDeps {
  connector: Connector
  claim: Claim
  /** The effective version now. */
  version: string
  tally: Tally
  report: Report
  /** The guard on mass deletion is lifted. */
  allowDeleted: boolean
}

/** Makes the differences this claim's work. Returns the error of a tripped guard: it fails the refresh, but new and changed go on. */
export async function scheduleChanges(staging: Staging, deps: DiffDeps): Promise<RefreshError | undefined> {
  const { connector, claim, version, tally, report, allowDeleted } = deps
  const diff = await staging.diff(version)
  tally.diffed(diff)
  report.phase(
    'diff',
    `${diff.listed} listed: ${diff.new} new, ${diff.changed} changed, ${diff.unchanged} unchanged, ${diff.vanished} vanished`,
  )
  const tripped = massDeletion(connector, diff, allowDeleted)
  if (tripped) report.warn(tripped.message)
  await staging.schedule(claim, tripped ? 'leave' : connector.refresh.deleted)
  return tripped
}
