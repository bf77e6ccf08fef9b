/** The staging of one listing on SQLite: a file of its own without a journal, which nobody misses when the power goes. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type LinkCode, LinkError } from '../errors.ts'
import { type Compared, type CompareInput, compare } from './compare.ts'
import { openSqlite, type Sqlite } from './sqlite.ts'
import type { Difference, ListingStage, StagedItem } from './staging.ts'

/** Up to so many the comparison takes about 50 ms and is done here: a thread costs as much to start. */
const INLINE = 10_000

/** Appending needs next to no cache; building the index of a million names sorts in `cacheKiB` of memory. */
export function openScratchFile(file: string, cacheKiB: number): Sqlite {
  const db = openSqlite(file)
  db.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -${cacheKiB};
    PRAGMA trusted_schema = OFF`)
  return db
}

/** Opens an empty stage named `name` in `folder`; `state` is the file to compare with. */
export function openScratch(folder: string, name: string, state: string): ListingStage {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}.sqlite`)
  rmSync(file, { force: true })
  const db = openScratchFile(file, 4096)
  db.exec(`
    CREATE TABLE staged (name TEXT NOT NULL, fingerprint TEXT NOT NULL, item TEXT NOT NULL) STRICT;
    CREATE TABLE difference (kind TEXT NOT NULL, name TEXT NOT NULL, staged INTEGER, PRIMARY KEY (kind, name))
      STRICT, WITHOUT ROWID`)
  return {
    append(items: readonly StagedItem[]) {
      const json = JSON.stringify(items.map(({ name, fingerprint, extra }) => [name, fingerprint, extra]))
      db.prepare('INSERT INTO staged SELECT value->>0, value->>1, value->>2 FROM json_each(?)').run([json])
    },
    compare(connector, version, expected) {
      const input: CompareInput = { state, connector, version, expected }
      return expected <= INLINE && fewFragments(db, input) ? Promise.resolve(compare(db, input)) : inThread(file, input)
    },
    differences(kind, after, limit) {
      return db
        .prepare(
          `SELECT d.name, coalesce(s.fingerprint, '') AS fingerprint, coalesce(s.item, '') AS item
           FROM difference d LEFT JOIN staged s ON s.rowid = d.staged
           WHERE d.kind = ? AND d.name > ? ORDER BY d.name LIMIT ?`,
        )
        .all([kind, after, limit]) as Difference[]
    },
    drop() {
      db.close()
      rmSync(file, { force: true })
    },
  }
}

/** A short listing of a large source is compared in a thread too. */
function fewFragments(db: Sqlite, { state, connector }: CompareInput): boolean {
  db.prepare('ATTACH ? AS state').run([state])
  const [row] = db
    .prepare('SELECT count(*) AS n FROM (SELECT 1 FROM state.fragment WHERE connector = ? LIMIT ?)')
    .all([connector, INLINE + 1]) as { n: number }[]
  db.exec('DETACH state')
  return row!.n <= INLINE
}

type Answer = { compared: Compared } | { failed: { code: string; message: string } }

function inThread(scratch: string, input: CompareInput): Promise<Compared> {
  const worker = new Worker(new URL('./compare-worker.ts', import.meta.url), { workerData: { scratch, input } })
  return new Promise((resolve, reject) => {
    worker.once('message', (answer: Answer) => {
      if ('compared' in answer) resolve(answer.compared)
      else reject(new LinkError(answer.failed.code as LinkCode, answer.failed.message))
    })
    worker.once('error', (cause) => reject(new LinkError('state.failed', `comparing the listing: ${cause}`, { cause })))
    worker.once('exit', (code) =>
      reject(new LinkError('state.failed', `comparing the listing: the thread ended with ${code}`)),
    )
  })
}
