/**
 * What `test` warns of: names and fingerprints that are not made of the object, so that a refresh would read what has not
 * changed, or miss what has.
 *
 *   list ▸ … the test … ▸ list in another process, counting elsewhere: all the same? done
 *                           no ▸ list ▸ read ▸ list in one process; list ▸ read in another: what differs, and do the bytes?
 *
 * A source may change at any moment. A fingerprint is called unstable only when it was another one each time, and the bytes
 * that were read in between are the same.
 */
import type { Connector } from '../connector/definition.ts'
import { COUNT_STEP, countingElsewhere } from '../connector/overlay.ts'
import { AuthorError, codeOf, messageOf } from '../errors.ts'
import type { Clock } from './clock.ts'
import {
  byName,
  changes,
  countedBy,
  differing,
  followsOrder,
  isSame,
  looksLikeNow,
  renames,
  toListing,
} from './listings.ts'
import type { ExecutorPort, ListedItem } from './ports.ts'
import { inSession, listOnce, MAX_ITEMS, MAX_SAMPLE, readWhole } from './probe.ts'
import { counts, follows, type ListingWarning, unstableFingerprints, unstableNames } from './warnings.ts'

export type CheckEvent =
  | { type: 'checking' }
  | { type: 'warning'; warning: ListingWarning }
  | { type: 'unchecked'; why: string; error: Error | undefined }

/** What `test` has seen. */
export interface Seen {
  items: ReadonlyMap<string, ListedItem>
  /** How long the listing took, and when it ended. */
  listMs: number
  listedAt: number
  /** Bytes of some fragments that were read whole. */
  sizes: ReadonlyMap<string, number>
}

/** A listing that takes longer is not made again for a warning: its source is slow, or large. */
const SLOW_MS = 5_000
const LIMIT_MS = 30_000
/** Fragments whose bytes are compared. */
const SAMPLES = 3
/** Times of day are written to the second. */
const NEXT_SECOND_MS = 1_100

type Deps = { executor: ExecutorPort; clock: Clock }

/** Ends within 30 s, and never throws: what goes wrong while looking is told, it is no failure of the test. */
export async function* checkListing(
  connector: Connector,
  deps: Deps,
  seen: Seen,
  signal: AbortSignal,
): AsyncGenerator<CheckEvent> {
  const { items, listMs } = seen
  if (items.size === 0 || signal.aborted) return
  if (listMs > SLOW_MS || items.size > MAX_ITEMS) {
    const what = listMs > SLOW_MS ? `took ${Math.round(listMs / 1000)} s` : `has more than ${MAX_ITEMS} fragments`
    yield { type: 'unchecked', why: `the listing ${what}, and would be made once more`, error: undefined }
    return
  }
  yield { type: 'checking' }
  const [done, limit] = [new AbortController(), new AbortController()]
  void deps.clock.sleep(LIMIT_MS, done.signal).then(() => limit.abort())
  try {
    for await (const warning of examine(connector, deps, seen, AbortSignal.any([signal, limit.signal])))
      yield { type: 'warning', warning }
  } catch (error) {
    if (signal.aborted) return
    if (limit.signal.aborted)
      yield { type: 'unchecked', why: `they took longer than ${LIMIT_MS / 1000} s`, error: undefined }
    else {
      const why = `listing once more failed: ${codeOf(error)}: ${messageOf(error, 500)}`
      yield { type: 'unchecked', why, error: error as Error }
    }
  } finally {
    done.abort()
  }
}

async function* examine(
  connector: Connector,
  { executor, clock }: Deps,
  { items, listedAt, sizes }: Seen,
  signal: AbortSignal,
): AsyncGenerator<ListingWarning> {
  const plain = toListing(items.values())
  const isTimed = plain.fingerprints.slice(0, 100).some((fingerprint) => looksLikeNow(fingerprint, listedAt))
  const passTime = async () => isTimed && clock.sleep(NEXT_SECOND_MS, signal)

  await passTime()
  const counted = await countElsewhere()
  if (counted && counted.names.length > 0) yield counts('names', plain, counted.names)
  else if (counted && counted.fingerprints.length > 0) yield counts('fingerprints', plain, counted.fingerprints)
  if (counted?.isAll) return
  const isOrderKnown = counted !== undefined && counted.names.length + counted.fingerprints.length > 0

  const known = byName(plain)
  const suspects = new Map<string, ListedItem>()
  const here = await inSession(
    connector,
    executor,
    async (session) => {
      const others: ListedItem[] = []
      const first = await listOnce(session, signal, (item) => {
        const before = known.get(item.name)
        if (before === undefined || before === item.fingerprint) return
        // Those that are known to be small first: one that is not ends the process, and says nothing.
        if ((sizes.get(item.name) ?? Infinity) <= MAX_SAMPLE) others.unshift(item)
        else if (others.length < SAMPLES) others.push(item)
        if (others.length > SAMPLES) others.pop()
      })
      if (isSame(plain, first)) return undefined
      for (const item of others) suspects.set(item.name, item)
      const read = await readWhole(session, others, signal)
      await passTime()
      return { first, read, again: await listOnce(session, signal) }
    },
    signal,
  )
  if (!here) return
  await passTime()
  const there = await inSession(
    connector,
    executor,
    async (session) => {
      const found: ListedItem[] = []
      const elsewhere = await listOnce(session, signal, (item) => {
        if (suspects.has(item.name)) found.push(item)
      })
      return { elsewhere, read: await readWhole(session, found, signal) }
    },
    signal,
  )
  const three = { first: here.first, again: here.again, elsewhere: there.elsewhere }
  const order = followsOrder(three.first, three.again) ?? followsOrder(three.first, three.elsewhere)
  if (order && !isOrderKnown) yield follows(order, three)
  if (order) return
  // Kept fragments of other names may be meant: a snapshot at each refresh.
  const renamed = connector.refresh.deleted === 'keep' ? undefined : renames(three)
  if (renamed) yield unstableNames(renamed, three)
  if (!here.read.isIntact) return
  const [once, twice] = [here.read.bytes, there.read.bytes]
  const proven = [...suspects.keys()].filter((name) => isEqual(once.get(name), twice.get(name)))
  for (const when of ['each listing', 'each process'] as const) {
    const names = proven.filter((name) => changes(name, three) === when)
    if (names.length > 0) yield unstableFingerprints(when, three, names, differing(three.first, three.elsewhere).length)
  }

  /** undefined: it does not list like that, which says nothing: an `enumerate` may as well be an index. */
  async function countElsewhere() {
    try {
      const overlay = countingElsewhere(connector)
      const off = await inSession(overlay, executor, (session) => listOnce(session, signal), signal)
      return countedBy(COUNT_STEP, plain, off)
    } catch (error) {
      if (error instanceof AuthorError) return undefined
      throw error
    }
  }
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0
}
