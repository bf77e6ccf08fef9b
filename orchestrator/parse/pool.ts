/**
 * The threads that parse, and who gets which: a job stays on one thread, the next one goes to the thread with the least
 * to do. Threads are started when they are needed and replaced when they are lost.
 */
import type { Connector } from '../connector/definition.ts'
import type { ParseOptions, ParsePort } from '../refresh/ports.ts'
import { PoolJob } from './pool-job.ts'
import { PoolThread, realTimers, type Timers } from './pool-thread.ts'
import { compile, type Program } from './program.ts'

export interface PoolOptions {
  /** Most threads; at least one is used. */
  threads: number
  timers?: Timers
  /** The thread's script; tests give one that misbehaves. */
  worker?: URL
}

export class ParsePool implements ParsePort {
  private readonly most: number
  private readonly timers: Timers
  private readonly url: URL
  private readonly threads = new Set<PoolThread>()
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
    const job = new PoolJob({
      id: this.nextJob++,
      program: this.programOf(connector),
      limits: { maxRowBytes, frameBytes, maxRows },
      stallMs: connector.limits.stallMs,
      thread: () => this.leastLoaded(),
      closed: (closed) => this.jobs.delete(closed),
    })
    this.jobs.add(job)
    return job
  }

  /** Ends every job and thread; after it nothing of the pool keeps the process alive. */
  async close(): Promise<void> {
    this.isClosed = true
    for (const job of this.jobs) job.abort()
    await Promise.all(Array.from(this.threads, (thread) => thread.terminate()))
    this.threads.clear()
  }

  private programOf(connector: Connector): Program {
    const known = this.programs.get(connector)
    if (known) return known
    const program = compile(connector)
    this.programs.set(connector, program)
    return program
  }

  private leastLoaded(): PoolThread {
    let least: PoolThread | undefined
    for (const thread of this.threads) if (!least || thread.load < least.load) least = thread
    if (least && (least.load === 0 || this.threads.size >= this.most)) return least
    const started = new PoolThread(this.url, this.timers, (lost) => this.threads.delete(lost))
    this.threads.add(started)
    return started
  }
}
