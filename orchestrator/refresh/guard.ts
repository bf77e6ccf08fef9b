/** The guard on mass deletion: a listing that lost most of its fragments is more often a mistake than a wish. */
import type { Connector } from '../connector/definition.ts'
import { RefreshError } from '../errors.ts'
import type { Diff } from './ports.ts'

/** The error to report when `diff` deletes too much; undefined when it may go on. */
export function massDeletion(connector: Connector, diff: Diff, allowed: boolean): RefreshError | undefined {
  const { maxDeleted, deleted } = connector.refresh
  if (allowed || deleted === 'keep' || diff.vanished === 0) return undefined
  if ('percent' in maxDeleted && maxDeleted.percent >= 100) return undefined
  const limit = 'percent' in maxDeleted ? Math.ceil((diff.live * maxDeleted.percent) / 100) : maxDeleted.count
  if (diff.vanished <= limit && diff.vanished < diff.live) return undefined
  return new RefreshError(
    'list.mass_deletion',
    `${diff.vanished} of ${diff.live} fragments vanished from the listing (${diff.listed} listed), more than refresh.max_deleted allows (${limit}); ` +
      `nothing was retracted. If this is right, run: rowcast refresh ${connector.name} --allow-deleted`,
  )
}
