import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { NatsServer } from '../../support/nats.ts'
import { Bench, bulk, collect, everything, rows, type Session, versions } from './harness.ts'
import { Hop } from './hop.ts'

// Bounds a hang; a slow machine makes these slow, never red.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let server: NatsServer
let bench: Bench
let hop: Hop
beforeAll(async () => {
  server = await NatsServer.start()
  bench = new Bench(server)
  hop = await Hop.start(server.port)
})
afterEach(() => bench.close())
afterAll(async () => {
  await hop.close()
  await server.dispose()
})

/** Frames of `bulk` that fill a part of 8 MiB. */
const PART_FRAMES = 32
const COMMIT_REPLY = '"batch":'

const rowsOf = async (name: string) => everything(await bench.client(), name, `rows.${name}.*`)
const throughHop = async (name: string) =>
  bench.session(name, { publisher: await bench.publisher({ servers: hop.url }) })

/** Each of these counts once, with its rows, in the stream and in what was reported; nothing else does. */
async function expectExactly(name: string, session: Session, wanted: Record<string, Buffer>) {
  const found = versions(await rowsOf(name)).map(({ fragment, text }) => [fragment, text] as const)
  expect(found.map(([fragment]) => fragment).sort()).toEqual(Object.keys(wanted).sort())
  for (const [fragment, text] of found) expect(text === wanted[fragment]!.toString(), fragment).toBe(true)
  expect(session.memory.receipts.map(({ name: fragment }) => fragment).sort()).toEqual(Object.keys(wanted).sort())
}

describe('Promise 2: a reply that is lost', () => {
  test('after a batch of small fragments doubles and loses nothing', async () => {
    const open = await throughHop('lost-small')
    const wanted: Record<string, Buffer> = {}
    const lost = hop.loseReply(COMMIT_REPLY)
    for (let index = 0; index < 50; index++) {
      wanted[`f${index}`] = rows(`f${index}`, 'v1', 3)
      await open.publish(`f${index}`, [wanted[`f${index}`]!])
    }
    await open.stream.flush()
    await lost
    await expectExactly('lost-small', open, wanted)
  })

  test.for([1, 2, 3])('after part %i of a large fragment sends nothing twice', async (part, { expect }) => {
    const name = `lost-part-${part}`
    const open = await throughHop(name)
    const frames = bulk('big', 'v1', 2 * PART_FRAMES + 5)
    const writer = await open.stream.begin(open.fragment('big'))
    let lost: Promise<void> | undefined
    for (const [index, bytes] of frames.entries()) {
      if (index === (part - 1) * PART_FRAMES) lost = hop.loseReply(COMMIT_REPLY)
      await writer.write({ bytes, rows: 1 })
    }
    await writer.finish({ bytes: 7, rows: frames.length, rejected: 0, crc32: 0, rejects: [] })
    await open.stream.flush()
    await lost
    expect(await rowsOf(name)).toHaveLength(frames.length)
    await expectExactly(name, open, { big: Buffer.concat(frames) })
  })

  test('after the lease claim, the summary and a schema', async () => {
    const publisher = await bench.publisher({ servers: hop.url })
    await bench.session('lost-claim', { publisher })
    let lost = hop.loseReply('"stream":"ROWS_lost-claim"')
    const open = await bench.session('lost-claim', { publisher, epoch: 2 })
    await lost
    lost = hop.loseReply('"stream":"ROWS_lost-claim"')
    await open.stream.announce({ id: 's', body: '{}' })
    await lost
    lost = hop.loseReply(COMMIT_REPLY)
    await open.stream.finish({ rows: 1 })
    await lost
    const all = await everything(await bench.client(), 'lost-claim')
    expect(all.map(({ subject }) => subject)).toEqual([
      '_rowcast.ctl.lost-claim.lease',
      'rows.lost-claim._schema.s',
      'rows.lost-claim._refresh.done',
      '_rowcast.ctl.lost-claim.batch',
    ])
  })
})

describe('a server that is killed', () => {
  test('Promise 8: in the middle of small and large fragments, and comes back: everything once', async () => {
    const open = await bench.session('killed')
    const wanted: Record<string, Buffer> = { big: Buffer.concat(bulk('big', 'v1', 100)) }
    const large = open.publish('big', bulk('big', 'v1', 100))
    const small = (async () => {
      for (let index = 0; index < 6000; index++) {
        const name = `f${index}`
        wanted[name] = rows(name, 'v1', 2)
        await open.publish(name, [wanted[name]])
      }
    })()
    for (const reached of [500, 3000]) {
      await open.memory.count(reached)
      await server.kill()
      await server.restart()
    }
    await Promise.all([large, small])
    await open.stream.flush()
    await expectExactly('killed', open, wanted)
    const position = await open.stream.finish({})
    const next = await bench.session('killed', { epoch: 2, known: position })
    expect((await collect(next.stream.catchUp(0))).map(({ name }) => name).sort()).toEqual(Object.keys(wanted).sort())
  })

  test('while nothing is under way: what is published meanwhile is held', async () => {
    const open = await bench.session('held')
    await server.kill()
    const published = open.publish('a', [rows('a', 'v1', 1)]).then(() => open.stream.flush())
    await server.restart()
    await published
    await expectExactly('held', open, { a: rows('a', 'v1', 1) })
  })

  test('and stays away is named after the time that was given', async () => {
    const publisher = await bench.publisher({ outageMs: 50 })
    const open = await bench.session('away', { publisher })
    await server.kill()
    try {
      await open.publish('a', [rows('a', 'v1', 1)]).catch(() => {})
      await expect(open.stream.flush()).rejects.toMatchObject({ code: 'nats.unreachable', retryable: true })
    } finally {
      await server.restart()
    }
  })
})

describe('an attempt that ends early', () => {
  test('aborted: its tail is deleted, the version before stays', async () => {
    const open = await bench.session('abort')
    await open.publish('big', [rows('big', 'v1', 5)])
    await open.stream.flush()
    const writer = await open.stream.begin(open.fragment('big', 'v2'))
    for (const bytes of bulk('big', 'v2', 70)) await writer.write({ bytes, rows: 1 })
    await writer.abort()
    expect((await rowsOf('abort')).map(({ sequence }) => sequence)).toEqual([open.memory.latest.get('big')!.sequence])
    await open.publish('big', [rows('big', 'v3', 1)], {}, 'v3')
    await open.stream.flush()
    expect(versions(await rowsOf('abort')).map(({ text }) => text)).toEqual([rows('big', 'v3', 1).toString()])
  })

  test('closed with abort: the tails of all writers go', async () => {
    const open = await bench.session('close')
    for (const name of ['x', 'y']) {
      const writer = await open.stream.begin(open.fragment(name))
      for (const bytes of bulk(name, 'v1', 40)) await writer.write({ bytes, rows: 1 })
    }
    await open.stream.close({ abort: true })
    expect(await rowsOf('close')).toEqual([])
    await expect(open.stream.begin(open.fragment('z'))).rejects.toThrow(/closed/)
  })

  test('aborted after its part was stored but the reply lost: that part goes too', async () => {
    const open = await throughHop('abort-lost')
    const writer = await open.stream.begin(open.fragment('big'))
    const lost = hop.loseReply(COMMIT_REPLY)
    for (const bytes of bulk('big', 'v1', PART_FRAMES + 2)) await writer.write({ bytes, rows: 1 })
    await lost
    await writer.abort()
    expect(await rowsOf('abort-lost')).toEqual([])
  })

  test('a crash half-way through: the next holder deletes the tail and publishes, each version counts once', async () => {
    const publisher = await bench.publisher()
    const open = await bench.session('crash', { publisher })
    await open.publish('big', bulk('big', 'v1', 40))
    await open.publish('a', [rows('a', 'v1', 1)])
    const position = await open.stream.finish({})
    const writer = await open.stream.begin(open.fragment('big', 'v2'))
    // Write 65 waits for part 1, so a tail is there; part 2 is on its way.
    for (const bytes of bulk('big', 'v2', 70)) await writer.write({ bytes, rows: 1 })
    await publisher.close()
    expect((await rowsOf('crash')).length).toBeGreaterThan(41)
    const next = await bench.session('crash', { owner: 'you', epoch: 2, known: position })
    expect(await collect(next.stream.catchUp(position.sequence))).toEqual([])
    expect(await rowsOf('crash')).toHaveLength(41)
    const { sequence, generation } = open.memory.latest.get('big')!
    await next.publish('big', bulk('big', 'v3', 35), { tailSequence: sequence, generation }, 'v3')
    await next.stream.flush()
    const found = versions(await rowsOf('crash'))
    expect(found.map(({ fragment }) => fragment)).toEqual(['a', 'big'])
    expect(found[1]!.text === Buffer.concat(bulk('big', 'v3', 35)).toString()).toBe(true)
  })
})

test('a full stream refuses rows by name, keeps what it has, and still takes tombstones', async () => {
  const open = await bench.session('full', { publisher: await bench.publisher({ maxBytes: 24 * 2 ** 20 }) })
  await open.publish('big', bulk('big', 'v1', 40))
  await open.stream.flush()
  const publishing = open.publish('big', bulk('big', 'v2', 40), {}, 'v2').then(() => open.stream.flush())
  await expect(publishing).rejects.toMatchObject({
    code: 'stream.full',
    message: expect.stringMatching(/max_bytes of 25165824.*--max-bytes/s),
  })
  const next = await bench.session('full', { epoch: 2 })
  expect(await collect(next.stream.catchUp(0))).toEqual(open.memory.receipts)
  const { generation, sequence } = open.memory.latest.get('big')!
  await next.stream.retract([{ name: 'big', generation, tailSequence: sequence, hadRejects: false }])
  await next.stream.flush()
  await next.publish('big2', bulk('big2', 'v2', 40))
  await next.stream.flush()
  expect(versions(await rowsOf('full')).map(({ fragment }) => fragment)).toEqual(['big', 'big2'])
})
