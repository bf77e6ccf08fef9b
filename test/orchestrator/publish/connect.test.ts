import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { addressOf } from '../../../orchestrator/publish/connect.ts'
import { orchestratorPermissions, READER_INBOX, readerPermissions } from '../../../orchestrator/publish/permissions.ts'
import { openPublisher } from '../../../orchestrator/publish/publisher.ts'
import { checkVersion } from '../../../orchestrator/publish/stream.ts'
import { NatsServer } from '../../support/nats.ts'
import { Bench, everything, rows } from './harness.ts'

// Bounds a hang; a slow machine makes these slow, never red.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let server: NatsServer
let bench: Bench
const orchestrator = { user: 'orchestrator', password: 'secret-o' }
const reader = { user: 'reader', pass: 'secret-r', inboxPrefix: READER_INBOX }
beforeAll(async () => {
  server = await NatsServer.start({
    users: [
      { ...orchestrator, ...orchestratorPermissions() },
      { user: 'reader', password: 'secret-r', ...readerPermissions() },
    ],
  })
  bench = new Bench(server)
})
afterEach(() => bench.close())
afterAll(() => server.dispose())

test.for(['2.12.15', '2.12.20', '2.14.4', '2.14.5', '2.15.1', '3.0.0'])('nats-server %s will do', (version) => {
  expect(() => checkVersion(version)).not.toThrow()
})

test.for(['2.10.29', '2.12.14', '2.13.9', '2.14.3', '1.4.1', ''])(
  'nats-server %j is refused with the versions needed',
  (version) => {
    expect(() => checkVersion(version)).toThrow(
      expect.objectContaining({ code: 'nats.too_old', message: expect.stringMatching(/2\.12\.15.*2\.14\.4/) }),
    )
  },
)

test('a server that is not there is named with what to do', async () => {
  const attempt = openPublisher({ servers: '127.0.0.1:1', patienceMs: 0 })
  await expect(attempt).rejects.toMatchObject({
    code: 'nats.unreachable',
    retryable: true,
    message: expect.stringMatching(/127\.0\.0\.1:1 .*NATS_URL/),
  })
})

test('Promise 10: a wrong password is refused at once and not repeated in the message', async () => {
  const attempt = openPublisher({ servers: server.url, user: 'orchestrator', password: 'canary' })
  await expect(attempt).rejects.toMatchObject({ code: 'nats.denied', message: expect.not.stringContaining('canary') })
  expect(addressOf(['nats://u:canary@host:4222', 'other:1'])).toBe('nats://host:4222, other:1')
})

test('the orchestrator publishes with its permissions; the reader reads, forges nothing and changes nothing', async () => {
  const open = await bench.session('perm', { publisher: await bench.publisher(orchestrator) })
  const client = await bench.client(reader)
  const seen: string[] = []
  client.subscribe('rows.perm.*', { callback: (_, message) => void seen.push(message.string()) })
  await client.flush()
  await open.publish('a', [rows('a', 'v1', 1)])
  await open.stream.flush()
  expect((await everything(client, 'perm', 'rows.perm.>')).map(({ subject }) => subject)).toEqual(['rows.perm.a'])
  const refused: string[] = []
  const done = (async () => {
    for await (const status of client.status()) {
      if (status.type === 'error') refused.push(String(status.error.message))
      if (refused.length === 5) return
    }
  })()
  client.publish('rows.perm.a', 'forged')
  client.publish('_rowcast.in.perm.a', 'forged')
  client.publish('$JS.API.STREAM.DELETE.ROWS_perm')
  client.publish('$JS.API.STREAM.PURGE.ROWS_perm')
  client.publish('$JS.API.STREAM.MSG.DELETE.ROWS_perm', '{"seq":1}')
  await done
  await client.flush()
  expect(refused).toHaveLength(5)
  expect(seen).toEqual([rows('a', 'v1', 1).toString()])
  expect((await everything(client, 'perm', 'rows.perm.>')).map(({ data }) => data.toString())).toEqual([
    rows('a', 'v1', 1).toString(),
  ])
})

test('an orchestrator that may not publish is told so, and does not wait for a reply', async () => {
  const attempt = bench.session('denied', {
    publisher: await bench.publisher({ user: 'reader', password: 'secret-r', inboxPrefix: READER_INBOX }),
  })
  await expect(attempt).rejects.toMatchObject({ code: 'nats.denied' })
})

test('a stream with the wrong republish is refused by name; reconcile corrects it', async () => {
  const publisher = await bench.publisher(orchestrator)
  await bench.session('wrong', { publisher })
  const admin = await bench.client({ user: 'orchestrator', pass: 'secret-o', inboxPrefix: '_INBOX_rowcast' })
  const info = (await admin.request('$JS.API.STREAM.INFO.ROWS_wrong')).json<{ config: object }>()
  const wrong = { ...info.config, republish: { src: '_rowcast.in.wrong.>', dest: 'rows.wrong.>' } }
  await admin.request('$JS.API.STREAM.UPDATE.ROWS_wrong', JSON.stringify(wrong))
  await expect(bench.session('wrong', { publisher, epoch: 2 })).rejects.toMatchObject({
    code: 'stream.mismatch',
    message: expect.stringMatching(/republish/),
  })
  await bench.session('wrong', { publisher: await bench.publisher({ ...orchestrator, manage: 'reconcile' }), epoch: 2 })
  await expect(
    bench.session('none', { publisher: await bench.publisher({ ...orchestrator, manage: 'verify' }) }),
  ).rejects.toMatchObject({ code: 'stream.mismatch' })
})

test('a server with less storage than max_bytes reserves gets a smaller stream, with a warning', async () => {
  const warnings: string[] = []
  const publisher = await bench.publisher({
    ...orchestrator,
    maxBytes: 200 * 2 ** 30,
    warn: (message) => void warnings.push(message),
  })
  await bench.session('room', { publisher })
  expect(warnings).toEqual([expect.stringMatching(/max_bytes \d+ in place of 214748364800/)])
})

test('whether the server syncs each write is read from its monitoring port', async () => {
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  await bench.publisher({ ...orchestrator, monitor: server.monitor, warn })
  expect(warnings).toEqual([])
  const lazy = await NatsServer.start({ syncInterval: '2m' })
  try {
    await (await openPublisher({ servers: lazy.url, monitor: lazy.monitor, warn })).close()
  } finally {
    await lazy.dispose()
  }
  expect(warnings).toEqual([expect.stringMatching(/sync_interval: always/)])
})
