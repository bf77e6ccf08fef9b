/** Brings the tables up to this program's number; refuses those of a newer one. */
import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { LinkError } from '../../errors.ts'
import type { Database } from '../tables.ts'
import { initial } from './0001_initial.ts'
import { binaryFormats } from './0002_binary_formats.ts'

/** Static: no folder is read at run time. Names sort by their number; steps only add. */
const MIGRATIONS: Record<string, Migration> = {
  '0001_initial': initial,
  '0002_binary_formats': binaryFormats,
}

const numberOf = (name: string) => Number.parseInt(name, 10)
export const NEWEST = Math.max(...Object.keys(MIGRATIONS).map(numberOf))

export async function migrate(db: Kysely<Database>, file: string): Promise<void> {
  await refuseNewer(db, file)
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = await migrator.migrateToLatest()
  if (error instanceof LinkError) throw error
  if (error)
    throw new LinkError('state.failed', `${file}: its tables cannot be made: ${String(error)}`, { cause: error })
}

/** For those who only read: the tables have to be there already. */
export async function requireCurrent(db: Kysely<Database>, file: string): Promise<void> {
  await refuseNewer(db, file)
  const found = await numberFound(db)
  if (found === NEWEST) return
  throw new LinkError(
    'state.failed',
    `${file}: its tables are of version ${found}, this program reads version ${NEWEST}; a \`rowcast refresh\` or \`rowcast up\` brings them up to date`,
  )
}

async function refuseNewer(db: Kysely<Database>, file: string): Promise<void> {
  const found = await numberFound(db)
  if (found <= NEWEST) return
  throw new LinkError(
    'state.newer',
    `${file}: its tables are of version ${found}, this program knows version ${NEWEST}; use the newer program, or another --home`,
  )
}

/** Number of the tables that are there, 0 for none. */
export async function numberFound(db: Kysely<Database>): Promise<number> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) return 0
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration`.execute(db)
  return Math.max(0, ...rows.map(({ name }) => numberOf(name)))
}
