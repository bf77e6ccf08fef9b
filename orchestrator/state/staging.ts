/**
 * One listing, from its first item to the work it makes:
 *
 *   append … append ▸ diff ▸ (guard) ▸ schedule ▸ drop
 *
 * Nothing is compared before the listing is complete, and nothing of it is ever resumed.
 */
import type { Kysely, Transaction } from 'kysely'
import { AuthorError, LinkError } from '../errors.ts'
import type { Claim, Diff, ListedItem, Staging } from '../refresh/ports.ts'
import type { Compared } from './compare.ts'
import { setFragmentState } from './fragments.ts'
import { underLease } from './lease.ts'
import { breathe, STEP } from './steps.ts'
import type { Database } from './tables.ts'
import { addWork } from './work.ts'

export type StagedItem = Pick<ListedItem, 'name' | 'fingerprint' | 'extra'>

export interface Difference {
  name: string
  fingerprint: string
  item: string
}

/**
 * new, changed: to read · vanished: live and not listed · returned: kept, and listed again unchanged · gone: not listed
 * and never committed.
 */
export type DifferenceKind = 'new' | 'changed' | 'vanished' | 'returned' | 'gone'

/** Where an engine keeps one listing; scratch.ts is SQLite's. */
export interface ListingStage {
  append(items: readonly StagedItem[]): void
  /** Finds the differences and keeps them. */
  compare(connector: string, version: string, expected: number): Promise<Compared>
  differences(kind: DifferenceKind, after: string, limit: number): Difference[]
  drop(): void
}

export function createStaging(db: Kysely<Database>, stage: ListingStage, connector: string, owner: string): Staging {
  let listed = 0
  let waiting: StagedItem[] = []
  let compared = false
  let dropped = false

  function flush(all: boolean): void {
    while (waiting.length >= (all ? 1 : STEP)) {
      stage.append(waiting.slice(0, STEP))
      waiting = waiting.slice(STEP)
    }
  }

  async function diff(version: string): Promise<Diff> {
    flush(true)
    const found = await stage.compare(connector, version, listed)
    refuse(connector, found, listed)
    compared = true
    const { new: fresh, changed, vanished, live, olderVersion } = found
    return { listed, new: fresh, changed, unchanged: listed - fresh - changed, vanished, live, olderVersion }
  }

  /** Calls `write` with steps of the differences of one kind, each in a transaction of its own under the lease. */
  async function each(
    claim: Claim,
    kind: DifferenceKind,
    write: (trx: Transaction<Database>, step: Difference[]) => Promise<void>,
  ): Promise<void> {
    for (let after = ''; ; await breathe()) {
      const step = stage.differences(kind, after, STEP)
      if (step.length === 0) return
      await underLease(db, claim, owner, (trx) => write(trx, step))
      after = step.at(-1)!.name
    }
  }

  return {
    async append(items) {
      for (const item of items) {
        if (item.isPrefix) continue
        checkItem(item)
        waiting.push(item)
        listed++
      }
      flush(false)
    },
    diff,
    async schedule(claim, vanished) {
      if (!compared) await diff('')
      for (const kind of ['new', 'changed'] as const) {
        await each(claim, kind, (trx, step) =>
          addWork(
            trx,
            claim.refresh,
            step.map((row) => ({ ...row, kind })),
          ),
        )
      }
      await each(claim, 'returned', (trx, step) => setFragmentState(trx, connector, step.map(nameOf), 'live'))
      await each(claim, 'gone', (trx, step) => setFragmentState(trx, connector, step.map(nameOf), 'gone'))
      if (vanished === 'retract') {
        await each(claim, 'vanished', (trx, step) =>
          addWork(
            trx,
            claim.refresh,
            step.map((row) => ({ ...row, kind: 'retract' })),
          ),
        )
      }
      if (vanished === 'keep') {
        await each(claim, 'vanished', (trx, step) => setFragmentState(trx, connector, step.map(nameOf), 'kept'))
      }
      await underLease(db, claim, owner, async (trx) => {
        await trx.updateTable('refresh').set({ phase: 'read', listed }).where('id', '=', claim.refresh).execute()
      })
    },
    async drop() {
      if (dropped) return
      dropped = true
      waiting = []
      stage.drop()
    },
  }
}

const nameOf = ({ name }: Difference) => name

function refuse(connector: string, { staged, duplicate }: Compared, listed: number): void {
  if (staged !== listed) {
    throw new LinkError(
      'state.failed',
      `connector ${connector}: ${listed} fragments were listed but the staging holds ${staged}; the listing is not used, refresh again`,
      { retryable: true },
    )
  }
  if (!duplicate) return
  const shown = duplicate.items.map((item) => (item.length > 500 ? `${item.slice(0, 500)}…` : item))
  throw new AuthorError(
    'list.duplicate_name',
    `list_objects gave the name ${JSON.stringify(duplicate.name)} twice: ${shown.join(' and ')}; names have to be unique`,
  )
}

/** What no engine stores faithfully: SQLite makes one of two names with lone surrogates, Postgres refuses U+0000 (measured). */
function checkItem({ name, fingerprint }: ListedItem): void {
  const bad = (what: string) =>
    new AuthorError('list.bad_item', `${what}: ${JSON.stringify(name).slice(0, 500)}; the listing is not used`)
  if (name === '' || (name.length > 682 && Buffer.byteLength(name) > 2048))
    throw bad('a name has to have 1 to 2048 bytes')
  if (!name.isWellFormed() || name.includes('\0')) throw bad('a name holds a lone surrogate or U+0000')
  if (!fingerprint.isWellFormed() || fingerprint.includes('\0'))
    throw bad('a fingerprint holds a lone surrogate or U+0000')
  if (fingerprint.length > 341 && Buffer.byteLength(fingerprint) > 1024)
    throw bad('a fingerprint is longer than 1024 bytes')
}
