import { describe, expect, it } from 'vitest'
import { AuthorError, LinkError } from '../../../orchestrator/errors.ts'
import { retryDelay, withRetries } from '../../../orchestrator/refresh/retry.ts'
import { FakeClock } from '../../support/clock.ts'

const failure = (detail: { retryable?: boolean; retryAfterMs?: number } = { retryable: true }) =>
  new AuthorError('read.failed', 'no', detail)

describe('retries', () => {
  it('come after 1, 5, 20 and 60 seconds, then no more', () => {
    const clock = new FakeClock()
    expect([1, 2, 3, 4, 5].map((tried) => retryDelay(failure(), tried, clock))).toEqual([
      1000,
      5000,
      20_000,
      60_000,
      undefined,
    ])
  })

  it('are spread by 25 % to both sides', () => {
    const clock = new FakeClock()
    clock.random = () => 0
    expect(retryDelay(failure(), 1, clock)).toBe(750)
    clock.random = () => 0.9999
    expect(retryDelay(failure(), 1, clock)).toBeCloseTo(1250, 0)
  })

  it('wait as long as the author asks, up to five minutes', () => {
    const clock = new FakeClock()
    expect(retryDelay(failure({ retryable: true, retryAfterMs: 42_000 }), 1, clock)).toBe(42_000)
    expect(retryDelay(failure({ retryable: true, retryAfterMs: 9_000_000 }), 1, clock)).toBe(300_000)
  })

  it('are for what may pass by itself only', () => {
    const clock = new FakeClock()
    expect(retryDelay(failure({ retryable: false, retryAfterMs: 5 }), 1, clock)).toBeUndefined()
    expect(retryDelay(new TypeError('ours'), 1, clock)).toBeUndefined()
    const crash = new AuthorError('read.crashed', 'SIGSEGV', { retryable: true })
    expect([1, 2].map((tried) => retryDelay(crash, tried, clock) !== undefined)).toEqual([true, false])
  })

  it('of what stalls are like those of what fails, a crash is tried again once', () => {
    const clock = new FakeClock()
    const delays = (code: 'context.stalled' | 'list.stalled' | 'fragment.stalled' | 'read.crashed') =>
      [1, 2, 3, 4, 5].map((tried) => retryDelay(new AuthorError(code, 'no', { retryable: true }), tried, clock))
    for (const code of ['context.stalled', 'list.stalled', 'fragment.stalled'] as const)
      expect(delays(code), code).toEqual([1000, 5000, 20_000, 60_000, undefined])
    expect(delays('read.crashed')).toEqual([1000, undefined, undefined, undefined, undefined])
  })

  it('wait in line without end, and that is no try', async () => {
    const clock = new FakeClock()
    const busy = new LinkError('executor.busy', 'full', { retryable: true })
    const draining = new LinkError('executor.draining', 'ends', { retryable: true })
    expect([1, 2, 3, 4, 50].map((waited) => retryDelay(busy, waited, clock))).toEqual([
      1000, 5000, 20_000, 20_000, 20_000,
    ])
    const errors = [...Array(30).fill(busy), draining, ...Array(4).fill(failure())]
    const value = await withRetries(
      async () => (errors.length > 0 ? Promise.reject(errors.shift()) : 'done'),
      clock,
      new AbortController().signal,
      () => {},
    )
    expect(value).toBe('done')
    // The four tries that failed were counted from one.
    expect(clock.slept.slice(-4)).toEqual([1000, 5000, 20_000, 60_000])
  })

  it('end with the first success, or with the last error', async () => {
    const clock = new FakeClock()
    let tries = 0
    const never = new AbortController().signal
    const value = await withRetries(
      async () => (++tries < 3 ? Promise.reject(failure()) : 'done'),
      clock,
      never,
      () => {},
    )
    expect([value, tries, clock.slept]).toEqual(['done', 3, [1000, 5000]])
    const away = new LinkError('executor.unreachable', 'away', { retryable: true })
    await expect(
      withRetries(
        () => Promise.reject(away),
        clock,
        never,
        () => {},
      ),
    ).rejects.toBe(away)
  })

  it('stop when they are told to', async () => {
    const stop = new AbortController()
    const waited: unknown[] = []
    const work = withRetries(
      () => Promise.reject(failure()),
      new FakeClock(),
      stop.signal,
      (error) => {
        waited.push(error)
        stop.abort()
      },
    )
    await expect(work).rejects.toMatchObject({ code: 'read.failed' })
    expect(waited).toHaveLength(1)
  })
})
