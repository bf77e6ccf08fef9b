/**
 * `node:sqlite` for Kysely: the only file that knows the class, which may be renamed one day (state.md section 2).
 * Calls block, so nobody hands over more than about 5,000 rows at a time.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import { LinkError } from '../errors.ts'

const CACHED_STATEMENTS = 500

export interface Sqlite extends SqliteDatabase {
  exec(sql: string): void
  readonly file: string
}

export function openSqlite(file: string, options: { readOnly?: boolean; timeoutMs?: number } = {}): Sqlite {
  const { readOnly = false, timeoutMs = 5000 } = options
  const db = told(file, () => new DatabaseSync(file, { readOnly, timeout: timeoutMs }))
  const statements = new Map<string, SqliteStatement>()
  return {
    file,
    exec: (sql) => told(file, () => db.exec(sql)),
    prepare(sql) {
      let statement = statements.get(sql)
      if (statement) return statement
      if (statements.size >= CACHED_STATEMENTS) statements.clear()
      statement = wrap(
        file,
        told(file, () => db.prepare(sql)),
      )
      statements.set(sql, statement)
      return statement
    },
    close() {
      statements.clear()
      if (db.isOpen) db.close()
    },
  }
}

/** Settings of every file that lasts. FULL: a commit has reached the disk when it returns. */
export const LASTING = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;
  PRAGMA trusted_schema = OFF; PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 67108864;`

/** SQLite rolls back its DDL; Kysely's own adapter does not rely on it, and a kill would leave half a migration. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

export class RowcastSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

function wrap(file: string, statement: StatementSync): SqliteStatement {
  return {
    // A PRAGMA may have no columns and still want to be stepped to its end: incremental_vacuum frees a page a step (measured).
    reader: statement.columns().length > 0 || /^\s*PRAGMA\b/i.test(statement.sourceSQL),
    all: (parameters) => told(file, () => statement.all(...parameters.map(bindable))),
    run: (parameters) => told(file, () => statement.run(...parameters.map(bindable))),
    iterate: (parameters) => told(file, () => statement.iterate(...parameters.map(bindable))),
  }
}

/**
 * Numbers would bind as REAL (`? / 2` gives 2.5), a Date first in the list as named parameters (null, silently), undefined
 * throws (measured).
 */
function bindable(value: unknown): SQLInputValue {
  if (value === undefined) return null
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (value instanceof Date) return BigInt(value.getTime())
  return value as SQLInputValue
}

// Primary result codes of sqlite.org/rescode.html.
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26
const CORRUPT = 11

/** Runs `call`; an error of SQLite becomes one that says what to do. */
function told<T>(file: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw sqliteError(error, file)
  }
}

export function sqliteError(error: unknown, file: string): unknown {
  const { code, errcode, message } = error as { code?: string; errcode?: number; message?: string }
  if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) return error
  const options = { cause: error }
  switch (errcode & 0xff) {
    case FULL:
      return new LinkError(
        'disk.full',
        `${file}: the disk is full; nothing was half written. Free space, then run it again`,
        options,
      )
    case READONLY:
    case CANTOPEN:
      return new LinkError(
        'home.unwritable',
        `${file}: cannot be written (${message}); choose a writable folder with --home`,
        options,
      )
    case BUSY:
    case LOCKED:
      return new LinkError('state.locked', `${file}: another process is using it (${message})`, options)
    case CORRUPT:
    case NOTADB:
      return new LinkError(
        'state.failed',
        `${file}: is damaged (${message}); move it away, then \`rowcast state rebuild\` makes it again from the stream`,
        options,
      )
    default:
      return new LinkError('state.failed', `${file}: ${message}`, options)
  }
}
