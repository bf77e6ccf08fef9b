import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { executorSamples } from '../../../orchestrator/telemetry/executors.ts'
import { createMetrics } from '../../../orchestrator/telemetry/metrics.ts'
import { parseListen, serveMetrics } from '../../../orchestrator/telemetry/serve.ts'

const info = { sessions: 2, readers: 3, maxReaders: 8, isolation: 'reduced' as const }

async function served(executors: () => ReturnType<typeof executorSamples>) {
  const server = await serveMetrics(createMetrics(executors), { host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  return (path = '/metrics', init: RequestInit = {}) => fetch(`http://${server.address}${path}`, init)
}

describe('metrics', () => {
  it('have each executor, with installed names as labels and no text of its own', async () => {
    const looks = [
      { address: '10.0.0.1:7400', info },
      { address: '10.0.0.2:7400', info: { ...info, maxReaders: 0, isolation: 'full' as const, readers: 1 } },
      { address: '10.0.0.3:7400', info: undefined },
    ]
    const asked: object[] = []
    const client = {
      look: async (options: object) => {
        asked.push(options)
        return looks
      },
    }
    const get = await served(() => executorSamples(client, ['executors:7400']))
    const lines = (await (await get()).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const one = 'executor="10.0.0.1:7400",pool="default"'
    const two = 'executor="10.0.0.2:7400",pool="default"'
    expect(lines.sort()).toEqual(
      [
        `rowcast_executor_up{${one}} 1`,
        `rowcast_executor_up{${two}} 1`,
        'rowcast_executor_up{executor="10.0.0.3:7400",pool="default"} 0',
        `rowcast_executor_sessions{${one}} 2`,
        `rowcast_executor_sessions{${two}} 2`,
        `rowcast_executor_readers{${one}} 3`,
        `rowcast_executor_readers{${two}} 1`,
        `rowcast_executor_slots{${one},state="used"} 3`,
        `rowcast_executor_slots{${one},state="free"} 5`,
        `rowcast_executor_isolation_full{${one}} 0`,
        `rowcast_executor_isolation_full{${two}} 1`,
      ].sort(),
    )
    expect(asked).toEqual([{ deadlineMs: 2000, tell: true }])
    // One that has gone leaves no last numbers behind.
    looks.splice(0, 2)
    expect(await (await get()).text()).not.toContain('10.0.0.1')
  })

  it('call the embedded executor by that name, and a name without executors down', async () => {
    const embedded = { look: async () => [{ address: '127.0.0.1:41234', info }] }
    expect((await executorSamples(embedded, []))[0]).toMatchObject({ executor: 'embedded', pool: 'default' })
    const nowhere = { look: () => Promise.reject(new Error('no such name')) }
    expect(await executorSamples(nowhere, ['executors:7400'])).toEqual([
      { executor: 'executors:7400', pool: 'default', seen: undefined },
    ])
  })

  it('speak OpenMetrics to who asks for it', async () => {
    const get = await served(async () => [{ executor: 'embedded', pool: 'default', seen: undefined }])
    const plain = await get()
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const open = await get('/metrics', {
      headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
    })
    expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
    expect(await open.text()).toMatch(/rowcast_executor_up\{executor="embedded",pool="default"\} 0\n[\s\S]*# EOF\n$/)
  })

  it('are asked for once by all who scrape at a moment; nothing else is served', async () => {
    let asked = 0
    let release = () => {}
    const get = await served(async () => {
      asked++
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return []
    })
    const both = [get(), get()]
    await expect.poll(() => asked).toBe(1)
    release()
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
    expect((await get('/')).status).toBe(404)
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405)
    const broken = await served(() => Promise.reject(new Error('the-secret-reason')))
    const answer = await broken()
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('the-secret-reason')
  })
})

describe('an address for metrics', () => {
  it.for([
    ['9464', '127.0.0.1', 9464],
    [':9464', '127.0.0.1', 9464],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['[::1]:9464', '::1', 9464],
    ['metrics.example:80', 'metrics.example', 80],
  ] as const)('%s is %s, port %i', ([text, host, port]) => expect(parseListen(text)).toEqual({ host, port }))
  it.for(['', 'x', '1.2.3.4', '70000', 'host:', '::1:80'])('"%s" is none', (text) =>
    expect(() => parseListen(text)).toThrow(/expected HOST:PORT/),
  )
  it('that is taken is named', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const metrics = createMetrics(async () => [])
    await expect(serveMetrics(metrics, { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'metrics.start_failed',
      message: expect.stringContaining(`127.0.0.1:${port} (EADDRINUSE)`),
    })
  })
})
