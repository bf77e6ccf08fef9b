import { messageOf } from '../errors.ts'

const ANSWER_MS = 2_000

/**
 * Promise 1 holds through a power cut only where the server syncs each write: with the default it lost every
 * acknowledged message (delivery.md section 5). Only the monitoring port tells; `sync_interval` itself prints 2 minutes
 * even where it is `always`.
 */
export async function checkDurability(monitor: string, warn: (message: string) => void): Promise<void> {
  try {
    if (await syncsAlways(monitor)) return
    warn(
      `nats-server at ${monitor} does not sync each write: a power cut can lose what it acknowledged; set jetstream { sync_interval: always }`,
    )
  } catch (error) {
    warn(`whether nats-server syncs each write cannot be read from ${monitor}: ${messageOf(error, 200)}`)
  }
}

/** What the server says of itself at its monitoring address. Throws when nothing answers there. */
export async function syncsAlways(monitor: string): Promise<boolean> {
  const reply = await fetch(new URL('/varz', monitor), { signal: AbortSignal.timeout(ANSWER_MS) })
  const varz = (await reply.json()) as { jetstream?: { config?: { sync_always?: boolean } } }
  return varz.jetstream?.config?.sync_always === true
}
