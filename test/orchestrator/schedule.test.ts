import { describe, expect, it } from 'vitest'
import type { Connector } from '../../orchestrator/connector/definition.ts'
import { backoff, jitter, nextDue, runSchedule } from '../../orchestrator/schedule.ts'
import { FakeClock } from '../support/clock.ts'

const every = (ms: number, name = 'c') => ({ name, refresh: { schedule: { kind: 'every', ms } } }) as Connector

/** Runs the schedule until `runs` refreshes were started; returns when each began, relative to the first. */
async function starts(
  connector: Connector,
  runs: number,
  run: (clock: FakeClock, n: number) => boolean,
): Promise<{ at: number[]; missed: number[]; due: (number | undefined)[] }> {
  const clock = new FakeClock()
  const stop = new AbortController()
  const at: number[] = []
  const missed: number[] = []
  const due: (number | undefined)[] = []
  await runSchedule(
    [connector],
    {
      run: async () => {
        at.push(clock.now())
        if (at.length === runs) stop.abort()
        return run(clock, at.length)
      },
      due: async (_, when) => void due.push(when),
      skipped: (_, count) => void missed.push(count),
    },
    clock,
    stop.signal,
  )
  return { at: at.map((time) => time - at[0]!), missed, due }
}

describe('schedules', () => {
  it('every: a fixed grid without drift, however long a refresh takes', async () => {
    const { at } = await starts(every(60_000), 4, (clock, n) => {
      clock.time += n * 1_000
      return true
    })
    expect(at).toEqual([0, 60_000, 120_000, 180_000])
  })

  it('skips the starts that passed while a refresh ran, and says how many', async () => {
    const { at, missed } = await starts(every(60_000), 3, (clock, n) => {
      if (n === 1) clock.time += 150_000
      return true
    })
    expect(at).toEqual([0, 180_000, 240_000])
    expect(missed).toEqual([2])
  })

  it('waits longer after each failure, on the grid', async () => {
    const { at } = await starts(every(10_000), 4, () => false)
    expect(at).toEqual([0, 30_000, 90_000, 210_000])
  })

  it('manual: never by itself', async () => {
    const due: unknown[] = []
    const connector = { name: 'm', refresh: { schedule: { kind: 'manual' } } } as Connector
    await runSchedule(
      [connector],
      { run: () => Promise.reject(new Error('ran')), due: async (_, at) => void due.push(at), skipped: () => {} },
      new FakeClock(),
      new AbortController().signal,
    )
    expect(due).toEqual([undefined])
  })

  it('computes the grid, the jitter and the back-off', () => {
    expect([nextDue(10, 100, 95), nextDue(10, 100, 100), nextDue(10, 100, 109), nextDue(10, 100, 110)]).toEqual([
      100, 110, 110, 120,
    ])
    expect(jitter('a', 3_600_000)).toBe(jitter('a', 3_600_000))
    expect(jitter('a', 3_600_000)).toBeLessThanOrEqual(60_000)
    expect(jitter('b', 10_000)).toBeLessThanOrEqual(1_000)
    expect([1, 2, 3, 20].map((failures) => backoff(failures, 0.5))).toEqual([30_000, 60_000, 120_000, 3_600_000])
  })
})
