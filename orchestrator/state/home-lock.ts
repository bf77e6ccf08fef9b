/**
 * One writer per home. The lock is a transaction held open on a file of its own, so SIGKILL frees it (measured), unlike a
 * pid file. Nobody else may open that file: closing any handle on it would drop this process's POSIX lock.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LinkError } from '../errors.ts'
import { openSqlite } from './sqlite.ts'

export interface HomeLock {
  release(): void
}

/** Throws LinkError `state.locked` at once when another process has this home. */
export function lockHome(home: string, pid: number): HomeLock {
  const db = openSqlite(join(home, 'lock.sqlite'), { timeoutMs: 0 })
  // Only says who it is; the lock is what decides, so one left behind by a killed process harms nobody.
  const owner = join(home, 'lock.pid')
  try {
    db.exec('BEGIN EXCLUSIVE')
    writeFileSync(owner, `${pid}\n`)
  } catch (error) {
    db.close()
    if (!(error instanceof LinkError) || error.code !== 'state.locked') throw error
    throw new LinkError(
      'state.locked',
      `${home} is in use by another rowcast process${holder(owner)}; let it end or stop it, or use another --home`,
    )
  }
  return {
    release() {
      rmSync(owner, { force: true })
      db.close()
    },
  }
}

/** The same, but undefined when another process has this home. */
export function tryLockHome(home: string, pid: number): HomeLock | undefined {
  try {
    return lockHome(home, pid)
  } catch (error) {
    if (error instanceof LinkError && error.code === 'state.locked') return undefined
    throw error
  }
}

/** Pid, as text, of the process that has this home now; undefined when nobody has. */
export function holderOf(home: string, pid: number): string | undefined {
  const lock = tryLockHome(home, pid)
  lock?.release()
  return lock ? undefined : holder(join(home, 'lock.pid')).replace(/\D/g, '') || 'unknown'
}

function holder(file: string): string {
  try {
    return ` (pid ${readFileSync(file, 'utf8').trim()})`
  } catch {
    return ''
  }
}
