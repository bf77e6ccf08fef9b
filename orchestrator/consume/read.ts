import {
  type Consumer,
  type ConsumerMessages,
  type ConsumerNotification,
  type JetStreamClient,
  type JsMsg,
  jetstream,
} from '@nats-io/jetstream'
import { errors, type NatsConnection, type QueuedIterator } from '@nats-io/transport-node'
import { LinkError, messageOf } from '../errors.ts'
import { kindOf, readFrame } from '../publish/frame.ts'
import { subjectsOf } from '../publish/subject.ts'
import { EXPIRES_MS, leave, readAgain } from './again.ts'
import { decodeBody } from './body.ts'
import { patiently } from './patience.ts'
import { type Counted, Rule } from './rule.ts'

export interface ChangesOptions {
  /** current: everything that counts now, then every change; new: changes from now on. */
  from: 'current' | 'new'
  /** Ends the iteration, without an error. */
  signal?: AbortSignal
  /** Other than `$JS.API`, for a JetStream domain or an import. */
  apiPrefix?: string
}

/** A fragment has a new version, whole. */
export interface Commit {
  type: 'commit'
  fragment: string
  generation: number
  version: string
  schema: string
  refresh: string
  fingerprint: string
  rows: number
  /** The rows as NDJSON, whole rows in each piece. May be called again. Throws VersionSuperseded for a replaced version. */
  frames(): AsyncIterable<Uint8Array>
}

/** A fragment has vanished from its source. */
export interface Retract {
  type: 'retract'
  fragment: string
  generation: number
  refresh: string
}

/** A schema, before the first fragment that uses it. */
export interface SchemaChange {
  type: 'schema'
  id: string
  /** JSON text. */
  body: string
}

export interface RefreshDone {
  type: 'refresh'
  refresh: string
  /** JSON text of the summary. */
  body: string
}

/** `from: 'current'` only, once: all that was stored at the start has been delivered. */
export interface Current {
  type: 'current'
}

export type Change = Commit | Retract | SchemaChange | RefreshDone | Current

/** Bytes under way from the server; a slow reader holds no more. */
const PULL_BYTES = 8 * 1024 * 1024

/**
 * A connector's changes in the order of its stream, complete versions only, each once. Goes on for ever, through
 * reconnects and restarts of the server, until `signal` aborts. Throws LinkError when the stream cannot be read.
 */
export async function* changes(nc: NatsConnection, connector: string, options: ChangesOptions): AsyncIterable<Change> {
  const js = jetstream(nc, options.apiPrefix === undefined ? {} : { apiPrefix: options.apiPrefix })
  const { last, messages, pending, consumer, start, pullBytes } = await open(nc, js, connector, options.from)
  const { signal } = options
  const stop = () => void messages.close()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop() // it came while the consumer was made
  const rule = new Rule(start)
  let boundary: Boundary | undefined
  try {
    if (options.from === 'current') {
      if (pending === 0) yield { type: 'current' }
      else boundary = new Boundary(messages, consumer, last)
    }
    for await (const message of boundary ? boundary.through() : messages) {
      if (signal?.aborted) return
      if (message !== undefined) {
        const change = changeOf(js, rule, message, pullBytes)
        if (change) yield change
        if (signal?.aborted) return
      }
      if (boundary?.passed(message)) yield { type: 'current' }
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    leave(messages, consumer)
  }
  if (!signal?.aborted)
    throw new LinkError('nats.unreachable', `the connection to NATS was closed while reading connector ${connector}`)
}

async function open(nc: NatsConnection, js: JetStreamClient, connector: string, from: 'current' | 'new') {
  const subjects = subjectsOf(connector)
  const pullBytes = Math.max(PULL_BYTES, 2 * (nc.info?.max_payload ?? 0))
  try {
    const stream = await patiently(() => js.streams.get(subjects.stream))
    const last = (await patiently(() => stream.info())).state.last_seq
    // By sequence, not by policy: a recreated consumer of policy `new` would begin at the first message.
    const start = from === 'new' ? last + 1 : 1
    const consumer = await patiently(() =>
      js.consumers.get(subjects.stream, { filter_subjects: [subjects.all], opt_start_seq: start }),
    )
    const pending = (await consumer.info(true)).num_pending
    const messages = await consumer.consume({ max_bytes: pullBytes, expires: EXPIRES_MS, idle_heartbeat: 1_000 })
    return { last, start, consumer, pending, messages, pullBytes }
  } catch (error) {
    throw cannotRead(connector, subjects.stream, error)
  }
}

function cannotRead(connector: string, stream: string, cause: unknown): LinkError {
  if (cause instanceof errors.PermissionViolationError)
    return new LinkError('nats.denied', `NATS does not let this user read stream ${stream}: ${messageOf(cause, 200)}`, {
      cause,
    })
  if (/stream not found/.test(messageOf(cause)))
    return new LinkError(
      'stream.lost',
      `there is no stream ${stream}: refresh connector ${connector} first (\`rowcast refresh ${connector}\`)`,
      { cause },
    )
  return new LinkError('nats.unreachable', `stream ${stream} cannot be read: ${messageOf(cause, 200)}`, {
    retryable: true,
    cause,
  })
}

function changeOf(js: JetStreamClient, rule: Rule, message: JsMsg, pullBytes: number): Change | undefined {
  const { headers } = message
  if (!headers) return undefined
  const get = (name: string) => headers.get(name)
  const kind = kindOf(get)
  if (kind === 'schema') return { type: 'schema', id: get('Rowcast-Schema'), body: message.string() }
  if (kind === 'refresh') return { type: 'refresh', refresh: get('Rowcast-Refresh'), body: message.string() }
  const frame = readFrame(get)
  if (frame === undefined) return undefined
  const { subject, seq: sequence } = message
  const counted = rule.accept({ subject, sequence, headers: frame, data: decodeBody(message.data, frame.encoding) })
  if (counted === undefined) return undefined
  if (frame.kind === 'retract')
    return { type: 'retract', fragment: frame.name, generation: frame.generation, refresh: frame.refresh }
  return commitOf(js, message.info.stream, subject, counted, pullBytes)
}

function commitOf(js: JetStreamClient, stream: string, subject: string, counted: Counted, pullBytes: number): Commit {
  const { headers, marker, firstSequence, held } = counted
  const { name: fragment, generation, version, schema, refresh } = headers
  const { fingerprint, rows, frames } = marker
  return {
    type: 'commit',
    fragment,
    generation,
    version,
    schema,
    refresh,
    fingerprint,
    rows,
    frames: () =>
      held
        ? inMemory(held)
        : readAgain(js, { stream, subject, fragment, generation, firstSequence, frames, pullBytes }),
  }
}

async function* inMemory(frames: Uint8Array[]): AsyncIterable<Uint8Array> {
  for (const frame of frames) if (frame.length > 0) yield frame
}

/** Knows when everything that was stored at the start has been delivered. */
class Boundary {
  readonly #messages: ConsumerMessages
  readonly #consumer: Consumer
  readonly #last: number
  #passed = false

  constructor(messages: ConsumerMessages, consumer: Consumer, last: number) {
    this.#messages = messages
    this.#consumer = consumer
    this.#last = last
  }

  /** The messages, and undefined when the stream turned out to hold nothing more: the last one was deleted meanwhile. */
  async *through(): AsyncIterable<JsMsg | undefined> {
    const messages = this.#messages[Symbol.asyncIterator]()
    const status = this.#messages.status()
    const beats = heartbeats(status)
    let next = messages.next()
    let beat = beats.next()
    while (!this.#passed) {
      const first = await Promise.race([next, beat.then(() => 'beat' as const)])
      if (first === 'beat') {
        beat = beats.next()
        if (await this.#isDrained(next)) yield undefined
        continue
      }
      if (first.done) return
      next = messages.next()
      yield first.value
    }
    stopNow(status)
    for (let message = await next; !message.done; message = await messages.next()) yield message.value
  }

  /** True once. */
  passed(message: JsMsg | undefined): boolean {
    if (this.#passed) return false
    this.#passed = message === undefined || message.seq >= this.#last || message.info.pending === 0
    return this.#passed
  }

  /** The server has nothing left for us, and nothing of what it sent is still to be read here. */
  async #isDrained(next: Promise<unknown>): Promise<boolean> {
    let arrived = false
    void next.then(() => {
      arrived = true
    })
    try {
      if ((await this.#consumer.info()).num_pending > 0) return false
    } catch {
      return false
    }
    // Its reply came behind the messages on the same connection: they are in the queue by now.
    await new Promise((resolve) => setImmediate(resolve))
    return !arrived
  }
}

async function* heartbeats(status: AsyncIterable<ConsumerNotification>): AsyncGenerator<void> {
  for await (const { type } of status) if (type === 'heartbeat') yield
}

/** Nobody reads these any more; unread they would pile up. */
function stopNow(status: AsyncIterable<ConsumerNotification>): void {
  const queue = status as Partial<QueuedIterator<ConsumerNotification>>
  queue.stop?.()
}
