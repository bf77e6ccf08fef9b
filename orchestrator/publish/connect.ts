import { readFile } from 'node:fs/promises'
import {
  type Authenticator,
  type ConnectionOptions,
  connect as connectOnce,
  credsAuthenticator,
  errors,
  type NatsConnection,
} from '@nats-io/transport-node'
import { LinkError, messageOf } from '../errors.ts'
import { type Clock, delay, systemClock } from './clock.ts'

export interface ConnectOptions {
  /** `host:port` or `nats://host:port`, one or several of one cluster. */
  servers: string | string[]
  /** One of: user and password, a credentials file, a token; none for a server without accounts. */
  user?: string
  password?: string
  token?: string
  /** Path of a `.creds` file. */
  credentialsFile?: string
  /** Shown in the server's list of connections. */
  name?: string
  /** Replies arrive below this; a user's permissions name it. */
  inboxPrefix?: string
  /** How long a first connection is tried before `nats.unreachable`. */
  patienceMs?: number
  clock?: Clock
}

/** Short enough to see a restarted server at once, long enough not to hammer it. */
const RECONNECT_MS = 200
const DIAL_MS = 5_000
const DEFAULT_PATIENCE_MS = 15_000

/** Connects, trying for `patienceMs`; once connected, the client itself reconnects for ever. */
export async function connect(options: ConnectOptions): Promise<NatsConnection> {
  const clock = options.clock ?? systemClock
  const client = await clientOptions(options)
  const deadline = clock.now() + (options.patienceMs ?? DEFAULT_PATIENCE_MS)
  for (let wait = 50; ; wait = Math.min(2 * wait, 1_000)) {
    try {
      return await connectOnce(client)
    } catch (cause) {
      if (isDenied(cause)) throw denied(options.servers, cause)
      if (clock.now() + wait > deadline) throw unreachable(options.servers, cause)
      await delay(clock, wait)
    }
  }
}

async function clientOptions(options: ConnectOptions): Promise<ConnectionOptions> {
  const authenticator = await authenticatorOf(options)
  return {
    servers: options.servers,
    name: options.name ?? 'rowcast',
    inboxPrefix: options.inboxPrefix ?? '_INBOX',
    // A stack trace for every request costs more than the request.
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    timeout: DIAL_MS,
    ...(options.user === undefined ? {} : { user: options.user, pass: options.password ?? '' }),
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(authenticator === undefined ? {} : { authenticator }),
  }
}

async function authenticatorOf(options: ConnectOptions): Promise<Authenticator | undefined> {
  if (options.credentialsFile === undefined) return undefined
  try {
    return credsAuthenticator(await readFile(options.credentialsFile))
  } catch (cause) {
    throw new LinkError(
      'nats.denied',
      `the NATS credentials file ${options.credentialsFile} cannot be read: ${messageOf(cause)}; give the path of a .creds file`,
      { cause },
    )
  }
}

export function isDenied(cause: unknown): boolean {
  return (
    cause instanceof errors.AuthorizationError ||
    cause instanceof errors.UserAuthenticationExpiredError ||
    (cause instanceof Error && /authorization|authentication/i.test(cause.message))
  )
}

export function denied(servers: string | string[], cause: unknown): LinkError {
  return new LinkError(
    'nats.denied',
    `NATS at ${addressOf(servers)} refused the user: ${messageOf(cause, 200)}; check the user and password, token or credentials file that Rowcast was given`,
    { cause },
  )
}

export function unreachable(servers: string | string[], cause: unknown): LinkError {
  return new LinkError(
    'nats.unreachable',
    `NATS at ${addressOf(servers)} cannot be reached: ${messageOf(cause, 200)}; start nats-server there, or set NATS_URL to where it runs`,
    { retryable: true, cause },
  )
}

/** Promise 10: an address is shown without the user and password that a URL may carry. */
export function addressOf(servers: string | string[]): string {
  return [servers]
    .flat()
    .map((server) => server.replace(/\/\/[^@/]*@/, '//').replace(/^[^@/]*@/, ''))
    .join(', ')
}
