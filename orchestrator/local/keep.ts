/** When the process that owned the embedded server ends, the first of those that still need it starts it again. */
import type { EmbeddedNats } from './nats.ts'

/** The part of a connection that tells of it. */
export interface Connection {
  status(): AsyncIterable<{ type: string }>
  isClosed(): boolean
}

/** Its owner, if it lives, is faster: it starts a server that died after 0.3 s. */
const PATIENCE_MS = 500

/** Runs until the connection is closed. */
export async function keepServer(
  nats: EmbeddedNats,
  connection: Connection,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type !== 'disconnect') continue
    await sleep(PATIENCE_MS)
    if (!connection.isClosed()) await nats.ensure().catch(() => {})
  }
}
