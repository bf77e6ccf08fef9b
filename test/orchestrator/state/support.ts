/** The engines the suite runs on, and what the tests have in common. A second engine is one more entry of DIALECTS. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fragmentVersion } from '../../../orchestrator/connector/version.ts'
import type {
  Claim,
  Counts,
  Diff,
  ListedItem,
  Receipt,
  RefreshOutcome,
  Reject,
  StatePort,
} from '../../../orchestrator/refresh/ports.ts'
import { openState, type StateDb } from '../../../orchestrator/state/open.ts'
import { createState, type StateAdmin, type StateQueries } from '../../../orchestrator/state/store.ts'

export type State = StatePort & StateQueries & StateAdmin

export interface Opened {
  db: StateDb
  /** A process named `owner`, on the same database. */
  as(owner: string): State
  clock: { now: number }
  warnings: string[]
  close(): Promise<void>
}

export interface Dialect {
  name: string
  open(): Promise<Opened>
}

export const DIALECTS: Dialect[] = [
  {
    name: 'sqlite',
    async open() {
      const home = makeHome()
      const db = await openState(home, { pid: process.pid })
      const close = async () => {
        await db.close()
        rmSync(home, { recursive: true, force: true })
      }
      return { ...handles(db), close }
    },
  },
]

export function makeHome(): string {
  return mkdtempSync(join(tmpdir(), 'rowcast-state-'))
}

export function handles(db: StateDb): Omit<Opened, 'close'> {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const warnings: string[] = []
  const log = { warn: (message: string) => void warnings.push(message) }
  const as = (owner: string) => createState(db, { now: () => clock.now++, owner, log, fragmentVersion })
  return { db, as, clock, warnings }
}

export const C = 'airports'
export const TRACE = 'a'.repeat(32)

export function item(name: string, fingerprint = 'f1', extra = ''): ListedItem {
  return { name, fingerprint, extra, isPrefix: false, depth: 0 }
}

export const NO_COUNTS: Counts = {
  listed: 0,
  new: 0,
  changed: 0,
  unchanged: 0,
  vanished: 0,
  read: 0,
  committed: 0,
  failed: 0,
  retracted: 0,
}

export function outcome(given: Partial<RefreshOutcome> = {}): RefreshOutcome {
  return {
    status: 'succeeded',
    counts: NO_COUNTS,
    rows: 0,
    rejected: 0,
    bytes: 0,
    error: undefined,
    position: undefined,
    ...given,
  }
}

let sequence = 100

/** A marker, each with a higher sequence than the one before. */
export function receipt(name: string, given: Partial<Receipt> = {}): Receipt {
  sequence++
  const fingerprint = given.fingerprint ?? 'f1'
  return {
    kind: 'commit',
    name,
    fingerprint,
    version: fragmentVersion(fingerprint, 'v1'),
    schema: 'airports-1',
    generation: sequence,
    sequence,
    firstSequence: sequence,
    frames: 1,
    rows: 3,
    rejected: 0,
    bytes: 30,
    crc32: sequence,
    refresh: 'r',
    ...given,
  }
}

export function reject(rowNumber: number, raw = 'a;b'): Reject {
  return {
    rowNumber,
    line: rowNumber + 1,
    byteOffset: rowNumber * 10,
    column: 'elevation_m',
    code: 'row.value',
    message: 'no number',
    raw: Buffer.from(raw),
    truncated: false,
  }
}

export const VERSION = {
  id: 'v1',
  definition: '{}',
  codeHash: 'c',
  lockHash: '',
  schemaId: 'airports-1',
  schemaBody: '{}',
}

/** Lists `items` and makes them work. */
export async function list(
  state: State,
  claim: Claim,
  items: ListedItem[],
  vanished: 'retract' | 'keep' | 'leave' = 'retract',
  version = 'v1',
): Promise<Diff> {
  const staging = await state.stage(claim.connector)
  try {
    await staging.append(items)
    const diff = await staging.diff(version)
    await staging.schedule(claim, vanished)
    return diff
  } finally {
    await staging.drop()
  }
}

/** A whole refresh without failures; returns what it had to do. */
export async function refreshAll(
  state: State,
  items: ListedItem[],
  vanished: 'retract' | 'keep' | 'leave' = 'retract',
): Promise<{ diff: Diff; read: string[]; retracted: string[] }> {
  const claim = await state.begin(C, 'cli', TRACE)
  await state.registerVersion(claim, VERSION)
  const diff = await list(state, claim, items, vanished)
  const read = await state.work(claim, 'read', '', 10_000)
  const retracted = await state.work(claim, 'retract', '', 10_000)
  await state.commit(claim, [
    ...read.map(({ name, fingerprint }) => receipt(name, { fingerprint })),
    ...retracted.map(({ name }) => receipt(name, { kind: 'retract', fingerprint: '' })),
  ])
  await state.finish(claim, outcome({ position: { created: 't', sequence } }))
  return { diff, read: read.map(({ name }) => name), retracted: retracted.map(({ name }) => name) }
}
