/**
 * One worker thread as main sees it: what it was given and has not answered, and the watchdog over that.
 *
 *   idle ─ post ▶ busy ─ last answer ▶ idle
 *                 busy ─ no answer for the stall time, or a crash ▶ lost (for good; the pool starts another)
 *
 * A job whose partial answers nobody takes is not stalled: it waits for us.
 */
import { type Transferable, Worker } from 'node:worker_threads'
import { FragmentError } from '../errors.ts'
import { AHEAD } from './job-runner.ts'
import type { Answer, Packed, ToWorker } from './messages.ts'
import type { Frames } from './output.ts'
import type { Program } from './program.ts'
import type { Limits } from './rows.ts'

/** A job, as far as its thread knows it. */
export interface ThreadJob {
  readonly id: number
  readonly program: Program
  readonly limits: Limits
  readonly stallMs: number
  /** `isLast`: the message is done. Else `more` is called when these were taken. */
  answered(frames: Frames, isLast: boolean): void
  /** All that the thread had of this job is gone. `posts` of its messages get no answer. */
  threadLost(error: FragmentError, posts: number): void
}

/** Injected, so that the watchdog is tested without waiting. */
export interface Timers {
  set(callback: () => void, ms: number): unknown
  clear(timer: unknown): void
}

export const realTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

export class PoolThread {
  private readonly worker: Worker
  private readonly timers: Timers
  private readonly onLost: (thread: PoolThread) => void
  private readonly jobs = new Set<ThreadJob>()
  private readonly programs = new Set<string>()
  /** Messages without their last answer, oldest first: the worker takes those of a job in turn. */
  private readonly posts: ThreadJob[] = []
  /** Partial answers that nobody has taken yet, by job. */
  private readonly untaken = new Map<number, number>()
  private timer: unknown
  private isLost = false

  constructor(url: URL, timers: Timers, onLost: (thread: PoolThread) => void) {
    this.timers = timers
    this.onLost = onLost
    // The parser needs no environment: no secret of the process gets there (promise 10).
    this.worker = new Worker(url, { env: {}, execArgv: [], name: 'rowcast-parse' })
    this.worker.unref()
    this.worker.on('message', (answer: Answer) => this.answered(answer))
    this.worker.on('error', (error: Error) =>
      this.lost('fragment.internal', `a parser thread failed: ${error.message}`),
    )
    this.worker.on('exit', (code) => this.lost('fragment.internal', `a parser thread ended with code ${code}`))
  }

  /** Messages without an answer, and jobs: what decides where the next job goes. */
  get load(): number {
    return this.posts.length + this.jobs.size
  }

  open(job: ThreadJob): void {
    const { id, program, limits } = job
    this.jobs.add(job)
    if (!this.programs.has(program.id)) {
      this.programs.add(program.id)
      this.send({ kind: 'program', program })
    }
    this.send({ kind: 'open', job: id, program: program.id, limits })
  }

  post(job: ThreadJob, { bytes, index }: Packed): void {
    this.posts.push(job)
    if (this.posts.length === 1) this.worker.ref()
    if (this.timer === undefined) this.watch()
    this.send({ kind: 'data', job: job.id, bytes, index }, [bytes.buffer, index.buffer])
  }

  /** A partial answer of the job was taken: its thread may go on. */
  more(job: ThreadJob): void {
    if (this.isLost || !this.jobs.has(job)) return
    this.untaken.set(job.id, this.untaken.get(job.id)! - 1)
    this.send({ kind: 'more', job: job.id })
    if (this.timer === undefined) this.watch()
  }

  /** The worker still answers what it was given, so a job that hangs is noticed although nobody wants it any more. */
  close(job: ThreadJob): void {
    if (!this.jobs.delete(job) || this.isLost) return
    this.send({ kind: 'close', job: job.id })
    this.untaken.delete(job.id)
    if (this.timer === undefined) this.watch()
  }

  async terminate(): Promise<void> {
    this.isLost = true
    this.unwatch()
    await this.worker.terminate()
  }

  private send(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer)
  }

  private answered({ job: id, frames, isLast }: Answer): void {
    if (this.isLost) return
    this.unwatch()
    const at = this.posts.findIndex((job) => job.id === id)
    const job = this.posts[at]!
    if (isLast) this.posts.splice(at, 1)
    else if (this.jobs.has(job)) this.untaken.set(id, (this.untaken.get(id) ?? 0) + 1)
    if (this.posts.length > 0) this.watch()
    else this.worker.unref()
    job.answered(frames, isLast)
  }

  /** Begins anew with every sign of life: the oldest message that is not waiting for us says how long it may take. */
  private watch(): void {
    const oldest = this.posts.find(({ id }) => (this.untaken.get(id) ?? 0) < AHEAD)
    if (!oldest) return
    const { stallMs } = oldest
    this.timer = this.timers.set(() => this.suspect(stallMs), Math.min(stallMs, LONGEST_TIMER_MS))
  }

  private unwatch(): void {
    this.timers.clear(this.timer)
    this.timer = undefined
  }

  /** When it was this thread that slept, the answer is already here: it gets its turn before the worker is given up. */
  private suspect(stallMs: number): void {
    const { timer } = this
    setImmediate(() => {
      if (timer === this.timer && this.posts.length > 0) {
        this.lost('fragment.stalled', `the parser gave no answer for ${stallMs / 1000} s (limits.stall)`)
      }
    })
  }

  private lost(code: 'fragment.stalled' | 'fragment.internal', message: string): void {
    if (this.isLost) return
    this.isLost = true
    this.unwatch()
    this.onLost(this)
    void this.worker.terminate()
    const error = new FragmentError(code, `${message}; what it held is lost and the fragment has to be read again`, {
      retryable: true,
    })
    const jobs = new Set([...this.jobs, ...this.posts])
    for (const job of jobs) job.threadLost(error, this.posts.filter((post) => post === job).length)
  }
}
