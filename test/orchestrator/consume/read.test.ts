import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { VersionSuperseded } from '../../../orchestrator/consume/again.ts'
import { type Change, type ChangesOptions, changes } from '../../../orchestrator/consume/read.ts'
import { orchestratorPermissions, READER_INBOX, readerPermissions } from '../../../orchestrator/publish/permissions.ts'
import { NatsServer } from '../../support/nats.ts'
import { Bench, bulk, Memory, rows } from '../publish/harness.ts'

// Bounds a hang; a slow machine makes these slow, never red.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let server: NatsServer
let bench: Bench
const orchestrator = { user: 'orchestrator', password: 'o' }
beforeAll(async () => {
  server = await NatsServer.start({
    users: [
      { ...orchestrator, ...orchestratorPermissions() },
      { user: 'reader', password: 'r', ...readerPermissions() },
    ],
  })
  bench = new Bench(server)
})
afterEach(() => bench.close())
afterAll(() => server.dispose())

const session = async (name: string, options: object = {}) =>
  bench.session(name, { publisher: await bench.publisher(orchestrator), ...options })

/** Reads with the reader's permissions. */
async function follow(name: string, options: ChangesOptions): Promise<AsyncIterator<Change>> {
  const nc = await bench.client({ user: 'reader', pass: 'r', inboxPrefix: READER_INBOX })
  return changes(nc, name, options)[Symbol.asyncIterator]()
}

async function next(iterator: AsyncIterator<Change>): Promise<Change> {
  const { value, done } = await iterator.next()
  if (done) throw new Error('the changes ended')
  return value
}

async function textOf(change: Change): Promise<string> {
  if (change.type !== 'commit') throw new Error(`a ${change.type}`)
  const pieces: Uint8Array[] = []
  for await (const piece of change.frames()) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

async function untilCurrent(iterator: AsyncIterator<Change>): Promise<string[]> {
  const seen: string[] = []
  for (;;) {
    const change = await next(iterator)
    if (change.type === 'current') return seen
    seen.push(change.type === 'commit' ? `${change.fragment} ${change.rows}` : change.type)
  }
}

describe('from current', () => {
  test('everything that counts, the boundary, then every change', async () => {
    const open = await session('all')
    await open.stream.announce({ id: 's-1', body: '{"columns":[]}' })
    await open.publish('a', [rows('a', 'v1', 2), rows('a', 'v1', 1)])
    await open.publish('b/b', [rows('b/b', 'v1', 1)])
    await open.publish('empty', [])
    await open.stream.finish({ rows: 4 })
    const iterator = await follow('all', { from: 'current' })
    expect(await next(iterator)).toEqual({ type: 'schema', id: 's-1', body: '{"columns":[]}' })
    const a = await next(iterator)
    expect(a).toMatchObject({
      type: 'commit',
      fragment: 'a',
      version: 'v100000000000000',
      refresh: 'r1',
      fingerprint: 'fp-v1',
      rows: 3,
    })
    expect(await textOf(a)).toBe(rows('a', 'v1', 2).toString() + rows('a', 'v1', 1).toString())
    expect(await untilCurrent(iterator)).toEqual(['b/b 1', 'empty 0', 'refresh'])
    const { generation, sequence } = open.memory.latest.get('a')!
    await open.stream.retract([{ name: 'a', generation, tailSequence: sequence, hadRejects: false }])
    await open.stream.flush()
    const retracted = await next(iterator)
    expect(retracted).toMatchObject({ type: 'retract', fragment: 'a', refresh: 'r1' })
    await open.publish('b/b', [rows('b/b', 'v2', 5)], {}, 'v2')
    await open.stream.flush()
    expect(await textOf(await next(iterator))).toBe(rows('b/b', 'v2', 5).toString())
    await iterator.return?.()
  })

  test('an empty stream is current at once', async () => {
    await session('void')
    expect(await untilCurrent(await follow('void', { from: 'current' }))).toEqual([])
  })

  test('frames without a marker are no version, and do not keep the boundary back', async () => {
    const open = await session('debris')
    await open.publish('a', [rows('a', 'v1', 1)])
    await open.stream.flush()
    const writer = await open.stream.begin(open.fragment('big'))
    for (const bytes of bulk('big', 'v1', 66)) await writer.write({ bytes, rows: 1 })
    const iterator = await follow('debris', { from: 'current' })
    expect(await untilCurrent(iterator)).toEqual(['a 1'])
    await writer.abort()
    await open.publish('big', [rows('big', 'v2', 2)])
    await open.stream.flush()
    expect(await next(iterator)).toMatchObject({ fragment: 'big', rows: 2 })
    await iterator.return?.()
  })
})

test('from new: only what comes, also an attempt whose first part was there before', async () => {
  const open = await session('new')
  await open.publish('old', [rows('old', 'v1', 1)])
  await open.stream.flush()
  const frames = bulk('big', 'v1', 66)
  const writer = await open.stream.begin(open.fragment('big'))
  for (const bytes of frames) await writer.write({ bytes, rows: 1 })
  const iterator = await follow('new', { from: 'new' })
  const first = next(iterator)
  await writer.finish({ bytes: 1, rows: frames.length, rejected: 0, crc32: 0, rejects: [] })
  await open.stream.flush()
  const change = await first
  expect(change).toMatchObject({ fragment: 'big', rows: 66 })
  expect((await textOf(change)) === Buffer.concat(frames).toString()).toBe(true)
  await iterator.return?.()
})

test('Promise 5: a version beyond 16 MiB is not held, but read again; replaced meanwhile it is superseded', async () => {
  const open = await session('large')
  const frames = bulk('big', 'v1', 70)
  await open.publish('big', frames)
  await open.stream.flush()
  const iterator = await follow('large', { from: 'current' })
  const change = await next(iterator)
  expect((await textOf(change)) === Buffer.concat(frames).toString()).toBe(true)
  await open.publish('big', [rows('big', 'v2', 1)], {}, 'v2')
  await open.stream.flush()
  await expect(textOf(change)).rejects.toThrow(VersionSuperseded)
  expect(await untilCurrent(iterator)).toEqual([])
  expect(await textOf(await next(iterator))).toBe(rows('big', 'v2', 1).toString())
  await iterator.return?.()
})

test('Promise 2: a server that is killed and comes back: every version once', async () => {
  const memory = new Memory()
  const open = await session('killed', { memory })
  const iterator = await follow('killed', { from: 'current' })
  expect(await untilCurrent(iterator)).toEqual([])
  const publishing = (async () => {
    for (let index = 0; index < 3000; index++) await open.publish(`f${index}`, [rows(`f${index}`, 'v1', 1)])
    await open.stream.flush()
  })()
  const seen: string[] = []
  while (seen.length < 3000) {
    const change = await next(iterator)
    if (change.type !== 'commit') throw new Error(change.type)
    seen.push(change.fragment)
    if (seen.length === 700) {
      await server.kill()
      await server.restart()
    }
  }
  await publishing
  expect(new Set(seen).size).toBe(3000)
  await iterator.return?.()
})

test('a signal ends it without an error; a stream that does not exist is named', async () => {
  const open = await session('signal')
  await open.publish('a', [rows('a', 'v1', 1)])
  await open.stream.flush()
  const stop = new AbortController()
  const iterator = await follow('signal', { from: 'current', signal: stop.signal })
  await untilCurrent(iterator)
  const end = iterator.next()
  stop.abort()
  expect(await end).toEqual({ done: true, value: undefined })
  await expect(next(await follow('nowhere', { from: 'current' }))).rejects.toMatchObject({
    code: 'stream.lost',
    message: expect.stringMatching(/refresh connector nowhere/),
  })
})
