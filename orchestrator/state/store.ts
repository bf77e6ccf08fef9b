/** The state, put together: what the flow needs (StatePort) and what the command line asks. */
import { randomBytes } from 'node:crypto'
import type { Claim, Receipt, StatePort } from '../refresh/ports.ts'
import { adoptStream, pauseConnector, reschedule, resumeConnector, streamPosition } from './connectors.ts'
import { noteFailure, recordMarkers, sameContent } from './fragments.ts'
import { uuidV7 } from './ids.ts'
import { setEpoch, underLease } from './lease.ts'
import type { StateDb } from './open.ts'
import {
  type ConnectorStatus,
  connectorStatus,
  type FragmentPage,
  type FragmentStatus,
  findFragment,
  listFragments,
  listRefreshes,
} from './queries.ts'
import { beginRefresh, endDead, endRefresh } from './refreshes.ts'
import { dropOtherRejects, type KeptReject, keepRejects, listRejects, rejectSteps } from './rejects.ts'
import { forget, prune, removeConnector } from './retention.ts'
import { createStaging } from './staging.ts'
import { breathe } from './steps.ts'
import type { FragmentTable, RefreshTable } from './tables.ts'
import {
  currentVersion,
  derivedColumns,
  type FragmentVersion,
  pinColumns,
  registerVersion,
  versionFinder,
} from './versions.ts'
import { closeWork, dropOldWork, failWork, openWork } from './work.ts'

export interface StateOptions {
  /** Milliseconds since 1970. */
  now(): number
  /** Names this process in leases: other than that of every process before it. */
  owner: string
  log: { warn(message: string): void }
  random?(bytes: number): Uint8Array
  /** `fragment` of connector/version.ts; without it, what is recovered from the stream counts as read with another version. */
  fragmentVersion?: FragmentVersion
}

/** Reads only: works beside the process that writes. */
export interface StateQueries {
  status(): Promise<ConnectorStatus[]>
  fragments(connector: string, page: FragmentPage): Promise<FragmentStatus[]>
  fragment(connector: string, name: string): Promise<FragmentTable | undefined>
  /** The newest first. */
  refreshes(connector: string, limit: number): Promise<RefreshTable[]>
  rejects(connector: string, options: Parameters<typeof listRejects>[2]): Promise<KeptReject[]>
  /** When the newest refresh began. */
  lastStart(connector: string): Promise<number | undefined>
}

export interface StateAdmin {
  /** At start: ends the refreshes that a dead process left, drops their work. Returns their ids. */
  takeOver(): Promise<string[]>
  reschedule(connector: string, nextDueAt: number | null): Promise<void>
  pause(connector: string): Promise<void>
  resume(connector: string): Promise<void>
  /** For `state rebuild`: the next refresh records everything again from the stream. */
  forget(connector: string): Promise<void>
  remove(connector: string): Promise<void>
  /** Called hourly. */
  prune(): Promise<void>
}

export function createQueries({ db }: Pick<StateDb, 'db'>): StateQueries {
  return {
    status: () => connectorStatus(db),
    fragments: (connector, page) => listFragments(db, connector, page),
    fragment: (connector, name) => findFragment(db, connector, name),
    refreshes: (connector, limit) => listRefreshes(db, connector, limit),
    rejects: (connector, options) => listRejects(db, connector, options),
    lastStart: async (connector) => (await listRefreshes(db, connector, 1))[0]?.started_at,
  }
}

export function createState(
  { db, openStage }: Pick<StateDb, 'db' | 'openStage'>,
  { now, owner, log, random = randomBytes, fragmentVersion }: StateOptions,
): StatePort & StateQueries & StateAdmin {
  async function record(claim: Claim, receipts: Receipt[], from: 'commit' | 'stream'): Promise<void> {
    if (receipts.length === 0) return
    const { connector } = claim
    const names = receipts.map(({ name }) => name)
    const unstable = await underLease(db, claim, owner, async (trx) => {
      const current = from === 'commit' ? await currentVersion(trx, connector) : null
      const effective = from === 'commit' ? () => current : await versionFinder(trx, connector, fragmentVersion)
      const same = await sameContent(trx, connector, receipts)
      await recordMarkers(trx, receipts, { connector, now: now(), effective })
      await dropOtherRejects(trx, connector, names)
      if (from === 'commit') await closeWork(trx, claim.refresh, names)
      return same
    })
    if (unstable.count === 0) return
    log.warn(
      `list.unstable_fingerprint: connector ${connector}: ${unstable.count} fragments have another fingerprint but the same rows, as in ${JSON.stringify(unstable.example)}; a fingerprint that changes only with the content saves reading them`,
    )
  }

  return {
    ...createQueries({ db }),
    async begin(connector, trigger, traceId) {
      const at = now()
      const id = uuidV7(at, random(10))
      const claim = await beginRefresh(db, { id, connector, trigger, traceId, owner, now: at })
      await dropOldWork(db)
      return claim
    },
    position: (connector) => streamPosition(db, connector),
    adoptStream: (claim, created) => underLease(db, claim, owner, (trx) => adoptStream(trx, claim.connector, created)),
    raiseEpoch: (claim, above) =>
      underLease(db, claim, owner, async (trx) => {
        const epoch = Math.max(above, claim.epoch) + 1
        await setEpoch(trx, claim.connector, epoch)
        return { ...claim, epoch }
      }),
    confirm: (claim) => underLease(db, claim, owner, async () => undefined),
    recover: (claim, markers) => record(claim, markers, 'stream'),
    // Promise 1: the caller has the stream's acknowledgement. One transaction for the whole group.
    commit: (claim, receipts) => record(claim, receipts, 'commit'),
    stage: async (connector) => createStaging(db, openStage(connector), connector, owner),
    work: (claim, kind, after, limit) => openWork(db, claim, kind, after, limit),
    async keepRejects(claim, fragment, generation, rejects) {
      const place = { connector: claim.connector, fragment, generation, now: now() }
      for (const step of rejectSteps(rejects)) {
        await underLease(db, claim, owner, (trx) => keepRejects(trx, place, step))
        await breathe()
      }
    },
    fail: (claim, fragment, error) =>
      underLease(db, claim, owner, async (trx) => {
        await noteFailure(trx, claim, fragment, error, now())
        await failWork(trx, claim.refresh, fragment, error.code)
      }),
    derivedColumns: (connector) => derivedColumns(db, connector),
    pinColumns: (claim, columns) => underLease(db, claim, owner, (trx) => pinColumns(trx, claim.connector, columns)),
    registerVersion: (claim, version) =>
      underLease(db, claim, owner, (trx) => registerVersion(trx, claim, version, now())),
    async finish(claim, outcome) {
      await underLease(db, claim, owner, (trx) => endRefresh(trx, claim, outcome, now()))
      await dropOldWork(db)
    },

    async takeOver() {
      const ended = await db.transaction().execute((trx) => endDead(trx, undefined, owner, now()))
      await dropOldWork(db)
      return ended
    },
    reschedule: (connector, nextDueAt) => reschedule(db, connector, nextDueAt, now()),
    pause: (connector) => pauseConnector(db, connector, now()),
    resume: (connector) => resumeConnector(db, connector, now()),
    forget: (connector) => forget(db, connector),
    remove: (connector) => removeConnector(db, connector),
    prune: () => prune(db, now()),
  }
}
