import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Rejects of Avro and Parquet have no line, and of Parquet no offset; a schema that was derived is kept. */
export const binaryFormats: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('connector').addColumn('derived_columns', 'text').execute()
    // SQLite has no other way to let a column be null.
    await db.schema.alterTable('reject').renameTo('reject_1').execute()
    await db.schema
      .createTable('reject')
      .addColumn('connector', 'text', (c) => c.notNull())
      .addColumn('fragment', 'text', (c) => c.notNull())
      .addColumn('generation', 'integer', (c) => c.notNull())
      .addColumn('row_number', 'integer', (c) => c.notNull())
      .addColumn('line', 'integer')
      .addColumn('byte_offset', 'integer')
      .addColumn('column', 'text')
      .addColumn('code', 'text', (c) => c.notNull())
      .addColumn('message', 'text', (c) => c.notNull())
      .addColumn('raw', 'blob', (c) => c.notNull())
      .addColumn('truncated', 'integer', (c) => c.notNull())
      .addColumn('kept_at', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('reject_key', ['connector', 'fragment', 'generation', 'row_number'])
      .modifyEnd(sql`STRICT`)
      .execute()
    await sql`INSERT INTO reject SELECT * FROM reject_1`.execute(db)
    await db.schema.dropTable('reject_1').execute()
  },
}
