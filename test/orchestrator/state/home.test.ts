import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initial } from '../../../orchestrator/state/migrations/0001_initial.ts'
import { openState, openStateToRead } from '../../../orchestrator/state/open.ts'
import { openSqlite, RowcastSqliteDialect } from '../../../orchestrator/state/sqlite.ts'
import { createQueries } from '../../../orchestrator/state/store.ts'
import type { Database } from '../../../orchestrator/state/tables.ts'
import { C, handles, item, makeHome, outcome, receipt, refreshAll, reject, TRACE } from './support.ts'

const HOLDER = fileURLToPath(new URL('holder.ts', import.meta.url))

describe('the home of a state on SQLite', () => {
  let home: string
  beforeEach(() => {
    home = makeHome()
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  it('makes all tables from nothing, and they are as the types say', async () => {
    const state = await openState(join(home, 'deep', 'er'), { pid: 1 })
    const tables = await state.db.introspection.getTables()
    const found = Object.fromEntries(
      tables.map(({ name, columns }) => [name, columns.map((column) => column.name).sort()]),
    )
    expect(found).toEqual(
      Object.fromEntries(Object.entries(COLUMNS).map(([name, columns]) => [name, Object.keys(columns).sort()])),
    )
    await state.close()
  })

  it('keeps everything when it is opened again', async () => {
    const first = await openState(home, { pid: 1 })
    await refreshAll(handles(first).as('one'), [item('a')])
    await first.close()
    const second = await openState(home, { pid: 2 })
    expect(await handles(second).as('two').fragments(C, { after: '', limit: 9 })).toMatchObject([{ name: 'a' }])
    await second.close()
  })

  it('refuses the tables of a newer program, with both numbers', async () => {
    const state = await openState(home, { pid: 1 })
    await sql`INSERT INTO kysely_migration VALUES ('0007_later', '2027-01-01T00:00:00Z')`.execute(state.db)
    await state.close()
    const error = { code: 'state.newer', message: expect.stringMatching(/version 7.*version 2/) }
    await expect(openState(home, { pid: 1 })).rejects.toMatchObject(error)
    await expect(openStateToRead(home)).rejects.toMatchObject(error)
  })

  it('brings the tables of the first version up to date, rejects included', async () => {
    mkdirSync(home, { recursive: true })
    const old = new Kysely<Database>({
      dialect: new RowcastSqliteDialect({ database: openSqlite(join(home, 'state.sqlite')) }),
    })
    await new Migrator({
      db: old,
      provider: { getMigrations: async () => ({ '0001_initial': initial }) },
    }).migrateToLatest()
    await sql`INSERT INTO reject VALUES (${C}, 'a', 3, 1, 2, 3, 'x', 'row.value', 'm', x'00ff', 0, 5)`.execute(old)
    await old.destroy()
    const state = await openState(home, { pid: 1 })
    const [kept] = await state.db.selectFrom('reject').selectAll().execute()
    expect(kept).toMatchObject({ fragment: 'a', generation: 3, row_number: 1, line: 2, byte_offset: 3, column: 'x' })
    expect([...kept!.raw]).toEqual([0, 255])
    await state.close()
  })

  it('lets others read while one writes, and only read', async () => {
    await expect(openStateToRead(home)).rejects.toMatchObject({ code: 'state.failed' })
    const writer = await openState(home, { pid: 1 })
    const state = handles(writer).as('one')
    const reader = await openStateToRead(home)
    const claim = await state.begin(C, 'cli', TRACE)
    await state.commit(claim, [receipt('a')])
    expect(await createQueries(reader).status()).toMatchObject([{ name: C, state: 'running', fragments: 1, rows: 3 }])
    expect(() => reader.openStage(C)).toThrow('read only')
    await expect(handles(reader).as('two').takeOver()).rejects.toMatchObject({ code: 'home.unwritable' })
    await reader.close()
    await writer.close()
  })

  it('promise 8: one writer at a time; SIGKILL frees the home and loses nothing that was committed', async () => {
    const child = spawn(process.execPath, [HOLDER, home], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    await expect(openState(home, { pid: 1 })).rejects.toMatchObject({
      code: 'state.locked',
      message: expect.stringContaining(`pid ${child.pid}`),
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const opened = await openState(home, { pid: 1 })
    const state = handles(opened).as('next')
    expect(await state.takeOver()).toHaveLength(1)
    expect(await state.fragments(C, { after: '', limit: 9 })).toMatchObject([{ name: 'committed' }])
    expect(await opened.db.selectFrom('work').selectAll().execute()).toEqual([])
    expect(existsSync(join(home, 'scratch'))).toBe(false)
    await opened.close()
  })

  it('refuses a second writer in the same process too', async () => {
    const first = await openState(home, { pid: 4711 })
    await expect(openState(home, { pid: 1 })).rejects.toThrow(/in use by another rowcast process \(pid 4711\)/)
    await first.close()
    await (await openState(home, { pid: 1 })).close()
  })

  it('promise 4: refuses to compare when what was staged has been lost', async () => {
    const opened = await openState(home, { pid: 1 })
    const state = handles(opened).as('one')
    await refreshAll(state, [item('a')])
    const claim = await state.begin(C, 'cli', TRACE)
    const staging = await state.stage(C)
    await staging.append(Array.from({ length: 5000 }, (_, i) => item(`n${i}`)))
    const [file] = readdirSync(join(home, 'scratch'))
    const other = openSqlite(join(home, 'scratch', file!))
    other.exec('DELETE FROM staged')
    other.close()
    await expect(staging.schedule(claim, 'retract')).rejects.toThrow(
      /5000 fragments were listed but the staging holds 0/,
    )
    await staging.drop()
    expect(await state.work(claim, 'retract', '', 9)).toEqual([])
    await state.finish(claim, outcome())
    expect(readdirSync(join(home, 'scratch'))).toEqual([])
    await opened.close()
  })

  it('says plainly that the disk is full, and has half written nothing', async () => {
    const opened = await openState(home, { pid: 1 })
    const state = handles(opened).as('one')
    const claim = await state.begin(C, 'cli', TRACE)
    await sql`PRAGMA max_page_count = 40`.execute(opened.db)
    const many = Array.from({ length: 5000 }, (_, i) => receipt(`n${i}`))
    await expect(state.commit(claim, many)).rejects.toMatchObject({
      code: 'disk.full',
      message: expect.stringContaining('the disk is full'),
    })
    await sql`PRAGMA max_page_count = 1000000`.execute(opened.db)
    expect(await state.fragments(C, { after: '', limit: 9 })).toEqual([])
    await state.commit(claim, many)
    expect((await state.status())[0]).toMatchObject({ fragments: 5000 })
    await opened.close()
  })

  it('says plainly that the home cannot be written, or is no folder, or is damaged', async () => {
    const file = join(home, 'file')
    writeFileSync(file, '')
    await expect(openState(join(file, 'x'), { pid: 1 })).rejects.toMatchObject({ code: 'home.unwritable' })
    if (process.getuid?.() !== 0) {
      chmodSync(home, 0o500)
      await expect(openState(home, { pid: 1 })).rejects.toMatchObject({ code: 'home.unwritable' })
      chmodSync(home, 0o700)
    }
    const damaged = join(home, 'damaged')
    mkdirSync(damaged)
    writeFileSync(join(damaged, 'state.sqlite'), 'this is no database, whatever its name may say'.repeat(100))
    await expect(openState(damaged, { pid: 1 })).rejects.toMatchObject({ code: 'state.failed' })
    writeFileSync(join(damaged, 'state.sqlite'), '')
    await (await openState(damaged, { pid: 1 })).close()
  })

  it('rolls a failed migration back: nothing of it stays', async () => {
    const sqlite = openSqlite(join(home, 'x.sqlite'))
    const db = new Kysely<Database>({ dialect: new RowcastSqliteDialect({ database: sqlite }) })
    const { Migrator } = await import('kysely/migration')
    const up = async (trx: Kysely<Database>) => {
      await sql`CREATE TABLE half (a)`.execute(trx)
      throw new Error('power cut')
    }
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: async () => ({ '1': { up } }) },
    }).migrateToLatest()
    expect(String(error)).toContain('power cut')
    expect((await db.introspection.getTables()).map(({ name }) => name)).toEqual([])
    await db.destroy()
  })

  it('gives the space of what was pruned back to the disk', async () => {
    const opened = await openState(home, { pid: 1 })
    const { as, clock } = handles(opened)
    const state = as('one')
    const claim = await state.begin(C, 'cli', TRACE)
    await state.keepRejects(
      claim,
      'a',
      1,
      Array.from({ length: 200 }, (_, i) => reject(i + 1, 'x'.repeat(16_000))),
    )
    const pages = async () =>
      (await sql<{ page_count: number }>`PRAGMA page_count`.execute(opened.db)).rows[0]!.page_count
    const before = await pages()
    clock.now += 31 * 86_400_000
    await state.prune()
    expect(await pages()).toBeLessThan(before / 2)
    await opened.close()
  })

  it('binds numbers, dates, booleans and undefined as what they are', () => {
    const db = openSqlite(join(home, 'x.sqlite'))
    const [row] = db
      .prepare('SELECT typeof(?) AS i, ? / 2 AS half, typeof(?) AS r, ? AS d, ? AS t, ? AS u')
      .all([5, 5, 1.5, new Date(7), true, undefined])
    expect(row).toEqual({ i: 'integer', half: 2, r: 'real', d: 7, t: 1, u: null })
    db.close()
  })
})

/** The compiler sees that these are the columns of the types, the test above that they are those of the tables. */
const COLUMNS: { [T in keyof Database]: Record<keyof Database[T], 1> } = {
  connector: {
    name: 1,
    version: 1,
    paused_at: 1,
    state: 1,
    state_since: 1,
    error_code: 1,
    error_message: 1,
    failures: 1,
    not_before: 1,
    next_due_at: 1,
    last_success_at: 1,
    stream_created: 1,
    stream_seq: 1,
    derived_columns: 1,
  },
  lease: { connector: 1, owner: 1, epoch: 1, expires_at: 1 },
  version: { number: 1, connector: 1, id: 1, definition: 1, code_hash: 1, lock_hash: 1, created_at: 1 },
  schema: { id: 1, connector: 1, body: 1, announced_seq: 1 },
  fragment: {
    connector: 1,
    name: 1,
    fingerprint: 1,
    generation: 1,
    state: 1,
    marker_seq: 1,
    tail_seq: 1,
    first_seq: 1,
    frames: 1,
    crc32: 1,
    rows: 1,
    rejected: 1,
    bytes: 1,
    schema: 1,
    version: 1,
    effective: 1,
    refresh: 1,
    committed_at: 1,
    reprocess: 1,
    failed_code: 1,
    failed_message: 1,
    failed_at: 1,
    failures: 1,
  },
  refresh: {
    id: 1,
    connector: 1,
    trigger: 1,
    status: 1,
    phase: 1,
    attempt: 1,
    requested_at: 1,
    started_at: 1,
    ended_at: 1,
    listed: 1,
    new: 1,
    changed: 1,
    unchanged: 1,
    vanished: 1,
    read: 1,
    committed: 1,
    failed: 1,
    retracted: 1,
    rows: 1,
    rejected: 1,
    bytes: 1,
    error_code: 1,
    error_message: 1,
    trace_id: 1,
    span_id: 1,
  },
  work: { refresh: 1, name: 1, kind: 1, fingerprint: 1, item: 1, status: 1, attempts: 1, error_code: 1 },
  reject: {
    connector: 1,
    fragment: 1,
    generation: 1,
    row_number: 1,
    line: 1,
    byte_offset: 1,
    column: 1,
    code: 1,
    message: 1,
    raw: 1,
    truncated: 1,
    kept_at: 1,
  },
}
