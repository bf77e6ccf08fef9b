import { JetStreamApiError, type JetStreamClient, jetstream } from '@nats-io/jetstream'
import { errors, type NatsConnection } from '@nats-io/transport-node'
import { LinkError, messageOf } from '../errors.ts'
import type { Receipt } from '../refresh/ports.ts'
import type { Bus } from './bus.ts'
import { delay } from './clock.ts'
import { type FrameHeaders, readFrame } from './frame.ts'
import type { Range } from './parts.ts'
import type { Subjects } from './subject.ts'
import { deleteRanges, purgeBefore } from './tails.ts'

export interface CatchUpOptions {
  subjects: Subjects
  /** Read what is stored after this. */
  after: number
  /** Our own claim: nothing of an older holder can come behind it. */
  claim: number
  apiPrefix: string | undefined
}

/** An attempt whose marker has not come. */
interface Open {
  generation: number
  next: number
  first: number
  /** Its frames, and those of earlier attempts since the last marker. */
  ranges: Range[]
}

const PAGE = 500
const PULL_MESSAGES = 5_000
/** Also how long the client waits before it looks again, when the server was not ready after a reconnect. */
const EXPIRES_MS = 5_000

/**
 * Reads the markers by the reader's rule: an attempt counts when its frames 0…n−1 of one generation have arrived in
 * order, the last naming n. Frames behind the last marker of a subject can never count any more; they are deleted.
 */
export async function* catchUp(bus: Bus, reader: NatsConnection, options: CatchUpOptions): AsyncIterable<Receipt[]> {
  const { subjects } = options
  const open = new Map<string, Open>()
  let page: Receipt[] = []
  for await (const message of headersUntilClaim(bus, reader, options)) {
    const { subject, sequence, frame } = message
    const receipt = accept(open, subject, sequence, frame, options.after)
    if (receipt === undefined) continue
    // Sent in parts: a crash between the marker and the purge leaves the older version.
    if (frame.marker?.firstSequence !== undefined)
      await purgeBefore(bus, subjects.stream, subject, receipt.firstSequence)
    page.push(receipt)
    if (page.length < PAGE) continue
    yield page
    page = []
  }
  for (const attempt of open.values()) await deleteRanges(bus, subjects.stream, attempt.ranges)
  if (page.length > 0) yield page
}

function accept(
  open: Map<string, Open>,
  subject: string,
  sequence: number,
  frame: FrameHeaders,
  after: number,
): Receipt | undefined {
  const before = open.get(subject)
  if (frame.kind === 'retract') {
    open.delete(subject)
    return receiptOf(frame, sequence, sequence)
  }
  const { marker } = frame
  // The attempt began before what we read. Its parts are chained by the check on the subject, so its marker says enough.
  if (marker?.firstSequence !== undefined && marker.firstSequence <= after) {
    open.delete(subject)
    return receiptOf(frame, sequence, marker.firstSequence)
  }
  const goesOn = before !== undefined && before.generation === frame.generation && before.next === frame.frame
  const attempt: Open = goesOn
    ? before
    : { generation: frame.generation, next: 0, first: sequence, ranges: before?.ranges ?? [] }
  const inOrder = attempt.next === frame.frame
  if (marker !== undefined && inOrder && marker.frames === frame.frame + 1) {
    open.delete(subject)
    return receiptOf(frame, sequence, attempt.first)
  }
  attempt.next = inOrder ? frame.frame + 1 : -1
  const last = attempt.ranges.at(-1)
  if (last?.last === sequence - 1) last.last = sequence
  else attempt.ranges.push({ first: sequence, last: sequence })
  open.set(subject, attempt)
  return undefined
}

function receiptOf(frame: FrameHeaders, sequence: number, firstSequence: number): Receipt {
  const { kind, name, generation, version, schema, refresh, marker } = frame
  return {
    kind: kind === 'retract' ? 'retract' : 'commit',
    name,
    fingerprint: marker?.fingerprint ?? '',
    version,
    schema,
    generation,
    sequence,
    firstSequence,
    frames: marker?.frames ?? 0,
    rows: marker?.rows ?? 0,
    rejected: marker?.rejected ?? 0,
    bytes: marker?.bytes ?? 0,
    crc32: marker?.crc32 ?? 0,
    refresh,
  }
}

interface Seen {
  subject: string
  sequence: number
  frame: FrameHeaders
}

async function* headersUntilClaim(bus: Bus, reader: NatsConnection, options: CatchUpOptions): AsyncIterable<Seen> {
  const { subjects, after, claim } = options
  // The lease message ends it: from there on only we write.
  if (after >= claim) return
  const { consumer, messages } = await consume(
    bus,
    jetstream(reader, options.apiPrefix === undefined ? {} : { apiPrefix: options.apiPrefix }),
    subjects,
    after,
  )
  try {
    for await (const message of messages) {
      if (message.seq > claim) return
      if (message.subject === subjects.lease) {
        if (message.seq >= claim) return
        continue
      }
      const { headers } = message
      const frame = headers && readFrame((name) => headers.get(name))
      if (frame) yield { subject: message.subject, sequence: message.seq, frame }
      if (message.seq === claim) return
    }
  } finally {
    messages.close().catch(() => {})
    consumer.delete().catch(() => {})
  }
  throw new LinkError(
    'nats.unreachable',
    `catching up with stream ${subjects.stream} ended before its own lease was read; run the refresh again`,
    { retryable: true },
  )
}

/** The server may restart while we begin. */
async function consume(bus: Bus, js: JetStreamClient, subjects: Subjects, after: number) {
  const deadline = bus.clock.now() + bus.outageMs
  for (let wait = 50; ; wait = Math.min(2 * wait, 1_000)) {
    await bus.ready()
    try {
      const consumer = await js.consumers.get(subjects.stream, {
        filter_subjects: [subjects.fragments, subjects.lease],
        headers_only: true,
        opt_start_seq: after + 1,
      })
      const messages = await consumer.consume({ max_messages: PULL_MESSAGES, expires: EXPIRES_MS })
      return { consumer, messages }
    } catch (cause) {
      if (!passes(cause) || bus.clock.now() > deadline)
        throw new LinkError(
          'nats.refused',
          `the markers of stream ${subjects.stream} cannot be read: ${messageOf(cause)}; the user needs the right to make consumers`,
          { retryable: true, cause },
        )
      await delay(bus.clock, wait)
    }
  }
}

function passes(cause: unknown): boolean {
  return (
    cause instanceof errors.TimeoutError ||
    cause instanceof errors.NoRespondersError ||
    cause instanceof errors.RequestError ||
    (cause instanceof JetStreamApiError && cause.status === 503)
  )
}
