/** What fragments are read with, and the schemas their rows have. */
import type { Kysely, Transaction } from 'kysely'
import type { Column } from '../connector/definition.ts'
import type { Claim, Receipt, VersionRecord } from '../refresh/ports.ts'
import type { Database } from './tables.ts'

export async function registerVersion(
  trx: Transaction<Database>,
  { connector }: Claim,
  version: VersionRecord,
  now: number,
): Promise<void> {
  const { id, definition, codeHash, lockHash, schemaId, schemaBody } = version
  await trx
    .insertInto('version')
    .values({ connector, id, definition, code_hash: codeHash, lock_hash: lockHash, created_at: now })
    .onConflict((row) => row.doNothing())
    .execute()
  await trx
    .insertInto('schema')
    .values({ id: schemaId, connector, body: schemaBody })
    .onConflict((row) => row.doNothing())
    .execute()
  await trx.updateTable('connector').set({ version: id }).where('name', '=', connector).execute()
}

/** Columns that a fragment brought, as they were pinned. */
export async function derivedColumns(db: Kysely<Database>, connector: string): Promise<Column[] | undefined> {
  const row = await db
    .selectFrom('connector')
    .select('derived_columns')
    .where('name', '=', connector)
    .executeTakeFirst()
  return row?.derived_columns ? (JSON.parse(row.derived_columns) as Column[]) : undefined
}

export async function pinColumns(trx: Transaction<Database>, connector: string, columns: Column[]): Promise<void> {
  await trx
    .updateTable('connector')
    .set({ derived_columns: JSON.stringify(columns) })
    .where('name', '=', connector)
    .execute()
}

/** `version.number` of the version registered last; null before the first. */
export async function currentVersion(db: Kysely<Database>, connector: string): Promise<number | null> {
  const row = await db
    .selectFrom('connector')
    .innerJoin('version', (join) =>
      join.onRef('version.connector', '=', 'connector.name').onRef('version.id', '=', 'connector.version'),
    )
    .select('version.number')
    .where('connector.name', '=', connector)
    .executeTakeFirst()
  return row?.number ?? null
}

/** Implemented by connector/version.ts. */
export type FragmentVersion = (fingerprint: string, effective: string) => string

/** Tells which registered version a marker from the stream was read with: the newest whose hash fits. */
export async function versionFinder(
  db: Kysely<Database>,
  connector: string,
  fragmentVersion: FragmentVersion | undefined,
): Promise<(receipt: Receipt) => number | null> {
  if (!fragmentVersion) return () => null
  const known = await db
    .selectFrom('version')
    .select(['number', 'id'])
    .where('connector', '=', connector)
    .orderBy('number', 'desc')
    .limit(100)
    .execute()
  return ({ kind, fingerprint, version }) =>
    kind === 'retract' ? null : (known.find(({ id }) => fragmentVersion(fingerprint, id) === version)?.number ?? null)
}
