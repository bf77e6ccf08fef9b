import type { Consumer, ConsumerMessages, JetStreamClient } from '@nats-io/jetstream'
import { readFrame } from '../publish/frame.ts'
import { decodeBody } from './body.ts'
import { patiently } from './patience.ts'

/** Also how long the client waits before it looks again, when the server was not ready after a reconnect. */
export const EXPIRES_MS = 5_000

/** The version was replaced or retracted while its rows were being read: undo what was applied, a newer one follows. */
export class VersionSuperseded extends Error {
  readonly fragment: string
  readonly generation: number

  constructor(fragment: string, generation: number) {
    super(`fragment ${fragment}: generation ${generation} was replaced while it was being read; the newer one follows`)
    this.name = new.target.name
    this.fragment = fragment
    this.generation = generation
  }
}

export interface Place {
  stream: string
  subject: string
  fragment: string
  generation: number
  firstSequence: number
  frames: number
  pullBytes: number
}

/** Reads the frames of an attempt that counts, from the stream. Throws VersionSuperseded when they are gone. */
export async function* readAgain(js: JetStreamClient, place: Place): AsyncIterable<Uint8Array> {
  const { stream, subject, fragment, generation, firstSequence, frames, pullBytes } = place
  const consumer = await patiently(() =>
    js.consumers.get(stream, { filter_subjects: [subject], opt_start_seq: firstSequence }),
  )
  const { num_pending } = await consumer.info(true)
  if (num_pending === 0) throw new VersionSuperseded(fragment, generation)
  const messages = await consumer.consume({ max_bytes: pullBytes, expires: EXPIRES_MS })
  let next = 0
  try {
    for await (const message of messages) {
      const { headers } = message
      const frame = headers && readFrame((name) => headers.get(name))
      const isNext = frame?.kind === 'rows' && frame.generation === generation && frame.frame === next
      if (!isNext || (next === 0 && message.seq !== firstSequence)) throw new VersionSuperseded(fragment, generation)
      yield decodeBody(message.data, frame.encoding)
      if (++next === frames) return
    }
  } finally {
    leave(messages, consumer)
  }
  throw new VersionSuperseded(fragment, generation)
}

/**
 * Ends a consumer here and on the server, where it would otherwise stay for five minutes. Not waited for: the client
 * settles `close()` only when somebody reads on.
 */
export function leave(messages: ConsumerMessages, consumer: Consumer): void {
  messages.close().catch(() => {})
  consumer.delete().catch(() => {})
}
