/**
 * One call of read: bytes ▸ rows ▸ frames of up to 500 fragments.
 *
 *   session.read ─ pieces ▶ job.push ┄ worker ┄▶ job.output ─ frames ▶ writer.write, writer.finish
 *
 * The two halves run at the same time; a slow stream slows the parser, the parser slows the read (promise 5). What goes
 * wrong in one fragment is that fragment's outcome; what goes wrong in the link or the stream is thrown.
 */
import type { RowcastError } from '../errors.ts'
import type { ConnectorStream, FragmentWriter, ParsedFrame, ReadItem, Reject, Totals, Work } from './ports.ts'
import { type Incoming, type PumpDeps, pump } from './pump.ts'
import { Quarantine } from './quarantine.ts'
import type { RefreshSchema } from './schema.ts'

export interface BatchDeps extends PumpDeps {
  stream: ConnectorStream
  schema: RefreshSchema
  traceparent(): string
  /** Promise 6: the rejects are kept before their fragment counts. */
  keepRejects(work: Work, generation: number, rejects: Reject[]): Promise<void>
}

/** How one fragment of the batch ended. */
export type Outcome =
  | { kind: 'published'; totals: Totals }
  | { kind: 'failed'; error: RowcastError }
  /** The call ended before the fragment did. */
  | { kind: 'unread' }

interface Slot extends Incoming {
  work: Work
  writer: FragmentWriter | undefined
  quarantine: Quarantine | undefined
  totals: Totals | undefined
  error: RowcastError | undefined
}

export interface BatchResult {
  outcomes: Outcome[]
  /** Why the call ended early. */
  readError: unknown
}

/** Reads, parses and hands to the stream. Throws only what the stream or the state threw. */
export async function readBatch(works: Work[], deps: BatchDeps, signal: AbortSignal): Promise<BatchResult> {
  const slots = works.map(
    (work): Slot => ({
      work,
      writer: undefined,
      end: undefined,
      quarantine: undefined,
      totals: undefined,
      error: undefined,
      dropped: false,
    }),
  )
  const stop = new AbortController()
  const reading = AbortSignal.any([signal, stop.signal])
  const giveUp = () => {
    stop.abort()
    deps.job.abort()
  }
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    const read = pump(slots, itemsOf(slots, deps.traceparent), deps, reading)
    const drain = drainInto(slots, deps, stop).catch((error) => {
      giveUp()
      throw error
    })
    const [readEnd, drained] = await Promise.allSettled([read, drain])
    if (drained.status === 'rejected') throw drained.reason
    // A failed attempt leaves no frames behind its fragment's marker (delivery.md section 4).
    for (const slot of slots) if (slot.writer && !slot.totals) await slot.writer.abort()
    return { outcomes: slots.map(outcomeOf), readError: readEnd.status === 'rejected' ? readEnd.reason : undefined }
  } finally {
    signal.removeEventListener('abort', giveUp)
    deps.job.abort()
  }
}

function outcomeOf({ totals, error }: Slot): Outcome {
  if (totals) return { kind: 'published', totals }
  return error ? { kind: 'failed', error } : { kind: 'unread' }
}

function itemsOf(slots: Slot[], traceparent: () => string): ReadItem[] {
  return slots.map(({ work: { name, fingerprint, extra } }) => ({
    name,
    fingerprint,
    extra,
    traceparent: traceparent(),
  }))
}

async function drainInto(slots: Slot[], deps: BatchDeps, stop: AbortController): Promise<void> {
  for await (const frames of deps.job.output) {
    for (const frame of frames) {
      const slot = slots[frame.fragment]!
      if (slot.error) continue
      if (frame.error) {
        slot.error = frame.error
        // Nothing of the rest is wanted when this was the only one: a bad 10 GiB fragment is not read to its end.
        if (slots.every((other) => other.error || other.totals)) stop.abort()
        continue
      }
      if (frame.derived) await deps.schema.adopt(frame.derived)
      await publish(frame, slot, deps)
    }
  }
}

async function publish(frame: ParsedFrame, slot: Slot, { stream, schema, keepRejects }: BatchDeps): Promise<void> {
  const { work } = slot
  if (!slot.writer) {
    const { name, fingerprint, generation, tailSequence, hadRejects } = work
    slot.writer = await stream.begin({
      name,
      fingerprint,
      version: schema.fragmentVersion(work),
      schema: schema.id,
      generation,
      tailSequence,
      hadRejects,
    })
  }
  const { writer } = slot
  if (frame.rejects.length > 0) {
    slot.quarantine ??= new Quarantine((rejects) => keepRejects(work, writer.generation, rejects))
    await slot.quarantine.add(frame.rejects)
  }
  if (frame.bytes.length > 0) await writer.write(frame)
  const { totals } = frame
  if (!totals) return
  await slot.quarantine?.flush()
  const { published: rows, rejected, crc32 } = totals
  const rejects = slot.quarantine?.told ?? []
  await writer.finish({ bytes: slot.end?.bytes ?? 0, rows, rejected, crc32, rejects })
  slot.totals = totals
}
