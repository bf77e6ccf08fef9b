import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Output } from '../../../orchestrator/cli/output.ts'
import { ticker } from '../../../orchestrator/cli/ticker.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('shows how far work has come that takes longer than a second, and takes it away at its end', () => {
  let err = ''
  const streams = {
    out: () => {},
    err: (text: string) => {
      err += text
    },
    tty: true,
    color: false,
    columns: () => 80,
  }
  const clock = { now: () => Date.now(), sleep: async () => {}, random: () => 0 }
  const shown = ticker(
    new Output(streams, { json: false, quiet: false }),
    clock,
    (seconds) => `${Math.round(seconds)} s`,
  )
  vi.advanceTimersByTime(900)
  expect(err).toBe('')
  vi.advanceTimersByTime(1_300)
  expect(err).toMatch(/^(\r1 s)+(\r2 s)+$/)
  shown.stop()
  expect(err).toMatch(/\r {3}\r$/)
  const before = err
  vi.advanceTimersByTime(5_000)
  expect(err).toBe(before)
})
