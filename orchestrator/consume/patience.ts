import { JetStreamApiError } from '@nats-io/jetstream'
import { delay, errors } from '@nats-io/transport-node'

const TRIES = 8
const WAIT_MS = 250

/** Asks JetStream again while its server restarts or elects a leader: about half a minute, time-outs included. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === TRIES || !passes(error)) throw error
      await delay(WAIT_MS * tries)
    }
  }
}

function passes(error: unknown): boolean {
  return (
    error instanceof errors.TimeoutError ||
    error instanceof errors.NoRespondersError ||
    error instanceof errors.RequestError ||
    (error instanceof JetStreamApiError && error.status === 503)
  )
}
