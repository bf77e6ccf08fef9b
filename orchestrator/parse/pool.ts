/**
 * The threads that parse, and who gets which: a job stays on one thread, the next one goes to the thread with the least
 * to do. Threads are started when they are needed and replaced when they are lost.
 *
 * Formats whose libraries can be led into an endless loop, or to much memory, have threads of their own: when one of
 * those is given up, no other connector's fragment goes with it.
 */
import type { Connector } from '../connector/definition.ts'
import type { ParseOptions, ParsePort } from '../refresh/ports.ts'
import { PoolJob } from './pool-job.ts'
import { PoolThread, realTimers, type Timers } from './pool-thread.ts'
import { compile, type Program } from './program.ts'

export interface PoolOptions {
  /** Most threads of each of the two kinds; at least one is used. */
  threads: number
  timers?: Timers
  /** The thread's script; tests give one that misbehaves. */
  worker?: URL
}

export class ParsePool implements ParsePort {
  private readonly most: number
  private readonly timers: Timers
  private readonly url: URL
  private readonly shared = new Set<PoolThread>()
  private readonly apart = new Set<PoolThread>()
  private readonly jobs = new Set<PoolJob>()
  private readonly programs = new WeakMap<Connector, Program>()
  private nextJob = 0
  private isClosed = false

  constructor({ threads, timers = realTimers, worker = new URL('./worker.ts', import.meta.url) }: PoolOptions) {
    this.most = Math.max(1, threads)
    this.timers = timers
    this.url = worker
  }

  open(connector: Connector, { maxRowBytes, frameBytes, maxRows }: ParseOptions): PoolJob {
    if (this.isClosed) throw new Error('the parser pool is closed')
    const program = this.programOf(connector)
    const job = new PoolJob({
      id: this.nextJob++,
      program,
      limits: { maxRowBytes, frameBytes, maxRows },
      stallMs: connector.limits.stallMs,
      thread: () => this.leastLoaded(program.isApart ? this.apart : this.shared),
      closed: (closed) => this.jobs.delete(closed),
    })
    this.jobs.add(job)
    return job
  }

  /** Ends every job and thread; after it nothing of the pool keeps the process alive. */
  async close(): Promise<void> {
    this.isClosed = true
    for (const job of this.jobs) job.abort()
    await Promise.all(Array.from([...this.shared, ...this.apart], (thread) => thread.terminate()))
    this.shared.clear()
    this.apart.clear()
  }

  private programOf(connector: Connector): Program {
    const known = this.programs.get(connector)
    if (known) return known
    const program = compile(connector)
    this.programs.set(connector, program)
    return program
  }

  private leastLoaded(threads: Set<PoolThread>): PoolThread {
    let least: PoolThread | undefined
    for (const thread of threads) if (!least || thread.load < least.load) least = thread
    if (least && (least.load === 0 || threads.size >= this.most)) return least
    const started = new PoolThread(this.url, this.timers, (lost) => threads.delete(lost))
    threads.add(started)
    return started
  }
}
