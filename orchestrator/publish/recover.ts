import { LeaseLost, LinkError } from '../errors.ts'
import { type Bus, OutcomeUnknown, Refusal } from './bus.ts'
import type { Item } from './item.ts'

/** What to do after a batch that was not acknowledged (delivery.md section 4, the table of errors). */
export type Verdict = 'read' | 'retry' | 'wait'

/** Wrong last sequence; the only refusal that says something about our subjects or our lease. */
const WRONG_SEQUENCE = 10071
const CONCURRENT_CHECK = 10164
const BATCH_ABANDONED = new Set([10176, 10208])
const OVERLOADED = new Set([429, 10167, 10210])
const FULL = 10077
const STORAGE_GONE = new Set([10002, 10023, 10047])
const TOO_OLD = 10185

export interface Limits {
  stream: string
  maxBytes: number
}

/** Judges an error of a commit; throws what ends the refresh here. */
export function judge(error: unknown, limits: Limits): Verdict {
  if (error instanceof OutcomeUnknown) return 'read'
  if (!(error instanceof Refusal)) throw error
  if (error.code === WRONG_SEQUENCE || BATCH_ABANDONED.has(error.code)) return 'read'
  if (error.code === CONCURRENT_CHECK) return 'retry'
  if (OVERLOADED.has(error.code)) return 'wait'
  if (error.code === FULL) throw streamFull(limits, error)
  if (STORAGE_GONE.has(error.code))
    throw new LinkError(
      'disk.full',
      `NATS has no room to store stream ${limits.stream}: ${error.message}; free disk or raise the server's or the account's storage limit, then run the refresh again`,
      { cause: error },
    )
  if (error.code === TOO_OLD)
    throw new LinkError('nats.too_old', `${error.message}; atomic batches need nats-server 2.12.15, 2.14.4 or newer`, {
      cause: error,
    })
  throw new LinkError('nats.refused', `stream ${limits.stream} refused a batch: ${error.message}`, { cause: error })
}

export function streamFull(limits: Limits, cause?: unknown): LinkError {
  return new LinkError(
    'stream.full',
    `stream ${limits.stream} is full: its max_bytes of ${limits.maxBytes} leaves no room for this version beside the current one. Raise max_bytes (\`nats stream edit ${limits.stream} --max-bytes=…\`), or retract fragments; the current rows are untouched`,
    { cause },
  )
}

/**
 * Finds out from the leader what of these items is stored, and returns the rest, re-expected. The lease is read
 * before and after: a batch that was refused because of it shows there, whatever the subjects say.
 */
export async function unstored(bus: Bus, stream: string, items: Item[], lease: () => Promise<void>): Promise<Item[]> {
  await lease()
  const last = await Promise.all(items.map((item) => bus.last(stream, item.spec.subject)))
  await lease()
  return items.filter((item, index) => !item.settle(last[index]))
}

/** Throws LeaseLost unless the connector's last claim is still `claim`; `stream.lost` when there is none at all. */
export async function checkLease(
  bus: Bus,
  place: { connector: string; stream: string; lease: string; claim: number },
): Promise<void> {
  const message = await readLast(bus, place.stream, place.lease)
  if (message === undefined)
    throw new LinkError(
      'stream.lost',
      `stream ${place.stream} was deleted while connector ${place.connector} was publishing; run \`rowcast state rebuild ${place.connector} --yes\``,
    )
  if (message.sequence !== place.claim) throw new LeaseLost(place.connector)
}

async function readLast(bus: Bus, stream: string, subject: string) {
  try {
    return await bus.last(stream, subject)
  } catch (error) {
    if (error instanceof Refusal && error.code === 10059) return undefined
    throw error
  }
}
