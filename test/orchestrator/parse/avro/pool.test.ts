/** Blocks that become many rows, in a thread: no more is made than is taken, and nothing that stands behind is overlooked. */
import { zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { ParsePool } from '../../../../orchestrator/parse/pool.ts'
import type { ParsedFrame } from '../../../../orchestrator/refresh/ports.ts'
import { collect, type Parsed } from '../support.ts'
import { avro, block, counted, file, header, record, varint } from './support.ts'

const pool = new ParsePool({ threads: 1 })
afterAll(() => pool.close())

const OPTIONS = { maxRowBytes: 8 << 20, frameBytes: 256 * 1024 }
const SCHEMA = record({ id: 'int', text: 'string' })
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** What comes out while the reader is slow; the largest batch. */
async function slowly(pieces: Uint8Array[]): Promise<Parsed & { most: number }> {
  const job = pool.open(avro(['id int', 'text string']), OPTIONS)
  const pushing = (async () => {
    for (const [at, data] of pieces.entries()) {
      await job.push([{ fragment: 0, data, end: at === pieces.length - 1 ? 'end' : undefined }])
    }
    job.end()
  })()
  const frames: ParsedFrame[] = []
  let most = 0
  for await (const batch of job.output) {
    most = Math.max(
      most,
      batch.reduce((sum, { bytes }) => sum + bytes.length, 0),
    )
    frames.push(...batch)
    for (let round = 0; round < 20; round++) await turn()
  }
  await pushing
  return { ...collect(frames), most }
}

/** So many records of a size. */
function records(count: number, size: number): Buffer {
  const one = Buffer.concat([varint(7), counted('x'.repeat(size))])
  return Buffer.concat(Array.from({ length: count }, () => one))
}

describe('the pool', { timeout: 60_000 }, () => {
  it('takes a block of 32 MiB of rows in parts', async () => {
    const input = Buffer.concat([header(SCHEMA, 'zstandard'), block(32_768, zstdCompressSync(records(32_768, 1021)))])
    const { totals, most } = await slowly([input])
    expect(totals).toMatchObject({ read: 32_768, published: 32_768 })
    expect(most).toBeLessThan(6 << 20)
  })

  it('sees what is left behind the records, wherever the reader had to be waited for', async () => {
    // Each record is so large that room for more is asked for behind it; after 4 MiB it has to be waited for.
    for (let count = 24; count < 36; count++) {
      const bytes = Buffer.concat([records(count, 150_000), Buffer.from([0])])
      const { error } = await slowly([header(SCHEMA), block(count, bytes), block(0, Buffer.alloc(0))])
      expect(error).toMatchObject({ code: 'fragment.container', message: expect.stringContaining('1 bytes are left') })
    }
  })

  it('loads the codec that it needs, and goes on', async () => {
    const input = file(
      SCHEMA,
      [
        { id: 1, text: 'a' },
        { id: 2, text: 'b' },
      ],
      { codec: 'snappy', perBlock: 1 },
    )
    const pieces = Array.from({ length: Math.ceil(input.length / 7) }, (_, at) => input.subarray(at * 7, at * 7 + 7))
    expect((await slowly(pieces)).text).toBe('{"id":1,"text":"a"}\n{"id":2,"text":"b"}\n')
  })
})
