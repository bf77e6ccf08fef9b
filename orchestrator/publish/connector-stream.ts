import type { NatsConnection } from '@nats-io/transport-node'
import { LeaseLost, LinkError } from '../errors.ts'
import type {
  ConnectorStream,
  FragmentToPublish,
  FragmentToRetract,
  FragmentWriter,
  PublishHooks,
  Receipt,
  SchemaAnnouncement,
  StreamPosition,
} from '../refresh/ports.ts'
import { announce } from './announce.ts'
import { Attempt, type Origin, tombstone, tombstoneReceipt, traceparent } from './attempt.ts'
import type { Bus } from './bus.ts'
import type { Capacity } from './capacity.ts'
import { catchUp } from './catch-up.ts'
import { parseHeaders, refreshLines } from './frame.ts'
import { Group, type Grouped } from './group.ts'
import type { Item } from './item.ts'
import { Lane } from './lane.ts'
import { type Range, Writer, type WriterHost } from './parts.ts'
import { deleteAttempt, purgeBefore } from './tails.ts'

export interface StreamParts {
  connector: string
  bus: Bus
  /** Where consumers are read; never the publish path's connection. */
  reader: NatsConnection
  apiPrefix: string | undefined
  origin: Origin
  hooks: PublishHooks
  capacity: Capacity
  created: string
  /** Sequence of our claim in the lease subject. */
  claim: number
}

interface Pending extends Grouped {
  receipt(): Receipt
}

/** A connector's stream under our lease: everything of one refresh goes through here. */
export class OpenStream implements ConnectorStream, WriterHost {
  readonly position: StreamPosition
  readonly maxRowBytes: number
  readonly #parts: StreamParts
  readonly #lane: Lane
  readonly #group: Group<Pending>
  readonly #announced = new Map<string, Promise<void>>()
  readonly #writers = new Set<Writer>()
  /** Generations given out for attempts that have not counted, so that the next one of the fragment is higher. */
  readonly #generations = new Map<string, number>()
  #reports: Promise<void> = Promise.resolve()
  #large = 0
  #idle = Promise.withResolvers<void>()
  #error: unknown

  constructor(parts: StreamParts) {
    this.#parts = parts
    this.position = { created: parts.created, sequence: parts.claim }
    this.maxRowBytes = parts.origin.maxRowBytes
    const { lease, batch, stream } = parts.origin.subjects
    const { claim, connector, capacity } = parts
    this.#lane = new Lane(parts.bus, { connector, stream, lease, batch, claim, maxBytes: capacity.maxBytes })
    this.#group = new Group({
      clock: parts.bus.clock,
      store: (pending) => this.#storeSmall(pending),
      moreComing: () => this.#writers.size > 0,
      fail: (error) => this.fail(error),
    })
  }

  catchUp(sequence: number): AsyncIterable<Receipt[]> {
    const { bus, reader, claim, origin, apiPrefix } = this.#parts
    return catchUp(bus, reader, { subjects: origin.subjects, after: sequence, claim, apiPrefix })
  }

  async announce(schema: SchemaAnnouncement): Promise<void> {
    let announced = this.#announced.get(schema.id)
    if (announced === undefined) {
      this.check()
      announced = announce(this.#parts.bus, this.#parts.origin, schema)
      this.#announced.set(schema.id, announced)
      announced.catch(() => this.#announced.delete(schema.id))
    }
    await announced
  }

  async begin(fragment: FragmentToPublish): Promise<FragmentWriter> {
    this.check()
    const attempt = new Attempt(this.#parts.origin, fragment, this.#nextGeneration(fragment))
    const writer = new Writer(this, attempt)
    this.#writers.add(writer)
    return writer
  }

  async retract(fragments: FragmentToRetract[]): Promise<void> {
    for (const fragment of fragments) {
      this.check()
      const { origin } = this.#parts
      const item = tombstone(origin, fragment, this.#nextGeneration(fragment))
      await this.#group.add({ item, bytes: item.bytes, receipt: () => tombstoneReceipt(origin, fragment.name, item) })
    }
    this.check()
  }

  async flush(): Promise<void> {
    await this.#group.flush()
    while (this.#large > 0 && this.#error === undefined) await this.#idle.promise
    await this.#reports
    this.check()
  }

  async finish(summary: object): Promise<StreamPosition> {
    await this.flush()
    const { bus, origin, created } = this.#parts
    const { subjects, refresh, traceId } = origin
    const lines = refreshLines({ refresh, traceparent: traceparent(traceId) })
    const data = Buffer.from(JSON.stringify(summary))
    const isStored = async () => {
      const last = await bus.last(subjects.stream, subjects.refreshDone)
      return last && parseHeaders(last.headers)('Rowcast-Refresh') === refresh ? last.sequence : undefined
    }
    try {
      const message = { subject: subjects.ingest(subjects.refreshDone), lines, data }
      return { created, sequence: await this.#lane.storePlain([message], isStored) }
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  async close(options: { abort: boolean } = { abort: false }): Promise<void> {
    if (!options.abort) return this.flush()
    const wasLost = this.#error instanceof LeaseLost
    this.fail(new LinkError('nats.refused', `the stream of connector ${this.#parts.connector} was closed`))
    // Out of reach: what is under way ends with the connection, and the next holder deletes the tails.
    if (!this.#parts.bus.connected) return
    await this.#group.stop()
    // After a LeaseLost nothing more is written: the new holder deletes our tails.
    if (!wasLost) await Promise.allSettled([...this.#writers].map((writer) => writer.abort()))
    await this.#reports.catch(() => {})
  }

  // ---------------------------------------------------------------- for the writers

  check(): void {
    if (this.#error !== undefined) throw this.#error
  }

  fail(error: unknown): void {
    if (this.#error !== undefined) return
    this.#error = error
    void this.#group.stop()
    this.#wake()
  }

  async addSmall(item: Item, receipt: () => Receipt): Promise<void> {
    await this.#group.add({ item, bytes: item.bytes, receipt })
    this.check()
  }

  async storePart(item: Item): Promise<void> {
    this.check()
    if (item.spec.firstFrame === 0) this.#large++
    await this.#parts.capacity.claim(item)
    await this.#lane.store([item])
  }

  async completed(attempt: Attempt, receipt: Receipt, purge: boolean): Promise<void> {
    // The new version counts from here on; only now may the old one go.
    if (purge)
      await purgeBefore(this.#parts.bus, this.#parts.origin.subjects.stream, attempt.subject, receipt.firstSequence)
    await this.#report([receipt])
    this.#leaveLarge()
  }

  async giveUp(attempt: Attempt, stored: Range[]): Promise<void> {
    this.#leaveLarge()
    if (this.#error instanceof LeaseLost) return
    const { bus, origin } = this.#parts
    const { generation, subject } = attempt
    await deleteAttempt(bus, { stream: origin.subjects.stream, subject, generation }, stored)
  }

  left(writer: Writer): void {
    this.#writers.delete(writer)
  }

  // ---------------------------------------------------------------- inside

  async #storeSmall(pending: Pending[]): Promise<void> {
    const items = pending.map(({ item }) => item)
    const bytes = items.reduce((sum, item) => sum + item.bytes, 0)
    const messages = items.reduce((sum, item) => sum + item.messages, 0)
    // Tombstones alone may use the reserve of a full stream: they are what makes room.
    if (bytes > 0) await this.#parts.capacity.claim({ bytes, messages })
    await this.#lane.store(items)
    await this.#report(pending.map(({ receipt }) => receipt()))
  }

  /** Promise 1: the state hears of a fragment only after the stream has stored it. One report at a time, in order. */
  #report(receipts: Receipt[]): Promise<void> {
    for (const { name } of receipts) this.#generations.delete(name)
    const report = this.#reports.then(async () => {
      // The next batch's commit goes out first: what follows may keep this thread busy for milliseconds.
      await new Promise((resolve) => setImmediate(resolve))
      await this.#parts.hooks.stored(receipts)
    })
    this.#reports = report.catch((error: unknown) => this.fail(error))
    return report
  }

  /** Ever growing, with gaps: claims have ever higher sequences, so none is used twice, even after a loss of state. */
  #nextGeneration(fragment: { name: string; generation: number }): number {
    const before = Math.max(fragment.generation, this.#parts.claim, this.#generations.get(fragment.name) ?? 0)
    this.#generations.set(fragment.name, before + 1)
    return before + 1
  }

  #leaveLarge(): void {
    this.#large--
    this.#wake()
  }

  #wake(): void {
    this.#idle.resolve()
    this.#idle = Promise.withResolvers<void>()
  }
}
