/** `test`: list ▸ read ▸ parse, once, with neither NATS nor a database; no retries and no circuit breaker. */
import type { Column, Connector } from '../connector/definition.ts'
import { AuthorError, codeOf, DefinitionError, messageOf } from '../errors.ts'
import type { ExecutorPort, ListedItem, ParsePort, Reject, Session, SessionHooks, Totals } from './ports.ts'
import { FRAME_BYTES, type Incoming, pump } from './pump.ts'

export interface TrialRequest {
  /** Read only these; empty: all. */
  fragments: string[]
  /** Stop after so many rows in all. */
  maxRows: number | undefined
  listOnly: boolean
}

export type TrialEvent =
  | { type: 'listed'; item: ListedItem }
  /** The columns that the first fragment brought, when the connector has none of its own. */
  | { type: 'schema'; columns: Column[] }
  /** Whole NDJSON rows. */
  | { type: 'rows'; fragment: string; bytes: Uint8Array }
  | { type: 'reject'; fragment: string; reject: Reject }
  | ({ type: 'fragment' } & TrialFragment)
  | { type: 'error'; stage: Stage; error: Error }
  | { type: 'summary'; fragments: number; rows: number; rejected: number; failed: number }

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

export type Stage = 'config' | 'environment' | 'load' | 'context' | 'list'

const STAGES: Record<string, Stage> = {
  config: 'config',
  environment: 'environment',
  connector: 'load',
  context: 'context',
  list: 'list',
}

/** Fragments of one call. */
const BATCH = 100
const MAX_ROW_BYTES = 8 << 20

export async function* trial(
  given: Connector,
  { executor, parse, hooks }: { executor: ExecutorPort; parse: ParsePort; hooks: SessionHooks },
  request: TrialRequest,
  signal: AbortSignal,
): AsyncGenerator<TrialEvent> {
  const sum = { fragments: 0, rows: 0, rejected: 0, failed: 0 }
  let connector = given
  let session: Session | undefined
  try {
    session = await executor.open(connector, hooks, signal)
    const items = new Map<string, ListedItem>()
    for await (const page of session.list({ prefixes: request.listOnly }, signal)) {
      for (const item of page) {
        if (request.listOnly) yield { type: 'listed', item }
        if (!item.isPrefix) addOnce(items, item)
      }
    }
    if (request.listOnly) {
      yield { type: 'summary', ...sum, fragments: items.size }
      return
    }
    const wanted = choose(items, request.fragments)
    let step = 0
    for (let at = 0; at < wanted.length; at += step) {
      // A fragment that brings the columns of all the others goes alone.
      step = request.maxRows === undefined && connector.columns.length > 0 ? BATCH : 1
      const left = request.maxRows === undefined ? undefined : request.maxRows - sum.rows
      if (left !== undefined && left <= 0) break
      for await (const event of readSome(connector, session, parse, wanted.slice(at, at + step), left, signal)) {
        if (event.type === 'fragment') {
          sum.fragments++
          sum.rows += event.rows
          sum.rejected += event.rejected
          if (event.status === 'failed') sum.failed++
        } else if (event.type === 'schema') connector = { ...connector, columns: event.columns }
        yield event
      }
    }
  } catch (error) {
    const stage = STAGES[codeOf(error).split('.')[0] ?? '']
    if (!stage) throw error
    yield { type: 'error', stage, error: error as Error }
  } finally {
    await session?.close()
  }
  yield { type: 'summary', ...sum }
}

function addOnce(items: Map<string, ListedItem>, item: ListedItem): void {
  const before = items.get(item.name)
  if (before) {
    const show = ({ name, fingerprint, extra }: ListedItem) => extra || JSON.stringify({ name, fingerprint })
    throw new AuthorError(
      'list.duplicate_name',
      `two fragments have the name ${JSON.stringify(item.name)}: ${show(before)} and ${show(item)}`,
    )
  }
  items.set(item.name, item)
}

function choose(items: Map<string, ListedItem>, names: string[]): ListedItem[] {
  if (names.length === 0) return [...items.values()]
  return names.map((name) => {
    const item = items.get(name)
    if (!item)
      throw new DefinitionError(
        `--fragment ${name}: the listing has no such fragment (it has ${items.size}; see them with --list)`,
        undefined,
        'config.usage',
      )
    return item
  })
}

interface Slot extends Incoming {
  item: ListedItem
  totals: Totals | undefined
}

async function* readSome(
  connector: Connector,
  session: Session,
  parse: ParsePort,
  items: ListedItem[],
  maxRows: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<TrialEvent> {
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
  try {
    for await (const frames of job.output) {
      for (const { fragment, bytes, rejects, derived, totals, error } of frames) {
        const slot = slots[fragment]!
        if (derived) yield { type: 'schema', columns: derived }
        if (bytes.length > 0) yield { type: 'rows', fragment: slot.item.name, bytes }
        for (const reject of rejects) yield { type: 'reject', fragment: slot.item.name, reject }
        if (error) slot.error = error
        if (totals) slot.totals = totals
        // Enough rows were seen: the rest of the fragment is not read.
        if (totals?.truncated) stop.abort()
        if (totals && slot.end) yield toEvent(slot)
      }
    }
    const readError = await reading
    for (const slot of slots) {
      if (slot.totals && slot.end) continue
      if (!slot.totals) slot.error ??= readError instanceof Error ? readError : new Error('not read')
      yield toEvent(slot)
    }
  } finally {
    stop.abort()
    job.abort()
    await reading
  }
}

function toEvent({ item, end, error, totals }: Slot): TrialEvent {
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
