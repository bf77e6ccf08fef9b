import type { NatsConnection } from '@nats-io/transport-node'
import type { Connector } from '../connector/definition.ts'
import type { ConnectorStream, PublishHooks, PublishOptions, PublishPort } from '../refresh/ports.ts'
import { Bus } from './bus.ts'
import { Capacity } from './capacity.ts'
import { type Clock, systemClock } from './clock.ts'
import { type ConnectOptions, connect } from './connect.ts'
import { OpenStream } from './connector-stream.ts'
import { checkDurability } from './durability.ts'
import { takeLease } from './lease.ts'
import { ORCHESTRATOR_INBOX } from './permissions.ts'
import { probe } from './probe.ts'
import { DEFAULT_MAX_BYTES, openStream } from './stream.ts'
import { subjectsOf } from './subject.ts'

export interface PublisherOptions extends ConnectOptions {
  /** For streams that do not exist yet; default 10 GiB. */
  maxBytes?: number
  replicas?: number
  manage?: 'create' | 'reconcile' | 'verify'
  /** Other than `$JS.API`, for a JetStream domain or an import. */
  apiPrefix?: string
  /** How long a running refresh waits for a server that is away. */
  outageMs?: number
  /** Monitoring address of the server (`http://host:8222`): tells whether what it acknowledges is on disk. */
  monitor?: string
  /** Something that a person should know and that stops nothing. */
  warn?(message: string): void
  clock?: Clock
}

/** Headers take their part of the server's max_payload. */
const HEADER_ROOM = 16 * 1024

/** Connects and returns what the flow publishes with. */
export async function openPublisher(options: PublisherOptions): Promise<Publisher> {
  const withPrefix = { inboxPrefix: ORCHESTRATOR_INBOX, ...options }
  const publishing = await connect({ ...withPrefix, name: 'rowcast publish' })
  const reading = await connect({ ...withPrefix, name: 'rowcast catch-up' })
  if (options.monitor !== undefined && options.warn) await checkDurability(options.monitor, options.warn)
  return new Publisher(publishing, reading, options)
}

export class Publisher implements PublishPort {
  readonly #bus: Bus
  readonly #reader: NatsConnection
  readonly #options: PublisherOptions
  /** Streams whose republishing was seen to work by this process. */
  readonly #probed = new Set<string>()

  constructor(publishing: NatsConnection, reading: NatsConnection, options: PublisherOptions) {
    this.#reader = reading
    this.#options = options
    const { servers, apiPrefix, outageMs, clock = systemClock } = options
    this.#bus = new Bus(publishing, {
      servers,
      clock,
      ...(apiPrefix === undefined ? {} : { apiPrefix }),
      ...(outageMs === undefined ? {} : { outageMs }),
    })
  }

  /** For whoever has to know when the server is away. */
  get connection(): NatsConnection {
    return this.#reader
  }

  async open(connector: Connector, options: PublishOptions, hooks: PublishHooks): Promise<ConnectorStream> {
    const { maxBytes = DEFAULT_MAX_BYTES, replicas = 1, manage = 'create', apiPrefix, warn = () => {} } = this.#options
    const bus = this.#bus
    const subjects = subjectsOf(connector.name)
    const info = await openStream(bus, subjects, { maxBytes, replicas, manage, warn }, options.known)
    const identity = `${subjects.stream} ${info.created}`
    if (!this.#probed.has(identity)) {
      await probe(bus, this.#reader, subjects)
      this.#probed.add(identity)
    }
    const claim = await takeLease(bus, subjects, {
      connector: connector.name,
      owner: options.owner,
      epoch: options.epoch,
      raiseEpoch: (above) => hooks.raiseEpoch(above),
      confirm: () => hooks.confirm(),
    })
    return new OpenStream({
      connector: connector.name,
      bus,
      reader: this.#reader,
      apiPrefix,
      origin: {
        subjects,
        refresh: options.refresh,
        traceId: options.traceId,
        maxRowBytes: bus.maxPayload - HEADER_ROOM,
      },
      hooks,
      capacity: new Capacity(bus, subjects.stream, info),
      created: info.created,
      claim,
    })
  }

  async close(): Promise<void> {
    await this.#bus.close()
    await this.#reader.close()
  }
}
