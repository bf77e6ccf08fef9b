/** Reads everything that is to be read: `concurrency` calls at a time, retries, the circuit breaker. */
import { LinkError, type RowcastError } from '../errors.ts'
import { type BatchDeps, type Outcome, readBatch } from './batch.ts'
import type { Clock } from './clock.ts'
import type { ParsePort, Work } from './ports.ts'
import { FRAME_BYTES } from './pump.ts'
import { type Attempt, WorkQueue } from './queue.ts'
import { retryDelay } from './retry.ts'
import type { Sessions } from './sessions.ts'
import type { Report, Tally } from './tally.ts'

export interface ReadingDeps extends Omit<BatchDeps, 'session' | 'job'> {
  sessions: Sessions
  parse: ParsePort
  clock: Clock
  tally: Tally
  report: Report
  page(after: string, limit: number): Promise<Work[]>
  /** The fragment failed for good in this refresh. */
  fail(work: Work, error: RowcastError): Promise<void>
}

/** Ends when all work was read, failed for good, or `drain` or the circuit breaker stopped it. */
export async function readAll(
  deps: ReadingDeps,
  total: number,
  drain: AbortSignal,
  signal: AbortSignal,
): Promise<void> {
  const { schema, clock, tally, report } = deps
  const { refresh } = schema.connector
  const concurrency = Math.max(1, Math.min(refresh.concurrency, total))
  const queue = new WorkQueue(deps.page, total, concurrency, clock)
  const halt = new AbortController()
  const either = AbortSignal.any([signal, halt.signal])
  const onDrain = () => queue.stop()
  if (drain.aborted) queue.stop()
  drain.addEventListener('abort', onDrain, { once: true })
  let streak = 0

  async function settle(attempt: Attempt, outcome: Outcome, lost: RowcastError): Promise<void> {
    if (outcome.kind === 'published') {
      streak = 0
      tally.read++
      for (const name of outcome.totals.unknown) tally.unknown.set(name, (tally.unknown.get(name) ?? 0) + 1)
      return
    }
    const error = outcome.kind === 'failed' ? outcome.error : lost
    const delay = retryDelay(error, attempt.number, clock)
    if (delay !== undefined && !queue.stopped) {
      report.warn(`fragment ${attempt.work.name}: ${error.code}, trying again in ${Math.round(delay / 1000)} s`, {
        fragment: attempt.work.name,
        code: error.code,
      })
      queue.retry(attempt, delay)
      return
    }
    // A lost link is no fault of the fragment: it stays to be read at the next refresh.
    if (outcome.kind === 'unread') {
      if (queue.stopped) return
      throw error
    }
    tally.failed++
    await deps.fail(attempt.work, error)
    report.fragmentFailed(attempt.work.name, error)
    if (++streak >= refresh.maxFailedFragments && !queue.stopped) {
      report.warn(`${streak} fragments failed in a row: the rest is not read in this refresh`)
      queue.stop()
    }
  }

  async function readOne(attempts: Attempt[]): Promise<void> {
    const session = await deps.sessions.get()
    const job = deps.parse.open(schema.connector, { maxRowBytes: deps.stream.maxRowBytes, frameBytes: FRAME_BYTES })
    const { outcomes, readError } = await readBatch(
      attempts.map(({ work }) => work),
      { ...deps, session, job },
      either,
    )
    if (readError && !either.aborted) await deps.sessions.failed(session, readError)
    const lost =
      (readError as RowcastError | undefined) ??
      new LinkError('executor.lost', 'the read was cancelled', { retryable: true })
    if (either.aborted) return
    // An author error of the whole call (its context failed) is the outcome of each fragment that it left unread.
    for (const [index, outcome] of outcomes.entries()) {
      const authors = outcome.kind === 'unread' && !(lost instanceof LinkError)
      await settle(attempts[index]!, authors ? { kind: 'failed', error: lost } : outcome, lost)
    }
  }

  /** Reads until there is nothing left, or `isEnough`; `most` fragments a call. */
  async function reader(isEnough = () => false, most?: number): Promise<void> {
    while (!isEnough()) {
      const attempts = await queue.take(either, most)
      if (!attempts) return
      try {
        await readOne(attempts)
      } finally {
        queue.done()
      }
      report.progress(tally, total)
    }
  }

  // The first fragment that can be read brings the columns; the others wait for them.
  const first = await Promise.allSettled([reader(() => schema.isKnown, 1)])
  const readers = first[0].status === 'rejected' ? [] : Array.from({ length: concurrency }, () => reader())
  for (const each of readers) {
    each.catch(() => {
      halt.abort()
      queue.stop()
    })
  }
  const ended = [...first, ...(await Promise.allSettled(readers))]
  drain.removeEventListener('abort', onDrain)
  const broken = ended.find((result) => result.status === 'rejected')
  if (broken) throw broken.reason
}
