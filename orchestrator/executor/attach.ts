/** Holds a session's lease by pings, hands on what the author's code prints, hears that the executor is about to end. */
import type { Metadata } from '@grpc/grpc-js'
import type { ExecutorServiceClient, SessionRef } from '../gen/rowcast/v1/executor.ts'
import type { AuthorLog } from '../refresh/ports.ts'
import { toLog } from './convert.ts'

const SETTLE_MS = 5_000

export interface Attachment {
  /** The executor is about to end. */
  readonly draining: boolean
  /** Resolves when every line printed until now has been handed on, or the session is lost. */
  settle(): Promise<void>
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
  let asked = 0
  let hasEnded = false
  const waiting = new Map<number, () => void>()
  const answered = (flushed: number) => {
    for (const [number, resolve] of waiting) if (number <= flushed && waiting.delete(number)) resolve()
  }
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true
      answered(asked)
      resolve()
    }
    call.on('error', end) // a lost session shows in the calls that use it
    call.on('end', end)
  })
  let draining = false
  call.on('data', (response) => {
    if (response.draining) draining = true
    let dropped = Number(response.logsDropped)
    for (const line of response.logs) {
      log({ ...toLog(line), dropped })
      dropped = 0
    }
    answered(Number(response.flushed))
  })
  call.write({ session, flush: 0n })
  const ping = setInterval(() => call.write({ session: undefined, flush: 0n }), Math.max(1000, leaseMs / 3))
  ping.unref()
  return {
    get draining() {
      return draining
    },
    async settle() {
      if (hasEnded) return
      const number = ++asked
      const answer = new Promise<void>((resolve) => waiting.set(number, resolve))
      call.write({ session: undefined, flush: BigInt(number) })
      // Bounded: an executor of an older version does not answer.
      const given = setTimeout(() => answered(number), SETTLE_MS)
      await answer
      clearTimeout(given)
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
