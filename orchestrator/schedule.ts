/** When a connector refreshes; never twice at once. A fixed grid, no drift: a late or missed time runs once, then the grid. */
import { createHash } from 'node:crypto'
import type { Connector } from './connector/definition.ts'
import type { Clock } from './refresh/clock.ts'

const BACKOFF_MS = 30_000
const LONGEST_BACKOFF_MS = 3_600_000

/** How far after the grid's time this connector starts: the same always, ≤ 10 % of the interval and ≤ 60 s. */
export function jitter(name: string, everyMs: number): number {
  const fraction = createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32
  return Math.floor(fraction * Math.min(everyMs / 10, 60_000))
}

/** The next start after `now`, on the grid that began at `first`. */
export function nextDue(everyMs: number, first: number, now: number): number {
  if (now < first) return first
  return first + (Math.floor((now - first) / everyMs) + 1) * everyMs
}

/** Wait after so many failures in a row. */
export function backoff(failures: number, random: number): number {
  return Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** (failures - 1)) * (0.8 + random * 0.4)
}

export interface ScheduleHooks {
  /** One refresh; true when it succeeded. Must not throw. */
  run(connector: Connector): Promise<boolean>
  /** The next start was set; undefined: by hand only. */
  due(connector: Connector, at: number | undefined): Promise<void>
  skipped(connector: Connector, missed: number): void
}

/** Runs the connectors by their schedules until `drain` aborts; then waits for those under way. */
export async function runSchedule(
  connectors: Connector[],
  hooks: ScheduleHooks,
  clock: Clock,
  drain: AbortSignal,
): Promise<void> {
  await Promise.all(connectors.map((connector) => runOne(connector, hooks, clock, drain)))
}

async function runOne(connector: Connector, hooks: ScheduleHooks, clock: Clock, drain: AbortSignal): Promise<void> {
  const { schedule } = connector.refresh
  if (schedule.kind === 'manual') return hooks.due(connector, undefined)
  // The first at once, but for the jitter: who starts `up` wants to see rows.
  const first = clock.now() + jitter(connector.name, Math.min(schedule.ms, 10_000))
  let due = first
  let failures = 0
  while (!drain.aborted) {
    await hooks.due(connector, due)
    await clock.sleep(Math.max(0, due - clock.now()), drain)
    if (drain.aborted) return
    const begun = due
    failures = (await hooks.run(connector)) ? 0 : failures + 1
    due = nextDue(schedule.ms, first, clock.now())
    // Ticks that passed meanwhile are not made up for: said, then the grid goes on.
    const missed = Math.round((due - begun) / schedule.ms) - 1
    if (missed > 0) hooks.skipped(connector, missed)
    if (failures > 0)
      due = nextDue(schedule.ms, first, Math.max(clock.now() + backoff(failures, clock.random()), due) - 1)
  }
}
