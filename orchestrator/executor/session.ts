/** One open session: its listing and its reads. */
import type { Metadata } from '@grpc/grpc-js'
import { AuthorError, LinkError } from '../errors.ts'
import type { SessionRef } from '../gen/rowcast/v1/executor.ts'
import type { ListedItem, ReadItem, ReadPiece, Session } from '../refresh/ports.ts'
import type { Attachment } from './attach.ts'
import { CONTROL_MS, openStream } from './channel.ts'
import { fromReadItem, toAuthorError, toLinkError, toListed, toReadEnd } from './convert.ts'
import type { Loan } from './fleet.ts'

/** One executor, and the channel to it. */
export interface Target {
  address: string
  loan: Loan
  metadata: Metadata
}

export interface SessionParts extends Target {
  session: SessionRef
  attachment: Attachment
  lockHash: string
  bundleHash: string
}

export function openCalls({
  loan,
  metadata,
  address,
  session,
  attachment,
  lockHash,
  bundleHash,
}: SessionParts): Session {
  const { client } = loan

  async function* list({ prefixes }: { prefixes: boolean }, signal: AbortSignal): AsyncGenerator<ListedItem[]> {
    let fragments = 0
    let complete = false
    try {
      for await (const page of openStream(client.listObjects({ session, prefixes }, metadata), signal)) {
        if (page.items.length > 0) {
          const items = page.items.map(toListed)
          for (const item of items) if (!item.isPrefix) fragments++
          yield items
        }
        if (!page.trailer) continue
        if (page.trailer.error) throw toAuthorError(page.trailer.error)
        complete = page.trailer.complete && Number(page.trailer.fragments) === fragments
      }
    } catch (error) {
      throw toLinkError(error, address)
    }
    // Promise 4: without its trailer a listing is no listing.
    if (!complete)
      throw new LinkError('executor.lost', `executor ${address}: the listing ended before it was complete`, {
        retryable: true,
      })
  }

  async function* read(items: ReadItem[], signal: AbortSignal, freshReader = false): AsyncGenerator<ReadPiece[]> {
    const received = new Float64Array(items.length)
    let ended = 0
    let trailer = false
    const request = { session, fragments: items.map(fromReadItem), messageBytes: 0, checksum: false, freshReader }
    try {
      for await (const message of openStream(client.readFragments(request, metadata), signal)) {
        const pieces: ReadPiece[] = []
        for (const { fragment, data, trailer: last } of message.pieces) {
          const item = items[fragment]
          if (!item)
            throw new LinkError(
              'executor.bad_request',
              `executor ${address} sent fragment ${fragment} of ${items.length}`,
            )
          received[fragment]! += data.length
          if (last) ended++
          pieces.push({ fragment, data, end: last && toReadEnd(last, received[fragment]!, item.name) })
        }
        if (pieces.length > 0) yield pieces
        if (!message.trailer) continue
        if (message.trailer.error) throw toAuthorError(message.trailer.error)
        trailer = message.trailer.fragments === items.length && ended === items.length
      }
    } catch (error) {
      throw toLinkError(error, address)
    }
    // The session is good, its reader's last words were not: what has no trailer is read again.
    if (!trailer)
      throw new AuthorError(
        'read.truncated',
        `executor ${address}: the read ended after ${ended} of ${items.length} fragments`,
        { retryable: true },
      )
  }

  async function end(): Promise<void> {
    await new Promise<void>((resolve) =>
      client.closeSession({ session }, metadata, { deadline: Date.now() + CONTROL_MS }, () => resolve()),
    )
    await attachment.close()
    loan.release()
  }
  let ended: Promise<void> | undefined

  return {
    lockHash,
    bundleHash,
    executor: address,
    get draining() {
      return attachment.draining
    },
    list,
    read,
    settle: () => attachment.settle(),
    close: () => {
      ended ??= end()
      return ended
    },
  }
}
