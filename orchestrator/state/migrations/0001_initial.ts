import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Names are compared by bytes: SQLite's default collation does, Postgres needs `COLLATE "C"`. */
export const initial: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { schema } = db
    const make = async <T extends string, C extends string>(table: CreateTableBuilder<T, C>, rowid = false) =>
      table.modifyEnd(rowid ? sql`STRICT` : sql`STRICT, WITHOUT ROWID`).execute()

    await make(
      schema
        .createTable('connector')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('version', 'text')
        .addColumn('paused_at', 'integer')
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('state_since', 'integer', (c) => c.notNull())
        .addColumn('error_code', 'text')
        .addColumn('error_message', 'text')
        .addColumn('failures', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('not_before', 'integer')
        .addColumn('next_due_at', 'integer')
        .addColumn('last_success_at', 'integer')
        .addColumn('stream_created', 'text')
        .addColumn('stream_seq', 'integer'),
    )
    await make(
      schema
        .createTable('lease')
        .addColumn('connector', 'text', (c) => c.primaryKey())
        .addColumn('owner', 'text', (c) => c.notNull())
        .addColumn('epoch', 'integer', (c) => c.notNull())
        .addColumn('expires_at', 'integer', (c) => c.notNull()),
    )
    await make(
      schema
        .createTable('version')
        .addColumn('number', 'integer', (c) => c.primaryKey().autoIncrement())
        .addColumn('connector', 'text', (c) => c.notNull())
        .addColumn('id', 'text', (c) => c.notNull())
        .addColumn('definition', 'text', (c) => c.notNull())
        .addColumn('code_hash', 'text', (c) => c.notNull())
        .addColumn('lock_hash', 'text', (c) => c.notNull())
        .addColumn('created_at', 'integer', (c) => c.notNull())
        .addUniqueConstraint('version_id', ['connector', 'id']),
      true,
    )
    await make(
      schema
        .createTable('schema')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('connector', 'text', (c) => c.notNull())
        .addColumn('body', 'text', (c) => c.notNull())
        .addColumn('announced_seq', 'integer'),
    )
    await make(
      schema
        .createTable('fragment')
        .addColumn('connector', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('fingerprint', 'text')
        .addColumn('generation', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('marker_seq', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('tail_seq', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('first_seq', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('frames', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('crc32', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('rows', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('rejected', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('bytes', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('schema', 'text')
        .addColumn('version', 'text')
        .addColumn('effective', 'integer')
        .addColumn('refresh', 'text')
        .addColumn('committed_at', 'integer')
        .addColumn('reprocess', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('failed_code', 'text')
        .addColumn('failed_message', 'text')
        .addColumn('failed_at', 'integer')
        .addColumn('failures', 'integer', (c) => c.notNull().defaultTo(0))
        .addPrimaryKeyConstraint('fragment_key', ['connector', 'name']),
    )
    await make(refreshTable(db))
    // One live refresh a connector.
    await sql`CREATE UNIQUE INDEX refresh_live ON refresh (connector) WHERE ended_at IS NULL`.execute(db)
    await schema.createIndex('refresh_started').on('refresh').columns(['connector', 'started_at']).execute()
    await make(
      schema
        .createTable('work')
        .addColumn('refresh', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('fingerprint', 'text', (c) => c.notNull())
        .addColumn('item', 'text', (c) => c.notNull())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('error_code', 'text')
        .addPrimaryKeyConstraint('work_key', ['refresh', 'name']),
    )
    // A few to retract among a million to read are found without walking the million.
    await sql`CREATE INDEX work_retract ON work (refresh, name) WHERE kind = 'retract'`.execute(db)
    await make(
      schema
        .createTable('reject')
        .addColumn('connector', 'text', (c) => c.notNull())
        .addColumn('fragment', 'text', (c) => c.notNull())
        .addColumn('generation', 'integer', (c) => c.notNull())
        .addColumn('row_number', 'integer', (c) => c.notNull())
        .addColumn('line', 'integer', (c) => c.notNull())
        .addColumn('byte_offset', 'integer', (c) => c.notNull())
        .addColumn('column', 'text')
        .addColumn('code', 'text', (c) => c.notNull())
        .addColumn('message', 'text', (c) => c.notNull())
        .addColumn('raw', 'blob', (c) => c.notNull())
        .addColumn('truncated', 'integer', (c) => c.notNull())
        .addColumn('kept_at', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('reject_key', ['connector', 'fragment', 'generation', 'row_number']),
      true,
    )
  },
}

const COUNTS = [
  'listed',
  'new',
  'changed',
  'unchanged',
  'vanished',
  'read',
  'committed',
  'failed',
  'retracted',
] as const
const SUMS = ['rows', 'rejected', 'bytes'] as const

function refreshTable(db: Kysely<unknown>) {
  let table: CreateTableBuilder<'refresh', string> = db.schema
    .createTable('refresh')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('connector', 'text', (c) => c.notNull())
    .addColumn('trigger', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull().defaultTo(1))
    .addColumn('requested_at', 'integer', (c) => c.notNull())
    .addColumn('started_at', 'integer', (c) => c.notNull())
    .addColumn('ended_at', 'integer')
  for (const column of [...COUNTS, ...SUMS]) table = table.addColumn(column, 'integer', (c) => c.notNull().defaultTo(0))
  return table
    .addColumn('error_code', 'text')
    .addColumn('error_message', 'text')
    .addColumn('trace_id', 'text', (c) => c.notNull())
    .addColumn('span_id', 'text')
}
