/** The quarantine: rejected records with their full raw bytes, under the generation of the attempt that met them. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Reject } from '../refresh/ports.ts'
import type { Database } from './tables.ts'

export interface KeptReject extends Reject {
  fragment: string
  generation: number
}

/** Promise 6: written before the attempt is published, so no reject of rows that count is missing. */
export async function keepRejects(
  trx: Transaction<Database>,
  place: { connector: string; fragment: string; generation: number; now: number },
  rejects: readonly Reject[],
): Promise<void> {
  const { connector, fragment, generation, now } = place
  // Raw bytes go as hex: JSON has no blob, and one statement per reject would be slower.
  const json = JSON.stringify(
    rejects.map((r) => [
      r.rowNumber,
      r.line,
      r.byteOffset,
      r.column,
      r.code,
      r.message,
      Buffer.from(r.raw).toString('hex'),
      r.truncated ? 1 : 0,
    ]),
  )
  await sql`
    INSERT INTO reject (connector, fragment, generation, row_number, line, byte_offset, "column", code, message, raw,
      truncated, kept_at)
    SELECT ${connector}, ${fragment}, ${generation}, value->>0, value->>1, value->>2, value->>3, value->>4, value->>5,
      unhex(value->>6), value->>7, ${now}
    FROM json_each(${json}) WHERE true
    ON CONFLICT DO NOTHING`.execute(trx)
}

/** Raw bytes of one statement, about: as hex in JSON they block for some 20 ms. */
const STEP_BYTES = 1 << 20

/** Cuts many rejects into steps; the same one may be kept twice. */
export function* rejectSteps(rejects: readonly Reject[]): Generator<Reject[]> {
  let step: Reject[] = []
  let bytes = 0
  for (const reject of rejects) {
    step.push(reject)
    bytes += reject.raw.length + 256
    if (bytes < STEP_BYTES) continue
    yield step
    step = []
    bytes = 0
  }
  if (step.length > 0) yield step
}

/** After these fragments counted anew: drops the rejects of every other attempt. */
export async function dropOtherRejects(
  trx: Transaction<Database>,
  connector: string,
  names: readonly string[],
): Promise<void> {
  const any = await trx
    .selectFrom('reject')
    .select('code')
    .where('connector', '=', connector)
    .limit(1)
    .executeTakeFirst()
  if (!any) return
  const json = JSON.stringify(names.map((name) => [name]))
  await sql`
    DELETE FROM reject WHERE connector = ${connector} AND fragment IN (SELECT value->>0 FROM json_each(${json}))
      AND generation <> (SELECT f.generation FROM fragment f
        WHERE f.connector = reject.connector AND f.name = reject.fragment)`.execute(trx)
}

/** Rejects of versions that count, in order of fragment and row. */
export async function listRejects(
  db: Kysely<Database>,
  connector: string,
  options: { fragment?: string; after?: { fragment: string; rowNumber: number }; limit: number },
): Promise<KeptReject[]> {
  let query = db
    .selectFrom('reject')
    .innerJoin('fragment', (join) =>
      join
        .onRef('fragment.connector', '=', 'reject.connector')
        .onRef('fragment.name', '=', 'reject.fragment')
        .onRef('fragment.generation', '=', 'reject.generation'),
    )
    .selectAll('reject')
    .where('reject.connector', '=', connector)
    .orderBy('reject.fragment')
    .orderBy('reject.row_number')
    .limit(options.limit)
  const { fragment, after } = options
  if (fragment !== undefined) query = query.where('reject.fragment', '=', fragment)
  if (after) {
    query = query.where(sql<boolean>`(reject.fragment, reject.row_number) > (${after.fragment}, ${after.rowNumber})`)
  }
  const rows = await query.execute()
  return rows.map((row) => ({
    fragment: row.fragment,
    generation: row.generation,
    rowNumber: row.row_number,
    line: row.line,
    byteOffset: row.byte_offset,
    column: row.column,
    code: row.code,
    message: row.message,
    raw: row.raw,
    truncated: row.truncated === 1,
  }))
}
