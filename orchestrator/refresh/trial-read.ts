/** One call of read for `test`: rows and rejects as they come, then each fragment's end. */
import type { Column, Connector } from '../connector/definition.ts'
import { messageOf } from '../errors.ts'
import type { ListedItem, ParsePort, Reject, Session, Totals } from './ports.ts'
import { FRAME_BYTES, type Incoming, pump } from './pump.ts'

export type ReadEvent =
  /** The columns that the first fragment brought, when the connector has none of its own. */
  | { type: 'schema'; columns: Column[] }
  /** Whole NDJSON rows. */
  | { type: 'rows'; fragment: string; bytes: Uint8Array; rows: number }
  | { type: 'reject'; fragment: string; reject: Reject }
  | ({ type: 'fragment' } & TrialFragment)

export interface TrialFragment {
  name: string
  fingerprint: string
  bytes: number
  rows: number
  rejected: number
  status: 'ok' | 'failed'
  truncated: boolean
  totals: Totals | undefined
  durationMs: number
  error: Error | undefined
}

const MAX_ROW_BYTES = 8 << 20

interface Slot extends Incoming {
  item: ListedItem
  totals: Totals | undefined
}

export async function* readSome(
  connector: Connector,
  session: Session,
  parse: ParsePort,
  items: ListedItem[],
  maxRows: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<ReadEvent> {
  const slots = items.map(
    (item): Slot => ({ item, end: undefined, error: undefined, totals: undefined, dropped: false }),
  )
  const job = parse.open(connector, {
    maxRowBytes: MAX_ROW_BYTES,
    frameBytes: FRAME_BYTES,
    ...(maxRows === undefined ? {} : { maxRows }),
  })
  const stop = new AbortController()
  const wanted = items.map(({ name, fingerprint, extra }) => ({ name, fingerprint, extra, traceparent: '' }))
  const reading = pump(slots, wanted, { session, job }, AbortSignal.any([signal, stop.signal])).then(
    () => undefined,
    (error: unknown) => error,
  )
  let told = 0
  /** In order, what has not been told yet of those before `until`: they have ended, well or not. */
  function* tell(until: number): Generator<ReadEvent> {
    while (told < until) yield toEvent(slots[told++]!)
  }
  try {
    for await (const frames of job.output) {
      // Whatever ended by these has printed before: one question for all of them.
      if (frames.some(({ totals, error, fragment }) => totals || error || fragment > told)) await session.settle()
      for (const { fragment, bytes, rows, rejects, derived, totals, error } of frames) {
        const slot = slots[fragment]!
        yield* tell(fragment)
        if (derived) yield { type: 'schema', columns: derived }
        if (bytes.length > 0) yield { type: 'rows', fragment: slot.item.name, bytes, rows }
        for (const reject of rejects) yield { type: 'reject', fragment: slot.item.name, reject }
        if (error) slot.error = error
        if (totals) slot.totals = totals
        // Enough rows were seen: the rest of the fragment is not read.
        if (totals?.truncated) stop.abort()
        if (totals && slot.end) yield* tell(fragment + 1)
      }
    }
    const readError = await reading
    for (const slot of slots.slice(told))
      if (!slot.totals) slot.error ??= readError instanceof Error ? readError : new Error('not read')
    await session.settle()
    yield* tell(slots.length)
  } finally {
    stop.abort()
    job.abort()
    await reading
  }
}

function toEvent({ item, end, error, totals }: Slot): ReadEvent {
  return {
    type: 'fragment',
    name: item.name,
    fingerprint: item.fingerprint,
    bytes: end?.bytes ?? 0,
    rows: error ? 0 : (totals?.published ?? 0),
    rejected: totals?.rejected ?? 0,
    status: error ? 'failed' : 'ok',
    truncated: totals?.truncated ?? false,
    totals,
    durationMs: (end?.durationUs ?? 0) / 1000,
    error: error && Object.assign(error, { message: messageOf(error) }),
  }
}
