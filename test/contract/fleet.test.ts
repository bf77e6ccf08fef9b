/** Several executors behind one name: who gets the next session, and what becomes of those whose executor leaves. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { readBundle } from '../../orchestrator/connector/bundle.ts'
import type { Connector } from '../../orchestrator/connector/definition.ts'
import { loadConnector } from '../../orchestrator/connector/load.ts'
import { createExecutorClient, type ExecutorClient } from '../../orchestrator/executor/client.ts'
import type { Session } from '../../orchestrator/refresh/ports.ts'
import { temporary } from '../support/cli.ts'
import { type RunningExecutor, startExecutor } from '../support/executor.ts'

const never = new AbortController().signal
let hosts: string[]
let client: ExecutorClient
let warnings: string[]
let executors: RunningExecutor[]

/** The name `executors` leads to `hosts`. */
async function world(): Promise<void> {
  const first = await startExecutor(temporary(), ['--drain-seconds', '60'])
  const second = await startExecutor(temporary(), ['--drain-seconds', '60'], { host: '127.0.0.2', port: first.port })
  executors = [first, second]
  hosts = ['127.0.0.1', '127.0.0.2']
  warnings = []
  client = createExecutorClient({
    addresses: [`executors:${first.port}`],
    token: undefined,
    insecure: true,
    lookUp: async () => hosts.map((address) => ({ address, family: 4 })),
    bundleOf: readBundle,
    credentialsOf: () => '',
    random: () => crypto.randomUUID(),
    warn: (message) => warnings.push(message),
  })
  onTestFinished(async () => {
    client.close()
    for (const executor of executors) await executor.end()
  })
}

function connector(pip = '[]'): Connector {
  const folder = join(temporary(), 'c')
  mkdirSync(folder)
  const code = 'def list_objects(c, m): return []\ndef read_bytes(c, m): return m["name"]\n'
  writeFileSync(join(folder, 'connector.py'), code)
  writeFileSync(
    join(folder, 'connector.yaml'),
    `name: c\npip: ${pip}\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\nrefresh: {concurrency: 2}\n`,
  )
  return loadConnector(folder)
}

async function open(wanted = connector()): Promise<Session> {
  const session = await client.open(wanted, { note: () => {}, log: () => {} }, never)
  onTestFinished(() => session.close())
  return session
}

async function read(session: Session, name: string): Promise<string> {
  let text = ''
  for await (const pieces of session.read([{ name, fingerprint: '1', extra: '', traceparent: '' }], never))
    for (const { data } of pieces) text += Buffer.from(data).toString()
  return text
}

beforeEach(world)

describe('executors behind one name', () => {
  it('share the sessions, also those that are opened at once', async () => {
    const sessions = [await open(), await open(), ...(await Promise.all([open(), open()]))]
    expect(sessions.map(({ executor }) => executor).sort()).toEqual(
      executors.flatMap(({ address }) => [address, address]).sort(),
    )
    for (const session of sessions) expect(await read(session, 'f')).toBe('f')
    const seen = await client.look()
    expect(seen.map(({ address, info }) => [address, info?.sessions, info?.readers, info?.isolation])).toEqual(
      executors.map(({ address }) => [address, 2, 2, 'full']),
    )
    for (const { info } of seen) expect(Math.abs(info!.skewMs)).toBeLessThanOrEqual(info!.skewErrorMs + 1)
  })

  it('are preferred when they have the environment', async () => {
    const packaged = connector('[colorama==0.4.6]')
    const first = await open(packaged)
    const { executor } = first
    await first.close()
    for (let again = 0; again < 3; again++) {
      const session = await open(packaged)
      expect(session.executor).toBe(executor)
      await session.close()
    }
  })

  it('are followed when the name leads elsewhere; a session stays with its own to its end', async () => {
    hosts = ['127.0.0.1']
    const old = await open()
    expect(old.executor).toBe(executors[0]!.address)
    vi.useFakeTimers({ now: Date.now() + 6_000, toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    hosts = ['127.0.0.2']
    const fresh = await open()
    expect(fresh.executor).toBe(executors[1]!.address)
    expect(await read(old, 'still')).toBe('still')
    await old.close()
    expect((await client.look()).map(({ address }) => address)).toEqual([executors[1]!.address])
    // A name that is not known for a while leads where it led.
    vi.setSystemTime(Date.now() + 6_000)
    hosts = []
    expect((await open()).executor).toBe(executors[1]!.address)
  })

  it('that are about to end say so to their sessions and get no new ones; without another, that is said', async () => {
    const sessions = [await open(), await open()]
    const leaving = executors.find(({ address }) => address === sessions[0]!.executor)!
    const staying = executors.find((executor) => executor !== leaving)!
    const ended = leaving.end()
    await expect.poll(() => sessions[0]!.draining).toBe(true)
    expect(sessions[1]!.draining).toBe(false)
    for (let again = 0; again < 3; again++) expect((await open()).executor).toBe(staying.address)
    expect(await read(sessions[0]!, 'under way')).toBe('under way')
    await sessions[0]!.close()
    expect(await ended).toBe(0)

    const last = staying.end()
    await staying.drains()
    await expect(open()).rejects.toMatchObject({ code: 'executor.draining', retryable: true })
    staying.child.kill('SIGTERM')
    expect(await last).toBe(0)
  })
})
