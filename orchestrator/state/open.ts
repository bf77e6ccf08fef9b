/** Opens the state of a home: its lock, its file, its tables. */
import { accessSync, constants, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely } from 'kysely'
import { LinkError } from '../errors.ts'
import { lockHome } from './home-lock.ts'
import { migrate, requireCurrent } from './migrations/migrate.ts'
import { openScratch } from './scratch.ts'
import { LASTING, openSqlite, RowcastSqliteDialect } from './sqlite.ts'
import type { ListingStage } from './staging.ts'
import type { Database } from './tables.ts'

export interface StateDb {
  readonly db: Kysely<Database>
  /** An empty place for one listing. */
  openStage(connector: string): ListingStage
  close(): Promise<void>
}

/** For the one process that writes. Makes what is missing; throws LinkError when somebody else has the home. */
export async function openState(home: string, options: { pid: number }): Promise<StateDb> {
  makeHome(home)
  const lock = lockHome(home, options.pid)
  const file = join(home, 'state.sqlite')
  const scratch = join(home, 'scratch')
  // A listing is never resumed: what a killed process staged is of no use.
  rmSync(scratch, { recursive: true, force: true })
  const sqlite = openSqlite(file)
  const db = new Kysely<Database>({ dialect: new RowcastSqliteDialect({ database: sqlite }) })
  const close = async () => {
    await db.destroy()
    sqlite.close()
    lock.release()
  }
  try {
    sqlite.exec('PRAGMA auto_vacuum = INCREMENTAL;')
    sqlite.exec(LASTING)
    await migrate(db, file)
  } catch (error) {
    await close()
    throw error
  }
  let stages = 0
  return { db, close, openStage: () => openScratch(scratch, `${options.pid}-${++stages}`, file) }
}

/** For those who only look (`status`, `fragments`): takes no lock, changes nothing. */
export async function openStateToRead(home: string): Promise<StateDb> {
  const file = join(home, 'state.sqlite')
  if (!existsSync(file)) {
    throw new LinkError('state.failed', `${home}: no state here yet; \`rowcast refresh\` or \`rowcast up\` makes it`)
  }
  const sqlite = openSqlite(file, { readOnly: true })
  const db = new Kysely<Database>({ dialect: new RowcastSqliteDialect({ database: sqlite }) })
  const close = async () => {
    await db.destroy()
    sqlite.close()
  }
  try {
    await requireCurrent(db, file)
  } catch (error) {
    await close()
    throw error
  }
  const openStage = () => {
    throw new LinkError('state.locked', `${home}: opened to read only`)
  }
  return { db, close, openStage }
}

function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true })
    accessSync(home, constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ENOSPC') throw new LinkError('disk.full', `${home}: the disk is full`, { cause: error })
    throw new LinkError(
      'home.unwritable',
      `${home}: cannot be written (${code}); choose a writable folder with --home or ROWCAST_HOME`,
      { cause: error },
    )
  }
}
