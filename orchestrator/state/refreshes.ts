/** The refreshes: opened by a claim, ended once; one live refresh a connector. */
import type { Kysely, Transaction } from 'kysely'
import { LINK_CODES, RefreshError } from '../errors.ts'
import type { Claim, RefreshOutcome, Trigger } from '../refresh/ports.ts'
import { ensureConnector, findConnector, restingState, setConnectorState, startConnector } from './connectors.ts'
import { freeLease, takeLease } from './lease.ts'
import type { ConnectorTable, Database } from './tables.ts'

export interface NewRefresh {
  id: string
  connector: string
  trigger: Trigger
  traceId: string
  owner: string
  now: number
}

/** Claims the connector. A refresh that a dead process left is ended first: its work is found again by listing. */
export function beginRefresh(db: Kysely<Database>, wanted: NewRefresh): Promise<Claim> {
  const { id, connector: name, owner, now, trigger, traceId } = wanted
  return db.transaction().execute(async (trx) => {
    await ensureConnector(trx, name, now)
    await endDead(trx, name, owner, now)
    const connector = await ensureConnector(trx, name, now)
    await refuseLive(trx, name)
    await startConnector(trx, connector, now)
    const epoch = await takeLease(trx, name, owner)
    await trx
      .insertInto('refresh')
      .values({
        id,
        connector: name,
        trigger,
        status: 'running',
        phase: 'list',
        attempt: 1,
        requested_at: now,
        started_at: now,
        trace_id: traceId,
        ...NO_COUNTS,
      })
      .execute()
    return { connector: name, refresh: id, epoch, startedAt: now }
  })
}

const NO_COUNTS = {
  listed: 0,
  new: 0,
  changed: 0,
  unchanged: 0,
  vanished: 0,
  read: 0,
  committed: 0,
  failed: 0,
  retracted: 0,
  rows: 0,
  rejected: 0,
  bytes: 0,
}

async function refuseLive(trx: Transaction<Database>, connector: string): Promise<void> {
  const live = await trx
    .selectFrom('refresh')
    .select(['id', 'started_at'])
    .where('connector', '=', connector)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  if (!live) return
  const since = new Date(live.started_at).toISOString()
  throw new RefreshError(
    'refresh.live',
    `connector ${connector} is being refreshed since ${since} (refresh ${live.id})`,
  )
}

/**
 * Ends the live refreshes of other owners, of one connector or of all; returns their ids. On SQLite who is not this process
 * is dead: the home lock was free.
 */
export async function endDead(
  trx: Transaction<Database>,
  connector: string | undefined,
  owner: string,
  now: number,
): Promise<string[]> {
  let query = trx
    .selectFrom('refresh')
    .leftJoin('lease', 'lease.connector', 'refresh.connector')
    .select(['refresh.id', 'refresh.connector'])
    .where('refresh.ended_at', 'is', null)
    .where((eb) => eb.or([eb('lease.owner', 'is', null), eb('lease.owner', '<>', owner)]))
  if (connector !== undefined) query = query.where('refresh.connector', '=', connector)
  const dead = await query.execute()
  for (const { id, connector: name } of dead) {
    const error = {
      error_code: 'refresh.interrupted',
      error_message: 'the process ended in the middle; what the stream holds counts, the next refresh does the rest',
    }
    await trx
      .updateTable('refresh')
      .set({ status: 'failed', phase: 'done', ended_at: now, ...error })
      .where('id', '=', id)
      .execute()
    const row = await findConnector(trx, name)
    if (row?.state === 'running') await setConnectorState(trx, row, restingState(row), now)
    await freeLease(trx, name)
  }
  return dead.map(({ id }) => id)
}

/** Ends the refresh, moves the connector on, frees the lease. */
export async function endRefresh(
  trx: Transaction<Database>,
  claim: Claim,
  { status, counts, rows, rejected, bytes, error, position }: RefreshOutcome,
  now: number,
): Promise<void> {
  const told = { error_code: error?.code ?? null, error_message: error?.message ?? null }
  await trx
    .updateTable('refresh')
    .set({ status, phase: 'done', ended_at: now, ...counts, rows, rejected, bytes, ...told })
    .where('id', '=', claim.refresh)
    .execute()
  const connector = await ensureConnector(trx, claim.connector, now)
  const moved = { ...connector, ...verdict(connector, status, told, now) }
  await setConnectorState(trx, connector, restingState(moved), now, {
    error_code: moved.error_code,
    error_message: moved.error_message,
    failures: moved.failures,
    last_success_at: moved.last_success_at,
    // A position moves only here: commits are recorded out of order, and a higher mark would hide one.
    ...(position ? { stream_created: position.created, stream_seq: position.sequence } : {}),
  })
  await freeLease(trx, claim.connector)
}

/** What a refresh says about its connector: nothing when it was cancelled or a part of ours was unreachable. */
function verdict(
  connector: ConnectorTable,
  status: RefreshOutcome['status'],
  told: Pick<ConnectorTable, 'error_code' | 'error_message'>,
  now: number,
): Partial<ConnectorTable> {
  if (status === 'succeeded') return { error_code: null, error_message: null, failures: 0, last_success_at: now }
  if (status === 'cancelled' || (LINK_CODES as readonly (string | null)[]).includes(told.error_code)) return {}
  return { ...told, failures: connector.failures + 1 }
}
