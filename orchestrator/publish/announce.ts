import { LinkError } from '../errors.ts'
import type { SchemaAnnouncement } from '../refresh/ports.ts'
import { type Origin, traceparent } from './attempt.ts'
import { type Bus, OutcomeUnknown, Refusal } from './bus.ts'
import { delay } from './clock.ts'
import { schemaLines } from './frame.ts'

const WRONG_SEQUENCE = 10071
const RETRY_MS = 100

/** Stores a schema once: the stream is the registry, and what it holds is never replaced. */
export async function announce(bus: Bus, origin: Origin, schema: SchemaAnnouncement): Promise<void> {
  const { subjects, refresh, traceId } = origin
  const subject = subjects.ingest(subjects.schema(schema.id))
  const lines = schemaLines({ refresh, traceparent: traceparent(traceId) }, schema.id)
  const data = Buffer.from(schema.body)
  const deadline = bus.clock.now() + bus.outageMs
  for (;;) {
    await bus.ready()
    try {
      await bus.request(subject, lines, data)
      return
    } catch (error) {
      // The expected sequence is 0: it is there already, by us or somebody else.
      if (error instanceof Refusal && error.code === WRONG_SEQUENCE) return
      if (!(error instanceof Refusal || error instanceof OutcomeUnknown)) throw error
      if (error instanceof Refusal || bus.clock.now() > deadline)
        throw new LinkError('nats.refused', `stream ${subjects.stream} refused schema ${schema.id}: ${error.message}`, {
          cause: error,
        })
      await delay(bus.clock, RETRY_MS)
    }
  }
}
