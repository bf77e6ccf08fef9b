/** Reads everything that is to be read: `concurrency` calls at a time, retries, the circuit breaker. */
import { LinkError, messageOf, type RowcastError } from '../errors.ts'
import { type BatchDeps, type Outcome, readBatch } from './batch.ts'
import type { Clock } from './clock.ts'
import type { ParsePort, Work } from './ports.ts'
import { FRAME_BYTES } from './pump.ts'
import { type Attempt, WorkQueue } from './queue.ts'
import { passesByWaiting, retryDelay } from './retry.ts'
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

  async function settle(attempt: Attempt, outcome: Outcome): Promise<void> {
    if (outcome.kind === 'published') {
      streak = 0
      tally.read++
      for (const name of outcome.totals.unknown) tally.unknown.set(name, (tally.unknown.get(name) ?? 0) + 1)
      return
    }
    if (outcome.kind === 'unread') return
    const { error } = outcome
    const delay = retryDelay(error, attempt.number, clock)
    if (delay !== undefined && !queue.stopped) {
      report.warn(`fragment ${attempt.work.name}: ${error.code}, trying again in ${Math.round(delay / 1000)} s`, {
        fragment: attempt.work.name,
        code: error.code,
      })
      queue.retry(attempt, delay)
      return
    }
    tally.failed++
    await deps.fail(attempt.work, error)
    report.fragmentFailed(attempt.work.name, error)
    if (++streak >= refresh.maxFailedFragments && !queue.stopped) {
      report.warn(`${streak} fragments failed in a row: the rest is not read in this refresh`)
      queue.stop()
    }
  }

  /** A lost link is no fault of the fragments it did not come to: they stay to be read, now or at the next refresh. */
  function takeBack(unread: Attempt[], lost: RowcastError): void {
    if (unread.length === 0 || queue.stopped) return
    const calls = 1 + Math.max(...unread.map((attempt) => attempt.lost ?? 0))
    const delay = retryDelay(lost, calls, clock)
    if (delay === undefined) throw lost
    const what = unread.length === 1 ? `fragment ${unread[0]!.work.name}` : `${unread.length} fragments`
    report.warn(`${what}: ${lost.code}: ${messageOf(lost, 300)}; trying again in ${Math.round(delay / 1000)} s`, {
      code: lost.code,
    })
    queue.again(unread, delay, !passesByWaiting(lost))
  }

  async function readOne(attempts: Attempt[]): Promise<void> {
    const lent = await deps.sessions.lend()
    const { session } = lent
    const job = deps.parse.open(schema.connector, { maxRowBytes: deps.stream.maxRowBytes, frameBytes: FRAME_BYTES })
    const { outcomes, readError } = await readBatch(
      attempts.map(({ work }) => work),
      { ...deps, session, job, fresh: attempts.some(({ number }) => number > 1) },
      either,
    ).catch(async (error) => {
      await lent.end()
      throw error
    })
    await lent.end(either.aborted ? undefined : readError)
    if (either.aborted) return
    const lost =
      (readError as RowcastError | undefined) ??
      new LinkError('executor.lost', 'the read was cancelled', { retryable: true })
    // An author error of the whole call (its context failed) is the outcome of each fragment that it left unread.
    const authors = !(lost instanceof LinkError)
    for (const [index, outcome] of outcomes.entries())
      await settle(attempts[index]!, authors && outcome.kind === 'unread' ? { kind: 'failed', error: lost } : outcome)
    if (!authors)
      takeBack(
        attempts.filter((_, index) => outcomes[index]!.kind === 'unread'),
        lost,
      )
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
