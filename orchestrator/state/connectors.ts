/**
 * The states of a connector (state.md section 8).
 *
 *   idle     installed, its last refresh succeeded        → running, paused
 *   running  a refresh is under way                       → idle, error, paused
 *   error    its last refresh failed; good rows stay      → running, paused
 *   paused   somebody said so; survives restarts          → idle, error (when the last refresh had failed)
 *
 * A pause during a refresh shows at its end.
 */
import type { Kysely, Transaction } from 'kysely'
import { RefreshError } from '../errors.ts'
import type { StreamPosition } from '../refresh/ports.ts'
import type { ConnectorState, ConnectorTable, Database } from './tables.ts'

const MOVES: Record<ConnectorState, readonly ConnectorState[]> = {
  idle: ['running', 'paused'],
  running: ['idle', 'error', 'paused'],
  error: ['running', 'paused'],
  paused: ['idle', 'error'],
}

/** The only place where a state changes; `also` changes with it. */
export async function setConnectorState(
  trx: Transaction<Database>,
  connector: ConnectorTable,
  to: ConnectorState,
  now: number,
  also: Partial<Omit<ConnectorTable, 'name' | 'state' | 'state_since'>> = {},
): Promise<void> {
  if (!MOVES[connector.state].includes(to)) {
    throw new Error(`connector ${connector.name} cannot go from ${connector.state} to ${to}`)
  }
  await trx
    .updateTable('connector')
    .set({ ...also, state: to, state_since: now })
    .where('name', '=', connector.name)
    .execute()
}

/** Where a connector is when nothing runs. */
export function restingState(connector: Pick<ConnectorTable, 'paused_at' | 'error_code'>): ConnectorState {
  if (connector.paused_at !== null) return 'paused'
  return connector.error_code === null ? 'idle' : 'error'
}

export async function findConnector(db: Kysely<Database>, name: string): Promise<ConnectorTable | undefined> {
  return db.selectFrom('connector').selectAll().where('name', '=', name).executeTakeFirst()
}

/** The connector's row, made when it is new. */
export async function ensureConnector(db: Kysely<Database>, name: string, now: number): Promise<ConnectorTable> {
  await db
    .insertInto('connector')
    .values({ name, state: 'idle', state_since: now, failures: 0 })
    .onConflict((row) => row.doNothing())
    .execute()
  return db.selectFrom('connector').selectAll().where('name', '=', name).executeTakeFirstOrThrow()
}

/** idle or error → running. */
export async function startConnector(
  trx: Transaction<Database>,
  connector: ConnectorTable,
  now: number,
): Promise<void> {
  if (connector.paused_at !== null) {
    const since = new Date(connector.paused_at).toISOString()
    throw new RefreshError(
      'refresh.cancelled',
      `connector ${connector.name} is paused since ${since}; \`rowcast resume ${connector.name}\` lets it run again`,
    )
  }
  await setConnectorState(trx, connector, 'running', now)
}

export async function pauseConnector(db: Kysely<Database>, name: string, now: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const connector = await ensureConnector(trx, name, now)
    if (connector.paused_at !== null) return
    if (connector.state !== 'running') return setConnectorState(trx, connector, 'paused', now, { paused_at: now })
    await trx.updateTable('connector').set({ paused_at: now }).where('name', '=', name).execute()
  })
}

export async function resumeConnector(db: Kysely<Database>, name: string, now: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const connector = await findConnector(trx, name)
    if (!connector || connector.paused_at === null) return
    const resumed = { ...connector, paused_at: null }
    if (connector.state === 'paused')
      return setConnectorState(trx, connector, restingState(resumed), now, { paused_at: null })
    await trx.updateTable('connector').set({ paused_at: null }).where('name', '=', name).execute()
  })
}

export async function streamPosition(db: Kysely<Database>, name: string): Promise<StreamPosition | undefined> {
  const row = await findConnector(db, name)
  if (!row || row.stream_created === null || row.stream_seq === null) return undefined
  return { created: row.stream_created, sequence: row.stream_seq }
}

/** The first sight of a connector's stream: nothing of it is recorded yet. */
export async function adoptStream(trx: Transaction<Database>, name: string, created: string): Promise<void> {
  await trx
    .updateTable('connector')
    .set({ stream_created: created, stream_seq: 0 })
    .where('name', '=', name)
    .where('stream_created', 'is', null)
    .execute()
}

export async function reschedule(
  db: Kysely<Database>,
  name: string,
  nextDueAt: number | null,
  now: number,
): Promise<void> {
  await ensureConnector(db, name, now)
  await db.updateTable('connector').set({ next_due_at: nextDueAt }).where('name', '=', name).execute()
}
