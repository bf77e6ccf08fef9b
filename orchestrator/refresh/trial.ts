/** `test`: list ▸ read ▸ parse, once, with neither NATS nor a database; no retries and no circuit breaker. */
import type { Connector } from '../connector/definition.ts'
import { AuthorError, codeOf, DefinitionError } from '../errors.ts'
import { type CheckEvent, checkListing, type Seen } from './checks.ts'
import type { Clock } from './clock.ts'
import type { ExecutorPort, ListedItem, ParsePort, Session, SessionHooks } from './ports.ts'
import { type ReadEvent, readSome } from './trial-read.ts'

export interface TrialRequest {
  /** Read only these; empty: all. */
  fragments: string[]
  /** Stop after so many rows in all. */
  maxRows: number | undefined
  listOnly: boolean
  /** Look for names and fingerprints that are not made of the object. */
  checks: boolean
}

export interface TrialDeps {
  executor: ExecutorPort
  parse: ParsePort
  clock: Clock
  hooks: SessionHooks
}

export type TrialEvent =
  | { type: 'listing'; fragments: number }
  | { type: 'listed'; item: ListedItem }
  /** The listing is complete; so many fragments will be read. What was printed until now has been handed to `hooks.log`. */
  | { type: 'reading'; fragments: number }
  /** Before each `fragment`, what it printed has been handed to `hooks.log`. */
  | ReadEvent
  | { type: 'error'; stage: Stage; error: Error }
  | CheckEvent
  | { type: 'summary'; fragments: number; rows: number; rejected: number; failed: number }

export type Stage = 'config' | 'environment' | 'load' | 'context' | 'list'

const STAGES: Record<string, Stage> = {
  config: 'config',
  recording: 'config',
  environment: 'environment',
  connector: 'load',
  context: 'context',
  list: 'list',
}

/** Fragments of one call. */
const BATCH = 100
/** Fragments of which the checks are told how large they are. */
const SIZES = 1000

export async function* trial(
  given: Connector,
  deps: TrialDeps,
  request: TrialRequest,
  signal: AbortSignal,
): AsyncGenerator<TrialEvent> {
  const { executor, hooks, clock } = deps
  const sum = { fragments: 0, rows: 0, rejected: 0, failed: 0 }
  let connector = given
  const sizes = new Map<string, number>()
  let seen: Seen | undefined
  let failure: { stage: Stage; error: Error } | undefined
  let session: Session | undefined
  try {
    session = await executor.open(connector, hooks, signal)
    const items = new Map<string, ListedItem>()
    const startedAt = clock.now()
    for await (const page of session.list({ prefixes: request.listOnly }, signal)) {
      for (const item of page) {
        if (request.listOnly) yield { type: 'listed', item }
        if (!item.isPrefix) addOnce(items, item)
      }
      yield { type: 'listing', fragments: items.size }
    }
    const listedAt = clock.now()
    const wanted = request.listOnly ? [] : choose(items, request.fragments)
    await session.settle()
    yield { type: 'reading', fragments: wanted.length }
    let step = 0
    for (let at = 0; at < wanted.length; at += step) {
      // A fragment that brings the columns of all the others goes alone.
      step = request.maxRows === undefined && connector.columns.length > 0 ? BATCH : 1
      const left = request.maxRows === undefined ? undefined : request.maxRows - sum.rows
      if (left !== undefined && left <= 0) break
      for await (const event of readSome(connector, session, deps.parse, wanted.slice(at, at + step), left, signal)) {
        if (event.type === 'fragment') {
          sum.fragments++
          sum.rows += event.rows
          sum.rejected += event.rejected
          if (event.status === 'failed') sum.failed++
          else if (!event.truncated && sizes.size < SIZES) sizes.set(event.name, event.bytes)
        } else if (event.type === 'schema') connector = { ...connector, columns: event.columns }
        yield event
      }
    }
    if (request.listOnly) sum.fragments = items.size
    else seen = { items, listMs: listedAt - startedAt, listedAt, sizes }
  } catch (error) {
    const stage = STAGES[codeOf(error).split('.')[0] ?? '']
    if (!stage) throw error
    failure = { stage, error: error as Error }
  } finally {
    await session?.close() // with it the last printed line has come
  }
  if (failure) yield { type: 'error', ...failure }
  if (seen && request.checks) yield* checkListing(connector, deps, seen, signal)
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
