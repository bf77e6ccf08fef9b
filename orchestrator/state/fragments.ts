/** What is recorded about fragments: the newest marker of each, and its last failure. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Claim, Receipt } from '../refresh/ports.ts'
import type { Database } from './tables.ts'

export interface Recording {
  connector: string
  now: number
  /** `version.number` that a receipt was read with; null: not known. */
  effective(receipt: Receipt): number | null
}

/**
 * Records markers; those older than what is known change nothing, so the same receipt may come any number of times.
 * One statement, whatever the number: all receipts travel as one JSON parameter.
 */
export async function recordMarkers(
  trx: Transaction<Database>,
  receipts: readonly Receipt[],
  { connector, now, effective }: Recording,
): Promise<void> {
  const json = JSON.stringify([...newestOfEach(receipts).values()].map((receipt) => toRow(receipt, effective(receipt))))
  await sql`
    INSERT INTO fragment (connector, name, fingerprint, generation, state, marker_seq, tail_seq, first_seq, frames, crc32,
      rows, rejected, bytes, schema, version, effective, refresh, committed_at)
    SELECT ${connector}, value->>0, value->>1, value->>2, value->>3, value->>4, value->>4, value->>5, value->>6, value->>7,
      value->>8, value->>9, value->>10, value->>11, value->>12, value->>13, value->>14, ${now}
    FROM json_each(${json}) WHERE true
    ON CONFLICT (connector, name) DO UPDATE SET
      generation = excluded.generation, state = excluded.state, marker_seq = excluded.marker_seq,
      tail_seq = excluded.tail_seq, first_seq = excluded.first_seq, frames = excluded.frames, crc32 = excluded.crc32,
      rows = excluded.rows, rejected = excluded.rejected, bytes = excluded.bytes, refresh = excluded.refresh,
      committed_at = excluded.committed_at,
      -- A tombstone leaves what was last committed, for explain.
      fingerprint = coalesce(excluded.fingerprint, fragment.fingerprint),
      schema = coalesce(excluded.schema, fragment.schema), version = coalesce(excluded.version, fragment.version),
      effective = CASE excluded.state WHEN 'retracted' THEN fragment.effective ELSE excluded.effective END,
      reprocess = 0, failed_code = NULL, failed_message = NULL, failed_at = NULL, failures = 0
    WHERE excluded.marker_seq > fragment.marker_seq`.execute(trx)
}

function newestOfEach(receipts: readonly Receipt[]): Map<string, Receipt> {
  const newest = new Map<string, Receipt>()
  for (const receipt of receipts) {
    if (receipt.sequence > (newest.get(receipt.name)?.sequence ?? 0)) newest.set(receipt.name, receipt)
  }
  return newest
}

function toRow(receipt: Receipt, effective: number | null): unknown[] {
  const { name, generation, sequence, firstSequence, frames, crc32, rows, rejected, bytes, refresh } = receipt
  const live = receipt.kind === 'commit'
  return [
    name,
    live ? receipt.fingerprint : null,
    generation,
    live ? 'live' : 'retracted',
    sequence,
    firstSequence,
    frames,
    crc32,
    live ? rows : 0,
    live ? rejected : 0,
    live ? bytes : 0,
    live ? receipt.schema : null,
    live ? receipt.version : null,
    effective,
    refresh,
  ]
}

/** How many of these commits changed the fingerprint only, and one of them: the source's fingerprints are unstable. */
export async function sameContent(
  trx: Transaction<Database>,
  connector: string,
  receipts: readonly Receipt[],
): Promise<{ count: number; example: string | null }> {
  const commits = receipts.filter(({ kind, rows }) => kind === 'commit' && rows > 0)
  const json = JSON.stringify(commits.map((r) => [r.name, r.fingerprint, r.rows, r.bytes, r.crc32, r.sequence]))
  // CROSS JOIN: SQLite keeps that order. Its planner would walk all fragments once for each receipt (measured).
  const { rows } = await sql<{ count: number; example: string | null }>`
    SELECT count(*) AS count, min(f.name) AS example
    FROM json_each(${json}) r CROSS JOIN fragment f
    WHERE f.connector = ${connector} AND f.name = r.value->>0 AND f.state IN ('live', 'kept') AND f.fingerprint <> r.value->>1 AND f.rows = r.value->>2
      AND f.bytes = r.value->>3 AND f.crc32 = r.value->>4 AND f.marker_seq < r.value->>5`.execute(trx)
  return rows[0]!
}

/** Notes a failure; the last good rows, and all that is known about them, stay. */
export async function noteFailure(
  trx: Transaction<Database>,
  { connector }: Claim,
  name: string,
  error: { code: string; message: string },
  now: number,
): Promise<void> {
  const failed = { failed_code: error.code, failed_message: error.message, failed_at: now }
  await sql`
    INSERT INTO fragment (connector, name, state, failed_code, failed_message, failed_at, failures)
    VALUES (${connector}, ${name}, 'new', ${failed.failed_code}, ${failed.failed_message}, ${now}, 1)
    ON CONFLICT (connector, name) DO UPDATE SET failed_code = excluded.failed_code,
      failed_message = excluded.failed_message, failed_at = excluded.failed_at, failures = fragment.failures + 1`.execute(
    trx,
  )
}

/** The names' state, for those that have no marker of their own: vanished and kept, listed again, gone before any commit. */
export async function setFragmentState(
  trx: Transaction<Database>,
  connector: string,
  names: readonly string[],
  to: 'kept' | 'live' | 'gone',
): Promise<void> {
  const given = sql`SELECT value->>0 FROM json_each(${JSON.stringify(names.map((name) => [name]))})`
  if (to === 'gone')
    await sql`DELETE FROM fragment WHERE connector = ${connector} AND state = 'new' AND name IN (${given})`.execute(trx)
  else {
    const from = to === 'kept' ? 'live' : 'kept'
    await sql`UPDATE fragment SET state = ${to} WHERE connector = ${connector} AND state = ${from} AND name IN (${given})`.execute(
      trx,
    )
  }
}

/** Forgets a step's worth of fragments; returns how many. */
export async function deleteFragments(db: Kysely<Database>, connector: string, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    DELETE FROM fragment WHERE connector = ${connector} AND name IN
      (SELECT name FROM fragment WHERE connector = ${connector} LIMIT ${limit})`.execute(db)
  return Number(numAffectedRows ?? 0)
}
