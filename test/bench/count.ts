/** A consumer process of its own: counts fragments and rows by the reader's rule. count.ts URL CONNECTOR */
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

const [, , url, connector] = process.argv
const nc = await connect({ servers: url! })
const consumer = await jetstream(nc).consumers.get(`ROWS_${connector}`, { filter_subjects: [`rows.${connector}.*`] })
const started = performance.now()
let left = (await consumer.info()).num_pending
const open = new Map<string, { generation: string; next: number; rows: number }>()
const seen = { fragments: 0, rows: 0, bytes: 0, unfinished: 0 }
if (left > 0) {
  for await (const message of await consumer.consume({ max_bytes: 32 << 20 })) {
    const header = (name: string) => message.headers!.get(name)
    if (header('Rowcast-Type') === 'rows') {
      const generation = header('Rowcast-Generation')
      const frame = Number(header('Rowcast-Frame'))
      const attempt = frame === 0 ? { generation, next: 0, rows: 0 } : open.get(message.subject)
      if (attempt && attempt.generation === generation && attempt.next === frame) {
        open.set(message.subject, attempt)
        attempt.next++
        const data = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length)
        for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1)) attempt.rows++
        seen.bytes += data.length
        if (Number(header('Rowcast-Frames')) === attempt.next) {
          if (attempt.rows !== Number(header('Rowcast-Rows')))
            throw new Error(`${message.subject}: ${attempt.rows} rows`)
          seen.fragments++
          seen.rows += attempt.rows
          open.delete(message.subject)
        }
      }
    }
    if (--left === 0) break
  }
}
seen.unfinished = open.size
console.log(JSON.stringify({ ...seen, seconds: (performance.now() - started) / 1000 }))
await nc.close()
