/** The metrics of this process, in the text formats of Prometheus and OpenMetrics. Names and labels: one list, here. */
import { Gauge, type OpenMetricsContentType, Registry } from 'prom-client'
import type { ExecutorSample } from './executors.ts'

export interface Metrics {
  /** Asks all sources anew. */
  scrape(format: MetricsFormat): Promise<{ contentType: string; body: string }>
}

export type MetricsFormat = 'prometheus' | 'openmetrics'

const LABELS = ['executor', 'pool'] as const

/** `executors` must be bounded in time itself, and not throw. */
export function createMetrics(executors: () => Promise<ExecutorSample[]>): Metrics {
  const registries = { prometheus: new Registry(), openmetrics: new Registry<OpenMetricsContentType>() }
  registries.openmetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  const registers = Object.values(registries)
  const gauge = (name: string, help: string, labels: readonly string[] = LABELS) =>
    new Gauge({ name: `rowcast_${name}`, help, labelNames: labels, registers })
  const up = gauge('executor_up', 'Whether the executor answers: 1, or 0.')
  const sessions = gauge('executor_sessions', 'Sessions open on the executor, of all orchestrators.')
  const readers = gauge('executor_readers', 'Reader processes alive on the executor.')
  const slots = gauge('executor_slots', 'Readers that run and that may, where there is a limit.', [...LABELS, 'state'])
  const isolation = gauge('executor_isolation_full', 'Whether readers are shut in as far as Rowcast can: 1, or 0.')

  /** One question for all who scrape at the same moment. */
  let asking: Promise<void> | undefined

  async function ask(): Promise<void> {
    const samples = await executors()
    // An executor that has gone, or does not answer, has no numbers rather than its last ones.
    for (const each of [up, sessions, readers, slots, isolation]) each.reset()
    for (const { executor, pool, seen } of samples) {
      const labels = { executor, pool }
      up.set(labels, seen ? 1 : 0)
      if (!seen) continue
      sessions.set(labels, seen.sessions)
      readers.set(labels, seen.readers)
      isolation.set(labels, seen.isolationFull ? 1 : 0)
      if (seen.maxReaders === 0) continue
      slots.set({ ...labels, state: 'used' }, seen.readers)
      slots.set({ ...labels, state: 'free' }, Math.max(0, seen.maxReaders - seen.readers))
    }
  }

  return {
    async scrape(format) {
      asking ??= ask().finally(() => {
        asking = undefined
      })
      await asking
      return { contentType: registries[format].contentType, body: await registries[format].metrics() }
    },
  }
}
