/** What the command line asks of the state. */
import { type Kysely, sql } from 'kysely'
import type { ConnectorState, Database, FragmentState, FragmentTable, RefreshTable } from './tables.ts'

export interface ConnectorStatus {
  name: string
  state: ConnectorState
  since: number
  lastSuccessAt: number | null
  nextDueAt: number | null
  /** Of the last refresh that failed, while none has succeeded since. */
  errorCode: string | null
  errorMessage: string | null
  /** Refreshes failed in a row. */
  failures: number
  /** Live and kept fragments, and the rows they hold in the stream. */
  fragments: number
  rows: number
  rejected: number
  /** Fragments whose last read failed. */
  failed: number
  /** The newest refresh, live or ended, with its counts. */
  refresh: RefreshTable | undefined
}

/** One entry per connector, by name. */
export async function connectorStatus(db: Kysely<Database>): Promise<ConnectorStatus[]> {
  const found: ConnectorStatus[] = []
  for (const row of await db.selectFrom('connector').selectAll().orderBy('name').execute()) {
    found.push({
      name: row.name,
      state: row.state,
      since: row.state_since,
      lastSuccessAt: row.last_success_at,
      nextDueAt: row.next_due_at,
      errorCode: row.error_code,
      errorMessage: row.error_message,
      failures: row.failures,
      ...(await fragmentSums(db, row.name)),
      refresh: (await listRefreshes(db, row.name, 1))[0],
    })
  }
  return found
}

async function fragmentSums(db: Kysely<Database>, connector: string) {
  const { rows } = await sql<{ fragments: number; rows: number; rejected: number; failed: number }>`
    SELECT count(*) FILTER (WHERE state IN ('live', 'kept')) AS fragments, coalesce(sum(rows), 0) AS rows,
      coalesce(sum(rejected), 0) AS rejected, count(*) FILTER (WHERE failures > 0) AS failed
    FROM fragment WHERE connector = ${connector}`.execute(db)
  return rows[0]!
}

export interface FragmentPage {
  /** One of new, live, kept, retracted, or failed: those whose last read failed. */
  state?: string | undefined
  /** The last name of the page before; '' at first. */
  after: string
  limit: number
}

export interface FragmentStatus {
  name: string
  state: FragmentState
  fingerprint: string | null
  generation: number
  rows: number
  rejected: number
  bytes: number
  committedAt: number | null
  failedCode: string | null
  failedMessage: string | null
}

/** Fragments by name. */
export async function listFragments(
  db: Kysely<Database>,
  connector: string,
  { state, after, limit }: FragmentPage,
): Promise<FragmentStatus[]> {
  let query = db
    .selectFrom('fragment')
    .select(['name', 'state', 'fingerprint', 'generation', 'rows', 'rejected', 'bytes'])
    .select(['committed_at as committedAt', 'failed_code as failedCode', 'failed_message as failedMessage'])
    .where('connector', '=', connector)
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit)
  if (state === 'failed') query = query.where('failures', '>', 0)
  else if (state !== undefined) query = query.where('state', '=', state as FragmentState)
  return query.execute()
}

/** All that is known about one fragment. */
export async function findFragment(
  db: Kysely<Database>,
  connector: string,
  name: string,
): Promise<FragmentTable | undefined> {
  return db
    .selectFrom('fragment')
    .selectAll()
    .where('connector', '=', connector)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** The newest first. */
export async function listRefreshes(db: Kysely<Database>, connector: string, limit: number): Promise<RefreshTable[]> {
  return db
    .selectFrom('refresh')
    .selectAll()
    .where('connector', '=', connector)
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}
