import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { LinkError } from '../errors.ts'
import { Batch } from './batch.ts'
import { type Bus, OutcomeUnknown, Refusal } from './bus.ts'
import { ROLL_UP } from './frame.ts'
import { mismatch } from './stream.ts'
import type { Subjects } from './subject.ts'

const PATIENCE_MS = 10_000
const MOST_TRIES = 5
const LINES = 'Rowcast-Type: probe\r\n'

/**
 * Stores a batch of two empty messages and waits until a subscriber sees one: a server that knows no batches stores them
 * at once, a wrong `republish` is accepted and silently does nothing. They go to `rows.<connector>._probe.<random>`, which
 * `rows.<connector>.*` does not show, and are deleted.
 */
export async function probe(bus: Bus, reader: NatsConnection, subjects: Subjects): Promise<void> {
  const subject = subjects.all.replace('>', `_probe.${randomBytes(6).toString('hex')}`)
  const seen = Promise.withResolvers<'seen' | 'late' | 'denied'>()
  const subscription = reader.subscribe(subject, { callback: (error) => seen.resolve(error ? 'denied' : 'seen') })
  await reader.flush()
  const cancel = bus.clock.after(PATIENCE_MS, () => seen.resolve('late'))
  try {
    const first = await store(bus, subjects.ingest(subject))
    const what = await seen.promise
    for (const seq of [first, first + 1]) await remove(bus, subjects.stream, seq)
    if (what === 'denied')
      throw new LinkError(
        'nats.denied',
        `NATS does not let Rowcast subscribe to ${subject}; allow rows.*._probe.> for its user, or it cannot tell whether rows reach subscribers`,
      )
    if (what === 'late')
      throw mismatch(
        subjects.stream,
        `what is published to ${subjects.ingest(subject)} does not reach subscribers of ${subject}`,
      )
  } finally {
    cancel()
    subscription.unsubscribe()
  }
}

async function store(bus: Bus, subject: string): Promise<number> {
  const message = { subject, lines: LINES + ROLL_UP, data: new Uint8Array(0) }
  for (let tries = 1; ; tries++) {
    await bus.ready()
    try {
      return await new Batch(bus, [message]).commit({ subject, lines: LINES })
    } catch (error) {
      if (error instanceof OutcomeUnknown && tries < MOST_TRIES) continue
      if (error instanceof OutcomeUnknown)
        throw new LinkError('nats.timeout', `stream probe on ${subject}: ${error.message}`, {
          retryable: true,
          cause: error,
        })
      if (!(error instanceof Refusal)) throw error
      throw new LinkError(
        'nats.too_old',
        `nats-server ${bus.nc.info?.version} refused an atomic batch: ${error.message}; Rowcast needs 2.12.15, 2.14.4 or newer`,
        { cause: error },
      )
    }
  }
}

async function remove(bus: Bus, stream: string, seq: number): Promise<void> {
  try {
    await bus.api(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true })
  } catch (error) {
    // Rolled up already, or by the next probe: gone is gone.
    if (!(error instanceof Refusal)) throw error
  }
}
