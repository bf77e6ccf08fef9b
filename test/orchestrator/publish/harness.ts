import { crc32 } from 'node:zlib'
import { jetstream } from '@nats-io/jetstream'
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node'
import type { Connector } from '../../../orchestrator/connector/definition.ts'
import { openPublisher, type Publisher, type PublisherOptions } from '../../../orchestrator/publish/publisher.ts'
import type {
  ConnectorStream,
  FragmentToPublish,
  PublishHooks,
  PublishOptions,
  Receipt,
  Reject,
} from '../../../orchestrator/refresh/ports.ts'
import type { NatsServer } from '../../support/nats.ts'

export const SCHEMA = 'c-0123456789abcdef'
export const TRACE = 'f'.repeat(32)

export function connector(name: string): Connector {
  return { name } as Connector
}

/** Keeps what a state would keep, and lets a test wait for it. */
export class Memory implements PublishHooks {
  readonly receipts: Receipt[] = []
  readonly latest = new Map<string, Receipt>()
  epoch = 1
  lost: Error | undefined
  #waiting: { reached: () => boolean; resolve: () => void }[] = []

  async raiseEpoch(above: number): Promise<number> {
    this.epoch = above + 1
    return this.epoch
  }

  async confirm(): Promise<void> {
    if (this.lost) throw this.lost
  }

  async stored(receipts: Receipt[]): Promise<void> {
    for (const receipt of receipts) {
      this.receipts.push(receipt)
      this.latest.set(receipt.name, receipt)
    }
    this.#waiting = this.#waiting.filter(({ reached, resolve }) => !reached() || void resolve())
  }

  /** Resolves when so many receipts have come. */
  count(number: number): Promise<void> {
    return new Promise((resolve) => {
      const reached = () => this.receipts.length >= number
      if (reached()) resolve()
      else this.#waiting.push({ reached, resolve })
    })
  }
}

export class Session {
  readonly memory: Memory
  readonly stream: ConnectorStream

  constructor(stream: ConnectorStream, memory: Memory) {
    this.stream = stream
    this.memory = memory
  }

  fragment(name: string, version = 'v1', more: Partial<FragmentToPublish> = {}): FragmentToPublish {
    const known = this.memory.latest.get(name)
    return {
      name,
      fingerprint: `fp-${version}`,
      version: version.padEnd(16, '0'),
      schema: SCHEMA,
      generation: known?.generation ?? 0,
      tailSequence: known?.sequence ?? 0,
      hadRejects: (known?.rejected ?? 0) > 0,
      ...more,
    }
  }

  /** Publishes whole frames; with more than 8 MiB in parts. */
  async publish(
    name: string,
    frames: Buffer[],
    more: Partial<FragmentToPublish> & { rejects?: Reject[] } = {},
    version = 'v1',
  ) {
    const { rejects = [], ...fragment } = more
    const writer = await this.stream.begin(this.fragment(name, version, fragment))
    for (const bytes of frames) await writer.write({ bytes, rows: rowsIn(bytes) })
    await writer.finish(endOf(frames, rejects))
    return writer
  }
}

export function endOf(frames: Buffer[], rejects: Reject[] = []) {
  return {
    bytes: 7,
    rows: frames.reduce((sum, frame) => sum + rowsIn(frame), 0),
    rejected: rejects.length,
    crc32: frames.reduce((crc, frame) => crc32(frame, crc), 0),
    rejects,
  }
}

export function rowsIn(bytes: Uint8Array): number {
  let rows = 0
  for (const byte of bytes) if (byte === 10) rows++
  return rows
}

/** A row that names its fragment, version and index. */
export function row(fragment: string, version: string, index: number): string {
  return `${JSON.stringify({ fragment, version, index })}\n`
}

export function rows(fragment: string, version: string, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => row(fragment, version, index)).join(''))
}

/** Frames of 256 KiB of few long rows, so that counting them costs nothing. */
export function bulk(fragment: string, version: string, frames: number): Buffer[] {
  return Array.from({ length: frames }, (_, index) =>
    Buffer.from(`${JSON.stringify({ fragment, version, index, pad: 'x'.repeat(262_000) })}\n`),
  )
}

export function reject(rowNumber: number, raw = 'bad'): Reject {
  return {
    rowNumber,
    line: rowNumber + 1,
    byteOffset: 10 * rowNumber,
    column: 'a',
    code: 'row.value',
    message: 'not a number',
    raw: Buffer.from(raw),
    truncated: false,
  }
}

/** Opens publishers and closes them again at the end of a test. */
export class Bench {
  readonly server: NatsServer
  readonly #open: { close(): Promise<void> }[] = []

  constructor(server: NatsServer) {
    this.server = server
  }

  async publisher(options: Partial<PublisherOptions> = {}): Promise<Publisher> {
    const publisher = await openPublisher({ servers: this.server.url, maxBytes: 2 ** 30, ...options })
    this.#open.push(publisher)
    return publisher
  }

  async session(
    name: string,
    options: Partial<PublishOptions> & { publisher?: Publisher; memory?: Memory } = {},
  ): Promise<Session> {
    const { publisher = await this.publisher(), memory = new Memory(), ...rest } = options
    const defaults = { owner: 'me', epoch: memory.epoch, refresh: 'r1', traceId: TRACE, known: undefined }
    const stream = await publisher.open(connector(name), { ...defaults, ...rest }, memory)
    return new Session(stream, memory)
  }

  async client(options: object = {}): Promise<NatsConnection> {
    const nc = await connectNats({
      servers: this.server.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      ...options,
    })
    this.#open.push(nc)
    return nc
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#open.splice(0).map((one) => one.close()))
  }
}

export interface Stored {
  subject: string
  sequence: number
  get(header: string): string
  data: Buffer
}

/** Everything in a stream, in order, control messages included. */
export async function everything(nc: NatsConnection, name: string, filter = '>'): Promise<Stored[]> {
  const consumer = await jetstream(nc).consumers.get(`ROWS_${name}`, { filter_subjects: [filter] })
  let left = (await consumer.info(true)).num_pending
  const messages: Stored[] = []
  if (left === 0) return messages
  for await (const message of await consumer.consume()) {
    const { headers, subject, seq: sequence } = message
    messages.push({ subject, sequence, get: (key) => headers?.get(key) ?? '', data: Buffer.from(message.data) })
    if (--left === 0) break
  }
  return messages
}

export interface Version {
  fragment: string
  generation: number
  text: string
}

/**
 * The oracle: written from the reader's rule alone. Every version that counts, in the order of the stream; it throws
 * when one of them counts twice or generations do not grow.
 */
export function versions(messages: Stored[]): Version[] {
  const counted: Version[] = []
  const open = new Map<string, { generation: string; parts: Buffer[] }>()
  const newest = new Map<string, number>()
  for (const { subject, get, data } of messages) {
    const type = get('Rowcast-Type')
    if (type === 'retract')
      counted.push({
        fragment: get('Rowcast-Fragment'),
        generation: Number(get('Rowcast-Generation')),
        text: 'retracted',
      })
    if (type !== 'rows') continue
    const generation = get('Rowcast-Generation')
    if (get('Rowcast-Frame') === '0') open.set(subject, { generation, parts: [] })
    const attempt = open.get(subject)
    if (attempt?.generation !== generation || Number(get('Rowcast-Frame')) !== attempt.parts.length) {
      open.delete(subject)
      continue
    }
    attempt.parts.push(data)
    if (get('Rowcast-Frames') !== String(attempt.parts.length)) continue
    open.delete(subject)
    const fragment = decodeURIComponent(get('Rowcast-Fragment'))
    if ((newest.get(fragment) ?? 0) >= Number(generation))
      throw new Error(`${fragment}: generation ${generation} again`)
    newest.set(fragment, Number(generation))
    counted.push({ fragment, generation: Number(generation), text: Buffer.concat(attempt.parts).toString() })
  }
  return counted
}

export async function collect(pages: AsyncIterable<Receipt[]>): Promise<Receipt[]> {
  const all: Receipt[] = []
  for await (const page of pages) all.push(...page)
  return all
}
