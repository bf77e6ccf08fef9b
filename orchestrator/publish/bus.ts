import { createInbox, errors, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { LinkError } from '../errors.ts'
import { type Clock, delay, systemClock } from './clock.ts'
import { addressOf, denied, isDenied, unreachable } from './connect.ts'
import { encodeHeaders, type Lines } from './frame.ts'

/** The server may or may not have done what was asked: time-out, cut connection, no leader. */
export class OutcomeUnknown extends Error {}

/** The server says no, with its number (delivery.md section 4, "Errors and what to do"). */
export class Refusal extends Error {
  readonly code: number

  constructor(code: number, description: string) {
    super(`${description} (${code})`)
    this.code = code
  }
}

/** A server busy with 560,000 subjects once answered after 20 s (delivery.md section 5). */
const DEADLINE_MS = 60_000
const DEFAULT_OUTAGE_MS = 300_000
const EMPTY = new Uint8Array(0)
/** JetStream is not ready (yet), or its leader is being elected. */
const NOT_READY = new Set([10008, 10005])

export interface BusOptions {
  servers: string | string[]
  apiPrefix?: string
  /** How long a lost connection is waited for before `nats.unreachable`. */
  outageMs?: number
  clock?: Clock
}

interface Waiting {
  resolve(reply: unknown): void
  reject(error: Error): void
}

export interface StoredMessage {
  subject: string
  sequence: number
  headers: string
  data: Uint8Array
}

/**
 * The publish path's own connection: one subscription for all replies, header bytes made by us, and nothing sent while
 * disconnected, because the client then drops it silently.
 */
export class Bus {
  readonly clock: Clock
  readonly nc: NatsConnection
  readonly outageMs: number
  readonly #servers: string | string[]
  readonly #api: string
  readonly #inbox: string
  readonly #waiting = new Map<string, Waiting>()
  #requests = 0
  #connection = 0
  #down: { promise: Promise<void>; resolve: () => void } | undefined
  #closed: Error | undefined

  constructor(nc: NatsConnection, options: BusOptions) {
    this.nc = nc
    this.clock = options.clock ?? systemClock
    this.outageMs = options.outageMs ?? DEFAULT_OUTAGE_MS
    this.#servers = options.servers
    this.#api = `${options.apiPrefix ?? '$JS.API'}.`
    // biome-ignore lint/suspicious/noExplicitAny: the client keeps its options to itself
    this.#inbox = `${createInbox((nc as any).options?.inboxPrefix)}.`
    nc.subscribe(`${this.#inbox}*`, { callback: (error, message) => this.#onReply(error, message) })
    void this.#watch()
  }

  get maxPayload(): number {
    return this.nc.info?.max_payload ?? 1_048_576
  }

  /** Changes with every reconnect: what was staged on another connection is lost. */
  get connection(): number {
    return this.#connection
  }

  get connected(): boolean {
    return this.#down === undefined && this.#closed === undefined
  }

  /** Resolves when there is a connection; throws `nats.unreachable` after `outageMs`. */
  async ready(): Promise<void> {
    while (this.#down !== undefined && this.#closed === undefined) {
      const down = this.#down
      let cancel = () => {}
      const late = new Promise<'late'>((resolve) => {
        cancel = this.clock.after(this.outageMs, () => resolve('late'))
      })
      const what = await Promise.race([down.promise, late])
      cancel()
      if (what === 'late') throw unreachable(this.#servers, 'the connection was lost and has not come back')
    }
    if (this.#closed !== undefined) throw this.#closed
  }

  /** Sends without asking for a reply. Call `ready` first: while disconnected this is lost. */
  publish(subject: string, lines: Lines, data: Uint8Array, reply = ''): void {
    const bytes = encodeHeaders(lines)
    // The client asks the header object for encode() and nothing else (checked by frame.test.ts).
    this.nc.publish(subject, data, { headers: { encode: () => bytes } as unknown as MsgHdrs, reply })
  }

  /** Sends and waits for the reply, parsed; undefined for an empty one. Throws Refusal or OutcomeUnknown. */
  request(subject: string, lines: Lines, data: Uint8Array): Promise<unknown> {
    if (this.#down !== undefined) return Promise.reject(new OutcomeUnknown('not connected'))
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    const key = String(++this.#requests)
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(DEADLINE_MS, () => {
        this.#waiting.delete(key)
        reject(new OutcomeUnknown(`no reply from ${subject} within ${DEADLINE_MS / 1000} s`))
      })
      this.#waiting.set(key, {
        resolve: (reply) => {
          cancel()
          resolve(reply)
        },
        reject: (error) => {
          cancel()
          reject(error)
        },
      })
      this.publish(subject, lines, data, this.#inbox + key)
    })
  }

  /** Asks JetStream, as often as it takes; for what may be asked twice. Throws Refusal, or `nats.timeout`. */
  async api<T>(name: string, body?: object): Promise<T> {
    const data = body === undefined ? EMPTY : Buffer.from(JSON.stringify(body))
    const deadline = this.clock.now() + this.outageMs
    for (let wait = 20; ; wait = Math.min(2 * wait, 1_000)) {
      await this.ready()
      try {
        return (await this.request(this.#api + name, '', data)) as T
      } catch (error) {
        if (!(error instanceof OutcomeUnknown) && !(error instanceof Refusal && NOT_READY.has(error.code))) throw error
        if (this.clock.now() > deadline)
          throw new LinkError(
            'nats.timeout',
            `NATS at ${addressOf(this.#servers)} does not answer ${name}: ${error.message}; is JetStream enabled there?`,
            { retryable: true, cause: error },
          )
        await delay(this.clock, wait)
      }
    }
  }

  /** The last message of a subject, read from the leader; undefined when there is none. */
  async last(stream: string, subject: string): Promise<StoredMessage | undefined> {
    try {
      const reply = await this.api<{ message: { subject: string; seq: number; hdrs?: string; data?: string } }>(
        `STREAM.MSG.GET.${stream}`,
        { last_by_subj: subject },
      )
      const { message } = reply
      return {
        subject: message.subject,
        sequence: message.seq,
        headers: Buffer.from(message.hdrs ?? '', 'base64').toString('latin1'),
        data: Buffer.from(message.data ?? '', 'base64'),
      }
    } catch (error) {
      if (error instanceof Refusal && error.code === 10037) return undefined
      throw error
    }
  }

  async close(): Promise<void> {
    this.#end(new LinkError('nats.unreachable', 'the connection to NATS was closed'))
    await this.nc.close()
  }

  #onReply(error: Error | null, message: Msg): void {
    if (error !== null) {
      this.#end(denied(this.#servers, error))
      return
    }
    const key = message.subject.slice(this.#inbox.length)
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return
    this.#waiting.delete(key)
    if (message.data.length === 0) {
      if (message.headers?.code === 503)
        waiting.reject(new OutcomeUnknown('no responders: JetStream is not there, or has no leader'))
      else waiting.resolve(undefined)
      return
    }
    const reply = message.json<{ error?: { code: number; err_code?: number; description?: string } }>()
    const { error: refused } = reply
    if (refused === undefined) waiting.resolve(reply)
    else waiting.reject(new Refusal(refused.err_code ?? refused.code, refused.description ?? 'refused'))
  }

  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect') {
        this.#connection++
        this.#down ??= Promise.withResolvers<void>()
        this.#rejectAll(new OutcomeUnknown('the connection to NATS was lost'))
      } else if (status.type === 'reconnect') {
        this.#down?.resolve()
        this.#down = undefined
      } else if (status.type === 'error' && status.error instanceof errors.PermissionViolationError) {
        // A refused publish gets no reply: without this its caller would wait for the deadline.
        if (status.error.operation === 'publish') this.#rejectAll(denied(this.#servers, status.error))
      }
    }
    const why = await this.nc.closed()
    this.#end(
      isDenied(why) ? denied(this.#servers, why) : unreachable(this.#servers, why ?? 'the connection was closed'),
    )
  }

  #end(error: Error): void {
    this.#closed ??= error
    this.#down?.resolve()
    this.#down = undefined
    this.#rejectAll(this.#closed)
  }

  #rejectAll(error: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const one of waiting) one.reject(error)
  }
}
