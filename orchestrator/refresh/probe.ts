/** Looks at a connector once more, on the side, for the checks of `test`: bounded in memory, silent. */
import type { Connector } from '../connector/definition.ts'
import type { Overlay } from '../connector/overlay.ts'
import { AuthorError } from '../errors.ts'
import type { Listing } from './listings.ts'
import type { ExecutorPort, ListedItem, Session } from './ports.ts'

/** Most fragments of a listing that is compared. */
export const MAX_ITEMS = 100_000
/** Most characters of its names and fingerprints; some listings are in memory together (promise 5). */
const MAX_TEXT = 64 << 20
/** Most bytes of a fragment that is compared: whole, or not at all. */
export const MAX_SAMPLE = 4 << 20

/** Runs `work` in a session of its own, in a new process. What the author's code prints there is not shown again. */
export async function inSession<T>(
  connector: Connector | Overlay,
  executor: ExecutorPort,
  work: (session: Session) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const hooks = { note: () => {}, log: () => {} }
  const session =
    'files' in connector
      ? await executor.open(connector.connector, hooks, signal, connector)
      : await executor.open(connector, hooks, signal)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

/** A whole listing; `each` sees its items on their way. */
export async function listOnce(
  session: Session,
  signal: AbortSignal,
  each: (item: ListedItem) => void = () => {},
): Promise<Listing> {
  const listing: Listing = { names: [], fingerprints: [] }
  let text = 0
  for await (const page of session.list({ prefixes: false }, signal)) {
    for (const item of page) {
      each(item)
      listing.names.push(item.name)
      listing.fingerprints.push(item.fingerprint)
      text += item.name.length + item.fingerprint.length
    }
    if (listing.names.length > MAX_ITEMS || text > MAX_TEXT)
      throw new AuthorError('list.too_many', 'the listing is too large to be compared')
  }
  return listing
}

/** The bytes of each that is small enough and did not fail, by name. `isIntact`: the process is still the one it was. */
export async function readWhole(
  session: Session,
  items: Iterable<ListedItem>,
  signal: AbortSignal,
): Promise<{ bytes: Map<string, Uint8Array>; isIntact: boolean }> {
  const bytes = new Map<string, Uint8Array>()
  let isIntact = true
  for (const { name, fingerprint, extra } of items) {
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const message of session.read([{ name, fingerprint, extra, traceparent: '' }], signal)) {
      for (const { data, end } of message) {
        size += data.length
        pieces.push(data)
        if (end?.error) isIntact = false
        else if (end) bytes.set(name, Buffer.concat(pieces))
      }
      if (size > MAX_SAMPLE) {
        bytes.delete(name)
        isIntact = false
        break // a read that is left ends its process
      }
    }
  }
  return { bytes, isIntact }
}
