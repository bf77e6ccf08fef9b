/**
 * One refresh of one connector:
 *
 *   claim ▸ fence, catch up ▸ list ▸ diff ▸ read ▸ parse ▸ publish ▸ commit ▸ retract ▸ finish
 *
 * A failure up to the diff ends the refresh and changes nothing. From read on a failure belongs to its fragment, which keeps
 * its last good rows while the others go on. What fails in a part (executor, NATS, state) ends the refresh; what the
 * stream holds by then counts, and the next refresh finds it there (promise 3).
 */
import type { Connector } from '../connector/definition.ts'
import { codeOf, LeaseLost, messageOf, RefreshError, type RowcastError } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { Passing } from './crash.ts'
import { scheduleChanges } from './diff.ts'
import { listAll } from './listing.ts'
import type {
  AuthorLog,
  Claim,
  ConnectorStream,
  Counts,
  ExecutorPort,
  ParsePort,
  PublishPort,
  RefreshOutcome,
  Staging,
  StatePort,
  StreamPosition,
  Trigger,
  Versions,
} from './ports.ts'
import { readAll } from './reading.ts'
import { retractVanished } from './retract.ts'
import { RefreshSchema, withPinnedColumns } from './schema.ts'
import { openSessions, type Sessions } from './sessions.ts'
import { type Report, Tally } from './tally.ts'

export interface RefreshDeps {
  executor: ExecutorPort
  parse: ParsePort
  publish: PublishPort
  state: StatePort
  versions: Versions
  clock: Clock
  report: Report
  log(line: AuthorLog): void
  /** Told of each step that a crash may interrupt. */
  passing: Passing
  /** Names this orchestrator in leases. */
  owner: string
  /** W3C ids: `bytes` random bytes as hex. */
  randomHex(bytes: number): string
}

export interface RefreshRequest {
  trigger: Trigger
  /** The guard on mass deletion is lifted, this once. */
  allowDeleted: boolean
  /** W3C trace id to join; undefined starts a new trace. */
  traceId: string | undefined
  /** Aborted: nothing new is begun, what is under way ends well. */
  drain: AbortSignal
  /** Aborted: everything stops where it is. */
  signal: AbortSignal
}

export interface RefreshResult {
  connector: string
  id: string
  status: RefreshOutcome['status']
  fragments: Counts
  rows: number
  rejected: number
  bytes: number
  seconds: number
  traceId: string
  unknown: Map<string, number>
  error: RowcastError | Error | undefined
}

export async function refresh(
  connector: Connector,
  deps: RefreshDeps,
  request: RefreshRequest,
): Promise<RefreshResult> {
  const { state, clock } = deps
  const started = clock.now()
  const traceId = request.traceId ?? deps.randomHex(16)
  const claim = await state.begin(connector.name, request.trigger, traceId)
  const held = { claim, tally: new Tally(), traceId, started }
  deps.passing('claim')
  const { tally } = held
  let error: Error | undefined
  let position: StreamPosition | undefined
  try {
    position = await run(connector, deps, request, held)
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown))
  }
  const cancelled = request.drain.aborted || request.signal.aborted
  if (!error && cancelled)
    error = new RefreshError('refresh.cancelled', 'cancelled before all fragments were read; what was committed stays')
  if (!error && tally.failed > 0)
    error = new RefreshError(
      'refresh.fragments_failed',
      `${tally.failed} of ${tally.new + tally.changed} fragments failed; they keep their last good rows`,
    )
  const status = !error ? 'succeeded' : cancelled ? 'cancelled' : 'failed'
  const { rows, rejected, bytes } = tally
  const told = error && { code: codeOf(error), message: messageOf(error) }
  if (!(error instanceof LeaseLost)) {
    await state.finish(held.claim, { status, counts: tally.counts(), rows, rejected, bytes, error: told, position })
  }
  const seconds = (clock.now() - started) / 1000
  return {
    connector: connector.name,
    id: claim.refresh,
    status,
    fragments: tally.counts(),
    rows,
    rejected,
    bytes,
    seconds,
    traceId,
    unknown: tally.unknown,
    error,
  }
}

interface Run {
  /** Replaced when the stream's lease has a higher epoch than the state's. */
  claim: Claim
  tally: Tally
  traceId: string
  started: number
}

async function run(connector: Connector, deps: RefreshDeps, request: RefreshRequest, held: Run) {
  const { state, report, clock } = deps
  const { tally, traceId, started } = held
  let claim = held.claim
  const known = await state.position(connector.name)
  const stream = await deps.publish.open(
    connector,
    {
      owner: deps.owner,
      epoch: claim.epoch,
      refresh: claim.refresh,
      traceId,
      known,
    },
    {
      raiseEpoch: async (above) => {
        claim = await state.raiseEpoch(claim, above)
        held.claim = claim
        return claim.epoch
      },
      confirm: () => state.confirm(claim),
      stored: async (receipts) => {
        // Promise 1: state follows the stream's acknowledgement, never leads it.
        deps.passing('batch.stored')
        await state.commit(claim, receipts)
        deps.passing('state.committed')
        tally.stored(receipts)
      },
    },
  )
  const sessions = openSessions(connector, deps, request.signal)
  let staging: Staging | undefined
  try {
    // From now on another stream under this name is `stream.lost`, also when this refresh is killed.
    if (!known) await state.adoptStream(claim, stream.position.created)
    // Promise 3: what the stream already holds is recorded, so that the diff does not read it again.
    for await (const markers of stream.catchUp(known?.sequence ?? 0)) await state.recover(claim, markers)
    report.phase('list', 'listing')
    staging = await listAll(
      { sessions, stage: () => state.stage(connector.name), clock, report, tally },
      either(request),
    )
    deps.passing('list.complete')
    const schema = new RefreshSchema(await withPinnedColumns(connector, state), {
      state,
      stream,
      versions: deps.versions,
      claim: () => claim,
      code: await sessions.use(async ({ bundleHash, lockHash }) => ({ bundleHash, lockHash })),
    })
    const { allowDeleted } = request
    const tripped = await scheduleChanges(staging, {
      connector,
      claim,
      version: schema.version.id,
      tally,
      report,
      allowDeleted,
    })
    deps.passing('diff.done')
    await staging.drop()
    staging = undefined

    await schema.announce()
    await readChanged(deps, request, { stream, sessions, claim, schema, tally, traceId })
    // A refresh that was told to stop retracts nothing: the next one will.
    if (!request.drain.aborted && !request.signal.aborted) await retractVanished(stream, claim, deps)
    await stream.flush()
    if (tripped) throw tripped
    const { rows, rejected, bytes } = tally
    const seconds = (clock.now() - started) / 1000
    const position = await stream.finish({
      refresh: claim.refresh,
      connector: connector.name,
      trace_id: traceId,
      fragments: tally.counts(),
      rows,
      rejected,
      bytes,
      seconds,
    })
    deps.passing('refresh.finish')
    await stream.close()
    return position
  } catch (error) {
    await stream.close({ abort: true })
    throw error
  } finally {
    await staging?.drop()
    await sessions.close()
  }
}

function either({ drain, signal }: RefreshRequest): AbortSignal {
  return AbortSignal.any([drain, signal])
}

interface Reading {
  stream: ConnectorStream
  sessions: Sessions
  claim: Claim
  schema: RefreshSchema
  tally: Tally
  traceId: string
}

async function readChanged(
  deps: RefreshDeps,
  request: RefreshRequest,
  { stream, sessions, claim, schema, tally, traceId }: Reading,
) {
  const total = tally.new + tally.changed
  if (total === 0) return
  const { state, parse, clock, report } = deps
  report.phase('read', `reading ${total} fragments`)
  await readAll(
    {
      sessions,
      stream,
      parse,
      clock,
      tally,
      report,
      schema,
      // Flag 00: no span is recorded; a set flag would start the server's own message tracing.
      traceparent: () => `00-${traceId}-${deps.randomHex(8)}-00`,
      page: (after, limit) => state.work(claim, 'read', after, limit),
      keepRejects: (work, generation, rejects) => state.keepRejects(claim, work.name, generation, rejects),
      fail: (work, error) => state.fail(claim, work.name, { code: error.code, message: messageOf(error) }),
    },
    total,
    request.drain,
    request.signal,
  )
}
