/** What is forgotten: old refreshes, old rejects, tombstones long gone; and on order, a whole connector. */
import { type Kysely, sql } from 'kysely'
import { RefreshError } from '../errors.ts'
import { deleteFragments } from './fragments.ts'
import { inSteps, STEP } from './steps.ts'
import type { Database } from './tables.ts'
import { dropOldWork } from './work.ts'

const DAY = 86_400_000
/** Per connector, or those of 90 days, whichever keeps more. */
const KEEP_REFRESHES = 1000
const KEEP_REFRESH_MS = 90 * DAY
const KEEP_REJECT_MS = 30 * DAY
/** Tombstones live 30 days in the stream; `explain` tells of them for 90. */
const KEEP_RETRACTED_MS = 90 * DAY

/** Called hourly. */
export async function prune(db: Kysely<Database>, now: number): Promise<void> {
  await dropOldWork(db)
  await inSteps(() =>
    affected(
      sql`
      DELETE FROM refresh WHERE id IN (
        SELECT id FROM (
          SELECT id, ended_at, row_number() OVER (PARTITION BY connector ORDER BY started_at DESC, id DESC) AS place
          FROM refresh) ranked
        WHERE ended_at < ${now - KEEP_REFRESH_MS} AND place > ${KEEP_REFRESHES} LIMIT ${STEP})`.execute(db),
    ),
  )
  await inSteps(() =>
    affected(
      sql`
      DELETE FROM reject WHERE (connector, fragment, generation, row_number) IN (
        SELECT connector, fragment, generation, row_number FROM reject
        WHERE kept_at < ${now - KEEP_REJECT_MS} LIMIT ${STEP})`.execute(db),
    ),
  )
  await inSteps(() =>
    affected(
      sql`
      DELETE FROM fragment WHERE (connector, name) IN (
        SELECT connector, name FROM fragment
        WHERE state = 'retracted' AND committed_at < ${now - KEEP_RETRACTED_MS} LIMIT ${STEP})`.execute(db),
    ),
  )
  await sql`PRAGMA incremental_vacuum(1000)`.execute(db)
}

async function affected(result: Promise<{ numAffectedRows?: bigint | undefined }>): Promise<number> {
  return Number((await result).numAffectedRows ?? 0)
}

/**
 * Forgets what the stream can tell again, for `state rebuild`: the next claim's catch-up starts from the stream's
 * beginning. The position goes first, so that a crash in between leaves nothing half known.
 */
export async function forget(db: Kysely<Database>, connector: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const live = await trx
      .selectFrom('refresh')
      .select('id')
      .where('connector', '=', connector)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    if (live)
      throw new RefreshError(
        'refresh.live',
        `connector ${connector} is being refreshed (refresh ${live.id}); wait for its end`,
      )
    await trx
      .updateTable('connector')
      .set({ stream_created: null, stream_seq: null, derived_columns: null })
      .where('name', '=', connector)
      .execute()
  })
  await inSteps(() => deleteFragments(db, connector, STEP))
}

/** Forgets a connector but for its lease, whose epoch only grows. */
export async function removeConnector(db: Kysely<Database>, connector: string): Promise<void> {
  await forget(db, connector)
  await db.transaction().execute(async (trx) => {
    for (const table of ['reject', 'refresh', 'version', 'schema'] as const) {
      await trx.deleteFrom(table).where('connector', '=', connector).execute()
    }
    await trx.deleteFrom('connector').where('name', '=', connector).execute()
  })
  await dropOldWork(db)
}
