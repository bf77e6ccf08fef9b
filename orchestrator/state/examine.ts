/** Looks at the state of a home for `rowcast doctor`, beside whoever writes it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely } from 'kysely'
import { holderOf } from './home-lock.ts'
import { NEWEST, numberFound } from './migrations/migrate.ts'
import { openSqlite, RowcastSqliteDialect } from './sqlite.ts'
import type { Database } from './tables.ts'

export interface StateExamination {
  /** Pid of who works on it, as text. */
  holder: string | undefined
  /** Number of its tables; undefined: there are none yet. */
  schema: number | undefined
  newest: number
  /** Why it cannot be read. */
  stateError: Error | undefined
}

/** Takes the home's lock for a moment when nobody has it, and changes nothing. */
export async function examineState(home: string, options: { pid: number }): Promise<StateExamination> {
  const holder = holderOf(home, options.pid)
  const found = { holder, schema: undefined, newest: NEWEST, stateError: undefined }
  const file = join(home, 'state.sqlite')
  if (!existsSync(file)) return found
  try {
    const sqlite = openSqlite(file, { readOnly: true })
    const db = new Kysely<Database>({ dialect: new RowcastSqliteDialect({ database: sqlite }) })
    try {
      return { ...found, schema: await numberFound(db) }
    } finally {
      await db.destroy()
      sqlite.close()
    }
  } catch (error) {
    return { ...found, stateError: error instanceof Error ? error : new Error(String(error)) }
  }
}
