/** Which executor takes the next session: free readers first, then the one that has the environment. Pure. */

export interface Load {
  draining: boolean
  readers: number
  sessions: number
  /** 0: no limit. */
  maxReaders: number
  environmentCached: boolean
  /** Sessions being opened there that its counts do not show yet. */
  opening: number
}

/** Best first. `concurrency` is how many readers the session will have; those that drain are left out. */
export function place<T extends Load>(executors: T[], concurrency: number): T[] {
  const cost = (executor: T) => {
    // A session that has just been opened has no readers yet.
    const busy = Math.max(executor.readers, executor.sessions) + executor.opening
    const full = executor.maxReaders > 0 && executor.maxReaders - busy < concurrency
    // An environment to build weighs as much as the session itself: else one executor would get all, or each build all.
    return busy + (executor.environmentCached ? 0 : concurrency) + (full ? 1_000_000 : 0)
  }
  return executors.filter(({ draining }) => !draining).toSorted((a, b) => cost(a) - cost(b))
}
