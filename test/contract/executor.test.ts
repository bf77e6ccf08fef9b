/** The TypeScript client against the Python server, on the real wire. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { readBundle } from '../../orchestrator/connector/bundle.ts'
import type { Connector } from '../../orchestrator/connector/definition.ts'
import { loadConnector } from '../../orchestrator/connector/load.ts'
import { connect, openStream } from '../../orchestrator/executor/channel.ts'
import { createExecutorClient, type ExecutorClient } from '../../orchestrator/executor/client.ts'
import { childEnvironment, type EmbeddedExecutor, startExecutor } from '../../orchestrator/local/executor.ts'
import { openHome } from '../../orchestrator/local/home.ts'
import type { AuthorLog, ListedItem, ReadEnd, Session } from '../../orchestrator/refresh/ports.ts'
import { PYTHON, temporary } from '../support/cli.ts'

const ROOT = join(import.meta.dirname, '../..')
let executor: EmbeddedExecutor
let client: ExecutorClient
let dir: string
const never = new AbortController().signal

beforeAll(async () => {
  dir = temporary()
  executor = await startExecutor({
    home: openHome(join(dir, 'home')),
    python: PYTHON,
    executorDir: join(ROOT, 'executor'),
    env: childEnvironment(process.env),
    hidden: [],
    warn: () => {},
  })
  client = clientWith(executor.token)
})

afterAll(async () => {
  client?.close()
  await executor?.stop()
})

function clientWith(token: string): ExecutorClient {
  return createExecutorClient({
    addresses: [executor.address],
    token,
    bundleOf: readBundle,
    credentialsOf: () => 'the-secret-text',
    random: () => crypto.randomUUID(),
    warn: () => {},
  })
}

let made = 0
function connector(python: string): Connector {
  const folder = join(dir, `c${made++}`)
  mkdirSync(folder)
  writeFileSync(join(folder, 'connector.py'), python)
  writeFileSync(
    join(folder, 'connector.yaml'),
    'name: c\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\nrefresh: {concurrency: 2}\n',
  )
  return loadConnector(folder)
}

async function open(python: string, log: (line: AuthorLog) => void = () => {}): Promise<Session> {
  const session = await client.open(connector(python), { note: () => {}, log }, never)
  onTestFinished(() => session.close())
  return session
}

async function list(session: Session): Promise<ListedItem[]> {
  const items: ListedItem[] = []
  for await (const page of session.list({ prefixes: false }, never)) items.push(...page)
  return items
}

async function read(session: Session, names: string[], extra: (name: string) => string = () => '') {
  const data = names.map(() => [] as Uint8Array[])
  const ends: ReadEnd[] = []
  let messages = 0
  const items = names.map((name) => ({ name, fingerprint: '1', extra: extra(name), traceparent: '' }))
  for await (const pieces of session.read(items, never)) {
    messages++
    for (const piece of pieces) {
      data[piece.fragment]!.push(Uint8Array.from(piece.data))
      if (piece.end) ends[piece.fragment] = piece.end
    }
  }
  return { data: data.map((parts) => Buffer.concat(parts)), ends, messages }
}

describe('listing', () => {
  it('brings pages of items, extra keys as the text they were', async () => {
    const session = await open(`
def list_objects(context, metadata):
    for i in range(2500):
        yield {"name": f"n{i}", "fingerprint": str(i), "big": 9007199254740993, "x": [1.50, "ü"]} if i % 2 else {"name": f"n{i}", "fingerprint": str(i)}
def read_bytes(context, metadata): yield b""
`)
    const items = await list(session)
    expect(items).toHaveLength(2500)
    expect(items[0]).toEqual({ name: 'n0', fingerprint: '0', extra: '', isPrefix: false, depth: 0 })
    expect(items[1]!.extra).toContain('9007199254740993')
    expect(items[1]!.extra).toContain('"x"')
  })

  it('is an error, never a shorter listing, when it fails at the last item (promise 4)', async () => {
    const session = await open(`
def list_objects(context, metadata):
    for i in range(3000): yield {"name": str(i), "fingerprint": "1"}
    raise LookupError("the last page")
def read_bytes(context, metadata): yield b""
`)
    await expect(list(session)).rejects.toMatchObject({
      code: 'list.failed',
      message: expect.stringContaining('the last page'),
      traceback: expect.stringContaining('connector.py'),
    })
  })
})

describe('reading', () => {
  it('joins many small fragments into few messages and keeps every byte', async () => {
    const session = await open(`
def list_objects(context, metadata): return []
def read_bytes(context, metadata):
    for i in range(int(metadata["name"])): yield f"{i},"
`)
    const names = Array.from({ length: 400 }, (_, i) => String(i))
    const { data, ends, messages } = await read(session, names)
    for (const [i, bytes] of data.entries())
      expect(bytes.toString()).toBe(Array.from({ length: i }, (_, k) => `${k},`).join(''))
    expect(ends.map(({ bytes }) => bytes)).toEqual(data.map(({ length }) => length))
    expect(messages).toBeLessThan(10)
  })

  it('hands the whole item to read_bytes, and its failure to its fragment alone', async () => {
    const session = await open(`
def list_objects(context, metadata): return []
def read_bytes(context, metadata):
    if metadata["name"] == "bad": raise ConnectionError("the-secret-text is down")
    yield repr(sorted(metadata.items()))
`)
    const { data, ends } = await read(session, ['a', 'bad', 'b'], (name) =>
      name === 'a' ? '{"name":"a","fingerprint":"1","n":9007199254740993}' : '',
    )
    expect(data[0]!.toString()).toBe(
      "[('fingerprint', '1'), ('is_prefix', False), ('n', 9007199254740993), ('name', 'a')]",
    )
    expect(data[2]!.toString()).toContain("('name', 'b')")
    expect(ends[1]!.error).toMatchObject({ code: 'read.failed', retryable: true, type: 'ConnectionError' })
    // Promise 10: the credentials are in no message.
    expect(
      JSON.stringify(ends[1]!.error!.message) + (ends[1]!.error as { traceback?: string }).traceback,
    ).not.toContain('the-secret-text')
  })

  it('sends large chunks as messages of 1 MiB whose bytes are views, not copies', async () => {
    const session = await open(`
def list_objects(context, metadata): return []
def read_bytes(context, metadata): yield b"x" * (10 << 20)
`)
    const sizes: number[] = []
    const shared: boolean[] = []
    for await (const pieces of session.read([{ name: 'a', fingerprint: '1', extra: '', traceparent: '' }], never)) {
      for (const { data } of pieces) if (data.length > 0) sizes.push(data.length)
      const big = pieces.find(({ data }) => data.length > 500_000)
      if (big) shared.push(big.data.buffer.byteLength > big.data.length)
    }
    expect(sizes.reduce((a, b) => a + b)).toBe(10 << 20)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1 << 20)
    expect(sizes.length).toBeLessThanOrEqual(21)
    expect(shared.every(Boolean)).toBe(true)
  })

  it('has handed on what a fragment printed once it has settled', async () => {
    const lines: AuthorLog[] = []
    const session = await open(
      `
import sys
def list_objects(context, metadata): return []
def read_bytes(context, metadata):
    for i in range(40): print(i, "x" * 5000, file=sys.stderr if i % 2 else sys.stdout)
    yield b"data"
`,
      (line) => lines.push(line),
    )
    for (const name of ['a', 'b', 'c']) {
      await read(session, [name])
      await session.settle()
      expect(lines.filter(({ fragment }) => fragment === name)).toHaveLength(40)
    }
    await session.close()
    await session.settle()
  })

  it('pulls: a reader that nobody follows runs only a few messages ahead (promise 5)', async () => {
    const lines: string[] = []
    const session = await open(
      `
def list_objects(context, metadata): return []
def read_bytes(context, metadata):
    for i in range(200):
        print("chunk", i)
        yield b"x" * (1 << 20)
`,
      ({ text }) => lines.push(text),
    )
    const stop = new AbortController()
    const messages = session
      .read([{ name: 'a', fingerprint: '1', extra: '', traceparent: '' }], stop.signal)
      [Symbol.asyncIterator]()
    await messages.next()
    // Nothing is taken any more: wait until the author's code has stopped moving.
    for (let before = -1; before !== lines.length; ) {
      before = lines.length
      await new Promise((resolve) => setTimeout(resolve, 700))
    }
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.length).toBeLessThan(24)
    stop.abort()
    await messages.return?.()
  })

  it('ends the author code when the iteration is left, by break as by abort', async () => {
    const session = await open(`
import os
def list_objects(context, metadata): return []
def read_bytes(context, metadata):
    try:
        while True: yield str(os.getpid()) + "\\n" + " " * 1048576
    finally:
        open(metadata["path"], "w").write("closed")
`)
    const extra = JSON.stringify({ name: 'a', fingerprint: '1', path: join(dir, 'closed') })
    let pid = 0
    for await (const pieces of session.read([{ name: 'a', fingerprint: '1', extra, traceparent: '' }], never)) {
      pid = Number.parseInt(Buffer.from(pieces[0]!.data).toString('latin1'), 10)
      break
    }
    expect(pid).toBeGreaterThan(0)
    await ended(pid)
  })
})

describe('the link', () => {
  it('refuses a wrong token by name', async () => {
    const other = clientWith('wrong')
    expect((await other.look())[0]!.error).toMatchObject({ code: 'executor.denied', exitCode: 3 })
    other.close()
  })

  it('says which executor cannot be reached', async () => {
    const other = createExecutorClient({
      addresses: ['127.0.0.1:1'],
      token: '',
      bundleOf: readBundle,
      credentialsOf: () => '',
      random: () => 'k',
      warn: () => {},
    })
    await expect(other.open(connector('x = 1'), { note: () => {}, log: () => {} }, never)).rejects.toMatchObject({
      code: 'executor.unreachable',
      retryable: true,
      message: expect.stringContaining('127.0.0.1:1'),
    })
    other.close()
  })

  it('takes another session as gone, not as its own, after the executor restarted', async () => {
    const session = await open(
      'def list_objects(context, metadata): return []\ndef read_bytes(context, metadata): yield ""\n',
    )
    process.kill(executor.pid!, 'SIGKILL')
    const failure = await read(session, ['a']).catch((error) => error)
    expect(failure).toMatchObject({ retryable: true })
    expect(['executor.lost', 'executor.stale_epoch', 'session.expired']).toContain(failure.code)
    // The embedded executor is started again at the same address.
    await expect
      .poll(() => client.look().then((looks) => looks.filter(({ info }) => info).length), { timeout: 20_000 })
      .toBe(1)
    expect(
      (
        await list(
          await open(
            'def list_objects(context, metadata): yield {"name": "a", "fingerprint": ""}\ndef read_bytes(context, metadata): yield ""\n',
          ),
        )
      ).length,
    ).toBe(1)
  })

  it('sets the high-water mark of a stream that grpc-js really obeys', () => {
    const raw = connect('127.0.0.1:1')
    const call = raw.listObjects({ session: undefined, prefixes: false })
    openStream(call)
    expect(call.readableHighWaterMark).toBe(2)
    call.cancel()
    raw.close()
  })
})

async function ended(pid: number): Promise<void> {
  await expect
    .poll(
      () => {
        try {
          process.kill(pid, 0)
          return true
        } catch {
          return false
        }
      },
      { timeout: 10_000 },
    )
    .toBe(false)
}
