/**
 * The bare server's ceiling: the frames that a stream holds, published again with nothing before them, by the same publisher into
 * another stream. ceiling.ts URL CONNECTOR
 */
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Connector } from '../../orchestrator/connector/definition.ts'
import { openPublisher } from '../../orchestrator/publish/publisher.ts'

interface Stored {
  fragment: string
  frames: { bytes: Uint8Array; rows: number }[]
}

const [, , url, connector] = process.argv
const nc = await connect({ servers: url! })
const consumer = await jetstream(nc).consumers.get(`ROWS_${connector}`, { filter_subjects: [`rows.${connector}.*`] })
const stored = new Map<string, Stored>()
let rows = 0
let bytes = 0
let left = (await consumer.info()).num_pending
for await (const message of await consumer.consume({ max_bytes: 32 << 20 })) {
  const fragment = decodeURIComponent(message.headers!.get('Rowcast-Fragment'))
  if (message.headers!.get('Rowcast-Frame') === '0') stored.set(fragment, { fragment, frames: [] })
  const frame = {
    bytes: Uint8Array.from(message.data),
    rows: message.data.reduce((n, byte) => n + (byte === 10 ? 1 : 0), 0),
  }
  stored.get(fragment)!.frames.push(frame)
  rows += frame.rows
  bytes += frame.bytes.length
  if (--left === 0) break
}
await nc.close()

const publisher = await openPublisher({ servers: url! })
let acknowledged = 0
const target = { name: `ceiling-${process.pid}` } as Connector
const stream = await publisher.open(
  target,
  { owner: 'bench', epoch: 1, refresh: 'bench', traceId: '0'.repeat(31).concat('1'), known: undefined },
  {
    raiseEpoch: async (above) => above + 1,
    confirm: async () => {},
    stored: async (receipts) => {
      acknowledged += receipts.length
    },
  },
)
const before = process.cpuUsage()
const started = performance.now()
for (const { fragment, frames } of stored.values()) {
  const writer = await stream.begin({
    name: fragment,
    fingerprint: '1',
    version: '0'.repeat(16),
    schema: 'bench',
    generation: 0,
    tailSequence: 0,
    hadRejects: false,
  })
  let published = 0
  for (const frame of frames) {
    published += frame.rows
    if (frame.bytes.length > 0) await writer.write(frame)
  }
  await writer.finish({ bytes: 0, rows: published, rejected: 0, crc32: 0, rejects: [] })
}
await stream.flush()
const seconds = (performance.now() - started) / 1000
const cpu = process.cpuUsage(before)
if (acknowledged !== stored.size) throw new Error(`${acknowledged} of ${stored.size} fragments were stored`)
console.log(JSON.stringify({ seconds, rows, bytes, fragments: stored.size, cpu: (cpu.user + cpu.system) / 1e6 }))
await stream.close()
await publisher.close()
