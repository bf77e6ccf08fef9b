/** Holds a session's lease by pings, hands on what the author's code prints, hears that the executor is about to end. */
import type { Metadata } from '@grpc/grpc-js'
import type { ExecutorServiceClient, SessionRef } from '../gen/rowcast/v1/executor.ts'
import type { AuthorLog } from '../refresh/ports.ts'

export interface Attachment {
  /** The executor is about to end. */
  readonly draining: boolean
  /** Resolves when the executor has sent its last line. */
  close(): Promise<void>
}

export function attach(
  client: ExecutorServiceClient,
  metadata: Metadata,
  session: SessionRef,
  leaseMs: number,
  log: (line: AuthorLog) => void,
): Attachment {
  const call = client.attach(metadata)
  const ended = new Promise<void>((resolve) => {
    call.on('error', () => resolve()) // a lost session shows in the calls that use it
    call.on('end', () => resolve())
  })
  let draining = false
  call.on('data', (response) => {
    if (response.draining) draining = true
    let dropped = Number(response.logsDropped)
    for (const line of response.logs) {
      log({
        timeUs: Number(line.timeUnixUs),
        stream: line.stream === 'stdout' ? 'stdout' : 'stderr',
        text: line.text,
        fragment: line.fragment,
        dropped,
      })
      dropped = 0
    }
  })
  call.write({ session })
  const ping = setInterval(() => call.write({ session: undefined }), Math.max(1000, leaseMs / 3))
  ping.unref()
  return {
    get draining() {
      return draining
    },
    async close() {
      clearInterval(ping)
      call.end()
      const given = setTimeout(() => call.cancel(), 2000)
      await ended
      clearTimeout(given)
    },
  }
}
