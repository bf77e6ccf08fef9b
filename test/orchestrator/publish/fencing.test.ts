import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { LeaseLost } from '../../../orchestrator/errors.ts'
import { NatsServer } from '../../support/nats.ts'
import { Bench, bulk, collect, everything, Memory, rows, versions } from './harness.ts'

// Bounds a hang; a slow machine makes these slow, never red.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let server: NatsServer
let bench: Bench
beforeAll(async () => {
  server = await NatsServer.start()
  bench = new Bench(server)
})
afterEach(() => bench.close())
afterAll(() => server.dispose())

const rowsOf = async (name: string) => everything(await bench.client(), name, `rows.${name}.*`)

test('Promise 2: after a take-over every batch of the old holder is refused whole, and nobody sees it', async () => {
  const old = await bench.session('take')
  await old.publish('a', [rows('a', 'v1', 1)])
  await old.stream.flush()
  const client = await bench.client()
  const seen: string[] = []
  client.subscribe('rows.take.*', { callback: (_, message) => void seen.push(message.string()) })
  await client.flush()
  const holder = await bench.session('take', { owner: 'you', epoch: 2 })
  await old.publish('b', [rows('b', 'v1', 1)])
  await expect(old.stream.flush()).rejects.toThrow(LeaseLost)
  await expect(old.stream.begin(old.fragment('c'))).rejects.toThrow(LeaseLost)
  await expect(old.stream.finish({})).rejects.toThrow(LeaseLost)
  await holder.publish('c', [rows('c', 'v1', 1)])
  await holder.stream.flush()
  await client.flush()
  expect(seen).toEqual([rows('c', 'v1', 1).toString()])
  expect(old.memory.receipts.map(({ name }) => name)).toEqual(['a'])
})

test('an old holder loses a large fragment half-way; the new one publishes it', async () => {
  const old = await bench.session('half')
  const writer = await old.stream.begin(old.fragment('big'))
  for (const bytes of bulk('big', 'old', 70)) await writer.write({ bytes, rows: 1 })
  const holder = await bench.session('half', { owner: 'you', epoch: 2 })
  expect(await collect(holder.stream.catchUp(0))).toEqual([])
  await holder.publish('big', bulk('big', 'new', 40))
  await holder.stream.flush()
  const push = async () => {
    for (const bytes of bulk('big', 'old', 70)) await writer.write({ bytes, rows: 1 })
    await old.stream.flush()
  }
  await expect(push()).rejects.toThrow(LeaseLost)
  await writer.abort()
  const [only, ...others] = versions(await rowsOf('half'))
  expect(others).toEqual([])
  expect(only!.text).toBe(Buffer.concat(bulk('big', 'new', 40)).toString())
})

test('an epoch in the stream above ours is raised in the state, or the lease is lost', async () => {
  await bench.session('epoch', { epoch: 9 })
  const memory = new Memory()
  await bench.session('epoch', { owner: 'you', epoch: 3, memory })
  expect(memory.epoch).toBe(10)
  const lease = (await everything(await bench.client(), 'epoch', '_rowcast.ctl.epoch.lease')).at(-1)!
  expect(JSON.parse(lease.data.toString())).toMatchObject({ owner: 'you', epoch: 10 })
  const lost = new Memory()
  lost.raiseEpoch = async () => Promise.reject(new LeaseLost('epoch'))
  await expect(bench.session('epoch', { owner: 'he', epoch: 4, memory: lost })).rejects.toThrow(LeaseLost)
})

test('a state that has given the lease away meanwhile stops us after fencing', async () => {
  const memory = new Memory()
  memory.lost = new LeaseLost('confirm')
  await expect(bench.session('confirm', { memory })).rejects.toThrow(LeaseLost)
})

test('refused for a wrong sequence under the same lease: what the stream says is expected, and sent again', async () => {
  const open = await bench.session('stale')
  await open.publish('a', [rows('a', 'v1', 1)])
  await open.publish('b', [rows('b', 'v1', 1)])
  await open.stream.flush()
  // As a state would know them that was restored from before.
  await open.publish('a', [rows('a', 'v2', 1)], { tailSequence: 0 }, 'v2')
  await open.publish('b', [rows('b', 'v2', 1)], { tailSequence: 77 }, 'v2')
  await open.publish('c', [rows('c', 'v1', 1)], { tailSequence: 5 })
  await open.stream.flush()
  const found = versions(await rowsOf('stale')).map(({ text }) => text)
  expect(found.sort()).toEqual([rows('a', 'v2', 1), rows('b', 'v2', 1), rows('c', 'v1', 1)].map(String))
  expect(open.memory.receipts).toHaveLength(5)
})

test('another stream than the one that the state knows is refused as lost', async () => {
  const open = await bench.session('lost')
  const position = await open.stream.finish({})
  const client = await bench.client()
  await expect(
    bench.session('lost', { epoch: 2, known: { ...position, sequence: position.sequence + 1000 } }),
  ).rejects.toMatchObject({
    code: 'stream.lost',
  })
  await client.request('$JS.API.STREAM.DELETE.ROWS_lost')
  await expect(bench.session('lost', { epoch: 2, known: position })).rejects.toMatchObject({ code: 'stream.lost' })
  const created = await bench.session('lost', { epoch: 2 })
  await expect(bench.session('lost', { epoch: 3, known: position })).rejects.toMatchObject({ code: 'stream.lost' })
  await bench.session('lost', { epoch: 3, known: created.stream.position })
})

test('a stream deleted and made anew under a running refresh takes nothing from it', async () => {
  const open = await bench.session('swap')
  await open.publish('a', [rows('a', 'v1', 1)])
  await open.stream.flush()
  await (await bench.client()).request('$JS.API.STREAM.DELETE.ROWS_swap')
  await bench.session('swap', { owner: 'you', epoch: 2 })
  await open.publish('b', [rows('b', 'v1', 1)])
  await expect(open.stream.flush()).rejects.toThrow(LeaseLost)
  expect(await rowsOf('swap')).toEqual([])
})
