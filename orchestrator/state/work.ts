/** What a refresh has to do: one row for each fragment to read or retract, never for an unchanged one. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Claim, Work } from '../refresh/ports.ts'
import { inSteps, STEP } from './steps.ts'
import type { Database } from './tables.ts'

export interface NewWork {
  name: string
  kind: Work['kind']
  fingerprint: string
  item: string
}

export async function addWork(trx: Transaction<Database>, refresh: string, work: readonly NewWork[]): Promise<void> {
  const json = JSON.stringify(work.map(({ name, kind, fingerprint, item }) => [name, kind, fingerprint, item]))
  await sql`
    INSERT INTO work (refresh, name, kind, fingerprint, item, status)
    SELECT ${refresh}, value->>0, value->>1, value->>2, value->>3, 'open' FROM json_each(${json})`.execute(trx)
}

/** Open work in name order, with what is known about each fragment. */
export async function openWork(
  db: Kysely<Database>,
  { connector, refresh }: Claim,
  kind: 'read' | 'retract',
  after: string,
  limit: number,
): Promise<Work[]> {
  // Named, because the planner takes the key and would walk all that was read. The kind is written out, not bound: only so
  // does the partial index fit.
  const index = kind === 'retract' ? sql`INDEXED BY work_retract` : sql``
  const wanted = kind === 'retract' ? sql`w.kind = 'retract'` : sql`w.kind <> 'retract'`
  const { rows } = await sql<Omit<Work, 'hadRejects'> & { hadRejects: number }>`
    SELECT w.name, w.kind, w.fingerprint, w.item AS extra, coalesce(f.generation, 0) AS generation,
      coalesce(f.tail_seq, 0) AS "tailSequence", coalesce(f.bytes, 0) AS bytes,
      CASE WHEN f.rejected > 0 AND f.state <> 'retracted' THEN 1 ELSE 0 END AS "hadRejects"
    FROM work w ${index} LEFT JOIN fragment f ON f.connector = ${connector} AND f.name = w.name
    WHERE w.refresh = ${refresh} AND w.name > ${after} AND w.status = 'open' AND ${wanted}
    ORDER BY w.name LIMIT ${limit}`.execute(db)
  return rows.map((row) => ({ ...row, hadRejects: row.hadRejects === 1 }))
}

export async function closeWork(trx: Transaction<Database>, refresh: string, names: readonly string[]): Promise<void> {
  const json = JSON.stringify(names.map((name) => [name]))
  await sql`
    UPDATE work SET status = 'done'
    WHERE refresh = ${refresh} AND name IN (SELECT value->>0 FROM json_each(${json}))`.execute(trx)
}

export async function failWork(trx: Transaction<Database>, refresh: string, name: string, code: string): Promise<void> {
  await trx
    .updateTable('work')
    .set((eb) => ({ status: 'failed', error_code: code, attempts: eb('attempts', '+', 1) }))
    .where('refresh', '=', refresh)
    .where('name', '=', name)
    .execute()
}

/** Work is kept for the live refresh only; the rest is deleted, in steps. */
export function dropOldWork(db: Kysely<Database>): Promise<number> {
  return inSteps(async () => {
    const { numAffectedRows } = await sql`
      DELETE FROM work WHERE (refresh, name) IN (
        SELECT w.refresh, w.name FROM work w
        WHERE NOT EXISTS (SELECT 1 FROM refresh r WHERE r.id = w.refresh AND r.ended_at IS NULL) LIMIT ${STEP})`.execute(
      db,
    )
    return Number(numAffectedRows ?? 0)
  })
}
