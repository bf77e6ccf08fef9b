/**
 * The comparison of a listing with the fragments, in SQL: runs on the scratch file's connection with the state attached, so
 * the writer of the state is not held up, and inside a worker thread when there is much (compare-worker.ts).
 */
import type { Sqlite } from './sqlite.ts'

export interface CompareInput {
  state: string
  connector: string
  version: string
  /** So many were appended. */
  expected: number
}

export interface Compared {
  /** Other than `expected`: what was staged has been lost; nothing else is set. */
  staged: number
  /** The first name that was listed twice, with both items. */
  duplicate: { name: string; items: string[] } | undefined
  new: number
  changed: number
  vanished: number
  live: number
  olderVersion: number
}

const NOTHING = { duplicate: undefined, new: 0, changed: 0, vanished: 0, live: 0, olderVersion: 0 }

export function compare(scratch: Sqlite, input: CompareInput): Compared {
  const one = <T>(query: string, ...parameters: unknown[]): T => scratch.prepare(query).all(parameters)[0] as T
  const { n: staged } = one<{ n: number }>('SELECT count(*) AS n FROM staged')
  // Promise 4: a staging that lost rows must never read as an empty source.
  if (staged !== input.expected) return { ...NOTHING, staged }
  // Appended without it: an index kept up row by row costs four times as much in random order (measured).
  scratch.exec('CREATE INDEX IF NOT EXISTS staged_name ON staged (name, fingerprint)')
  const duplicate = findDuplicate(scratch)
  if (duplicate) return { ...NOTHING, staged, duplicate }

  scratch.prepare('ATTACH ? AS state').run([input.state])
  try {
    return { staged, duplicate: undefined, ...differences(scratch, input) }
  } finally {
    scratch.exec('DETACH state')
  }
}

function findDuplicate(scratch: Sqlite): Compared['duplicate'] {
  const [row] = scratch
    .prepare('SELECT name FROM staged GROUP BY name HAVING count(*) > 1 ORDER BY name LIMIT 1')
    .all([]) as { name: string }[]
  if (!row) return undefined
  const items = scratch
    .prepare('SELECT fingerprint, item FROM staged WHERE name = ? ORDER BY rowid LIMIT 2')
    .all([row.name]) as { fingerprint: string; item: string }[]
  return {
    name: row.name,
    items: items.map(({ fingerprint, item }) => item || JSON.stringify({ name: row.name, fingerprint })),
  }
}

function differences(scratch: Sqlite, { connector, version }: CompareInput) {
  const one = <T>(query: string, ...parameters: unknown[]): T => scratch.prepare(query).all(parameters)[0] as T
  // One moment of the state for all that follows.
  scratch.exec('BEGIN; DELETE FROM difference')
  const { number } = one<{ number: number }>(
    'SELECT coalesce(max(number), 0) AS number FROM state.version WHERE connector = ? AND id = ?',
    connector,
    version,
  )
  const { live, older } = one<{ live: number; older: number }>(
    `SELECT count(*) FILTER (WHERE state = 'live') AS live, count(*) FILTER (WHERE effective IS DISTINCT FROM ?) AS older
     FROM state.fragment WHERE connector = ? AND state IN ('live', 'kept')`,
    number,
    connector,
  )
  // IS DISTINCT FROM: an empty fingerprint is legal. A retracted name that returns is new, whatever its fingerprint.
  scratch
    .prepare(
      `INSERT INTO difference (kind, name, staged)
       SELECT CASE WHEN f.name IS NULL THEN 'new' WHEN f.fingerprint IS DISTINCT FROM s.fingerprint THEN 'changed'
         ELSE 'returned' END, s.name, s.rowid
       FROM staged s INDEXED BY staged_name
       LEFT JOIN state.fragment f ON f.connector = ? AND f.name = s.name AND f.state IN ('live', 'kept')
       WHERE f.name IS NULL OR f.fingerprint IS DISTINCT FROM s.fingerprint OR f.state = 'kept' ORDER BY s.name`,
    )
    .run([connector])
  scratch
    .prepare(
      `INSERT INTO difference (kind, name)
       SELECT CASE f.state WHEN 'live' THEN 'vanished' ELSE 'gone' END, f.name FROM state.fragment f
       WHERE f.connector = ? AND f.state IN ('live', 'new')
         AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.name = f.name)`,
    )
    .run([connector])
  const olderVersion = older === 0 ? 0 : countOlder(scratch, connector, number)
  const counts = scratch.prepare('SELECT kind, count(*) AS n FROM difference GROUP BY kind').all([]) as {
    kind: string
    n: number
  }[]
  scratch.exec('COMMIT')
  const count = (kind: string) => counts.find((row) => row.kind === kind)?.n ?? 0
  return { new: count('new'), changed: count('changed'), vanished: count('vanished'), live, olderVersion }
}

function countOlder(scratch: Sqlite, connector: string, number: number): number {
  const [row] = scratch
    .prepare(
      `SELECT count(*) AS n FROM staged s
       JOIN state.fragment f ON f.connector = ? AND f.name = s.name AND f.state IN ('live', 'kept')
       WHERE f.fingerprint = s.fingerprint AND f.effective IS DISTINCT FROM ?`,
    )
    .all([connector, number]) as { n: number }[]
  return row!.n
}
