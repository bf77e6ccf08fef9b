import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { fragmentToken } from '../../../orchestrator/publish/subject.ts'
import { NatsServer } from '../../support/nats.ts'
import { Bench, bulk, collect, everything, reject, rows, SCHEMA, type Stored, TRACE, versions } from './harness.ts'

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
const texts = (messages: Stored[]) =>
  Object.fromEntries(versions(messages).map(({ fragment, text }) => [fragment, text]))

describe('one version', () => {
  test('small, empty and odd-named fragments arrive as they were written', async () => {
    const open = await bench.session('small')
    await open.publish('DE', [rows('DE', 'v1', 3)])
    await open.publish('data/01.csv', [rows('data/01.csv', 'v1', 2)])
    await open.publish('data-01.csv', [rows('data-01.csv', 'v1', 1)])
    await open.publish('nothing', [])
    await open.stream.flush()
    expect(texts(await rowsOf('small'))).toEqual({
      DE: rows('DE', 'v1', 3).toString(),
      'data/01.csv': rows('data/01.csv', 'v1', 2).toString(),
      'data-01.csv': rows('data-01.csv', 'v1', 1).toString(),
      nothing: '',
    })
    expect(open.memory.receipts).toHaveLength(4)
  })

  test('two names with one slug have two subjects', async () => {
    const open = await bench.session('slug')
    await open.publish('a/b', [rows('a/b', 'v1', 1)])
    await open.publish('a.b', [rows('a.b', 'v1', 1)])
    await open.stream.flush()
    const subjects = new Set((await rowsOf('slug')).map(({ subject }) => subject))
    expect([...subjects].sort()).toEqual(
      [`rows.slug.${fragmentToken('a.b')}`, `rows.slug.${fragmentToken('a/b')}`].sort(),
    )
  })

  test('every header of a fragment of two frames', async () => {
    const open = await bench.session('headers')
    const frames = [rows('x y', 'v1', 2), rows('x y', 'v1', 3)]
    await open.publish('x y', frames, { rejects: [reject(4)] })
    await open.stream.flush()
    const [first, last] = (await rowsOf('headers')) as [Stored, Stored]
    const common = {
      'Rowcast-Type': 'rows',
      'Rowcast-Fragment': 'x%20y',
      'Rowcast-Version': 'v100000000000000',
      'Rowcast-Schema': SCHEMA,
      'Rowcast-Refresh': 'r1',
    }
    for (const [key, value] of Object.entries(common)) expect([first.get(key), last.get(key)]).toEqual([value, value])
    expect(first.get('traceparent')).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
    expect(first.get('Rowcast-Frame') + first.get('Rowcast-First-Row') + first.get('Rowcast-Frames')).toBe('0')
    expect([last.get('Rowcast-Frame'), last.get('Rowcast-First-Row'), last.get('Rowcast-Frames')]).toEqual([
      '1',
      '2',
      '2',
    ])
    expect([last.get('Rowcast-Rows'), last.get('Rowcast-Rejected'), last.get('Rowcast-Bytes')]).toEqual(['5', '1', '7'])
    expect(last.get('Rowcast-Fingerprint')).toBe('fp-v1')
    expect(last.get('Rowcast-First-Sequence')).toBe('')
    expect(Number.parseInt(last.get('Rowcast-Crc32'), 16)).toBe(open.memory.receipts[0]!.crc32)
  })

  test('a large fragment goes out in parts and is whole', async () => {
    const open = await bench.session('large')
    const frames = bulk('big', 'v1', 80)
    await open.publish('big', frames)
    await open.stream.flush()
    const messages = await rowsOf('large')
    expect(messages.at(-1)!.get('Rowcast-First-Sequence')).toBe(String(messages[0]!.sequence))
    expect(messages.filter(({ get }) => get('Nats-Rollup') !== '')).toEqual([])
    expect(versions(messages).map(({ text }) => text === Buffer.concat(frames).toString())).toEqual([true])
    const [receipt] = open.memory.receipts
    expect(receipt).toMatchObject({
      frames: 80,
      rows: 80,
      firstSequence: messages[0]!.sequence,
      sequence: messages.at(-1)!.sequence,
    })
  })
})

describe('replacing', () => {
  test('a new version rolls the old one up in the same step; a first version needs no roll-up', async () => {
    const open = await bench.session('roll')
    await open.publish('a', [rows('a', 'v1', 2)])
    await open.stream.flush()
    await open.publish('a', [rows('a', 'v2', 1)], {}, 'v2')
    await open.stream.flush()
    const messages = await rowsOf('roll')
    expect(versions(messages).map(({ text }) => text)).toEqual([rows('a', 'v2', 1).toString()])
    expect(messages).toHaveLength(1)
    expect(messages[0]!.get('Nats-Rollup')).toBe('sub')
    expect(open.memory.receipts.map(({ generation }) => generation)).toEqual(
      [...new Set(open.memory.receipts.map(({ generation }) => generation))].sort((a, b) => a - b),
    )
  })

  test('a large version replaces a large one, which is purged after the marker', async () => {
    const open = await bench.session('relarge')
    await open.publish('big', bulk('big', 'v1', 70))
    await open.stream.flush()
    await open.publish('big', bulk('big', 'v2', 40), {}, 'v2')
    await open.stream.flush()
    const messages = await rowsOf('relarge')
    expect(messages).toHaveLength(40)
    expect(versions(messages)).toHaveLength(1)
  })

  test('a vanished fragment becomes a tombstone that goes by itself', async () => {
    const open = await bench.session('gone')
    await open.publish('a', [rows('a', 'v1', 2)], { rejects: [reject(1)] })
    await open.stream.flush()
    const { generation, sequence } = open.memory.latest.get('a')!
    await open.stream.retract([{ name: 'a', generation, tailSequence: sequence, hadRejects: true }])
    await open.stream.flush()
    const messages = await everything(await bench.client(), 'gone', 'rows.gone.>')
    expect(messages.map(({ subject, get }) => [subject, get('Rowcast-Type'), get('Nats-TTL')])).toEqual([
      ['rows.gone.a', 'retract', '720h'],
      ['rows.gone._rejects.a', 'rejects', '720h'],
    ])
    expect(open.memory.receipts.at(-1)).toMatchObject({ kind: 'retract', name: 'a', frames: 1, rows: 0 })
    expect(open.memory.receipts.at(-1)!.generation).toBeGreaterThan(generation)
  })

  test('rejects are stored beside the version that has them, and emptied by one that has none', async () => {
    const open = await bench.session('rejects')
    await open.publish('a', [rows('a', 'v1', 2)], { rejects: [reject(1), reject(2)] })
    await open.stream.flush()
    const client = await bench.client()
    const bodies = async () =>
      (await everything(client, 'rejects', 'rows.rejects._rejects.*')).map(
        ({ data }) => data.toString().split('\n').length - 1,
      )
    expect(await bodies()).toEqual([2])
    await open.publish('a', [rows('a', 'v2', 2)], {}, 'v2')
    await open.stream.flush()
    expect(await bodies()).toEqual([0])
    await open.publish('a', [rows('a', 'v3', 2)], {}, 'v3')
    await open.stream.flush()
    expect(await bodies()).toEqual([0])
  })

  test('two attempts of one fragment in one refresh have growing generations', async () => {
    const open = await bench.session('twice')
    const first = await open.stream.begin(open.fragment('a'))
    await first.abort()
    const second = await open.publish('a', [rows('a', 'v1', 1)])
    await open.stream.flush()
    expect(second.generation).toBeGreaterThan(first.generation)
  })
})

test('groups 5,000 fragments into batches and reports each once', async () => {
  const open = await bench.session('many')
  for (let index = 0; index < 5000; index++) await open.publish(`f${index}`, [rows(`f${index}`, 'v1', 2)])
  await open.stream.flush()
  expect(new Set(open.memory.receipts.map(({ name }) => name)).size).toBe(5000)
  const messages = await rowsOf('many')
  expect(versions(messages)).toHaveLength(5000)
  const batches = new Map<string, number>()
  for (const { get } of messages) batches.set(get('Nats-Batch-Id'), (batches.get(get('Nats-Batch-Id')) ?? 0) + 1)
  expect(Math.max(...batches.values())).toBeLessThanOrEqual(800)
  expect(batches.size).toBeLessThan(20)
})

test('a schema is stored once, whoever announces it', async () => {
  const open = await bench.session('schema')
  await open.stream.announce({ id: SCHEMA, body: '{"v":1}' })
  await open.stream.announce({ id: SCHEMA, body: '{"v":1}' })
  const again = await bench.session('schema', { owner: 'you', epoch: 2 })
  await again.stream.announce({ id: SCHEMA, body: '{"v":1}' })
  const stored = await everything(await bench.client(), 'schema', 'rows.schema._schema.*')
  expect(stored.map(({ data, subject }) => [subject, data.toString()])).toEqual([
    [`rows.schema._schema.${SCHEMA}`, '{"v":1}'],
  ])
})

test('the summary of a refresh replaces the one before, and its position is where the stream ends', async () => {
  const open = await bench.session('done')
  await open.stream.finish({ rows: 1 })
  const position = await open.stream.finish({ rows: 2 })
  const all = await everything(await bench.client(), 'done')
  expect(all.filter(({ subject }) => subject === 'rows.done._refresh.done').map(({ data }) => data.toString())).toEqual(
    ['{"rows":2}'],
  )
  expect(position.sequence).toBe(all.at(-1)!.sequence)
})

test('what was published is what a catch-up finds, from the last position and from the beginning', async () => {
  const open = await bench.session('catch')
  await open.publish('a', [rows('a', 'v1', 2)], { rejects: [reject(1)] })
  await open.publish('big', bulk('big', 'v1', 40))
  const position = await open.stream.finish({})
  await open.publish('b/b', [rows('b/b', 'v1', 1), rows('b/b', 'v1', 1)])
  await open.stream.flush()
  const [a] = open.memory.receipts
  await open.stream.retract([{ name: 'a', generation: a!.generation, tailSequence: a!.sequence, hadRejects: true }])
  await open.stream.flush()
  const next = await bench.session('catch', { epoch: 2, known: position })
  const all = open.memory.receipts.filter((receipt) => receipt !== a).sort((x, y) => x.sequence - y.sequence)
  expect(await collect(next.stream.catchUp(0))).toEqual(all)
  expect(await collect(next.stream.catchUp(position.sequence))).toEqual(
    all.filter(({ sequence }) => sequence > position.sequence),
  )
  expect(await collect(next.stream.catchUp(next.stream.position.sequence))).toEqual([])
})

test('Promise 2: core subscribers see each frame once, and nothing of an aborted attempt of a small fragment', async () => {
  const open = await bench.session('core')
  const client = await bench.client()
  const seen: string[] = []
  client.subscribe('rows.core.*', { callback: (_, message) => void seen.push(message.string()) })
  await client.flush()
  const aborted = await open.stream.begin(open.fragment('x'))
  await aborted.write({ bytes: rows('x', 'v1', 1), rows: 1 })
  await aborted.abort()
  await open.publish('a', [rows('a', 'v1', 1)])
  await open.stream.flush()
  await client.flush()
  expect(seen).toEqual([rows('a', 'v1', 1).toString()])
})
