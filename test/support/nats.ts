import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, watch, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

const ROOT = join(import.meta.dirname, '..', '..')

export interface NatsUser {
  user: string
  password: string
  publish?: string[]
  subscribe?: string[]
}

export interface NatsOptions {
  /** Users of one account, each with what it may publish and subscribe to; without any, everybody may do everything. */
  users?: NatsUser[]
  /** Default `always`, as in everything we ship. */
  syncInterval?: string
  maxPayload?: string
  maxFileStore?: string
  /** Lines for the configuration file. */
  extra?: string
}

/** A real nats-server on loopback, in a directory of its own; killed by its process id, nothing else. */
export class NatsServer {
  readonly dir: string
  readonly #options: NatsOptions
  #child: ChildProcess | undefined
  #port = -1
  #monitorPort = -1

  private constructor(dir: string, options: NatsOptions) {
    this.dir = dir
    this.#options = options
  }

  static async start(options: NatsOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await mkdtemp(join(tmpdir(), 'rowcast-nats-')), options)
    await server.restart()
    return server
  }

  get url(): string {
    return `127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  get monitor(): string {
    return `http://127.0.0.1:${this.#monitorPort}`
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('nats-server is not running')
    return this.#child.pid
  }

  /** SIGTERM, waits for the exit. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** SIGKILL, as a crash. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Starts it (again) on the port it had. */
  async restart(): Promise<void> {
    if (this.#child) throw new Error('nats-server is running')
    const file = join(this.dir, 'nats.conf')
    await writeFile(file, this.#configuration())
    const child = spawn(binary(), ['-c', file, '-l', join(this.dir, 'log')], { stdio: 'ignore' })
    this.#child = child
    await Promise.race([
      this.#listening(child),
      once(child, 'exit').then(async () => {
        throw new Error(`nats-server ended at once:\n${await this.log()}`)
      }),
    ])
  }

  log(): Promise<string> {
    return readFile(join(this.dir, 'log'), 'utf8').catch(() => '')
  }

  /** Ends it and removes its directory. */
  async dispose(): Promise<void> {
    await this.kill()
    await rm(this.dir, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }

  async #listening(child: ChildProcess): Promise<void> {
    const name = `nats-server_${child.pid}.ports`
    const file = join(this.dir, name)
    const seen = new AbortController()
    try {
      const changes = watch(this.dir, { signal: seen.signal })
      const next = changes[Symbol.asyncIterator]()
      let changed = next.next()
      let ports = await readPorts(file)
      while (ports === undefined) {
        await changed
        changed = next.next()
        ports = await readPorts(file)
      }
      changed.catch(() => {})
      this.#port = portOf(ports.nats?.[0])
      this.#monitorPort = portOf(ports.monitoring?.[0])
    } finally {
      seen.abort()
    }
    // A fixed port is written before it listens.
    while (!(await accepts(this.#port))) if (child.exitCode !== null) return
  }

  #configuration(): string {
    const { users, syncInterval = 'always', maxPayload, maxFileStore = '100GB', extra = '' } = this.#options
    return [
      'host: 127.0.0.1',
      `port: ${this.#port}`,
      `http: "127.0.0.1:${this.#monitorPort}"`,
      `ports_file_dir: "${this.dir}"`,
      maxPayload === undefined ? '' : `max_payload: ${maxPayload}`,
      `jetstream { store_dir: "${this.dir}/js", sync_interval: ${syncInterval}, max_memory_store: 64MB, max_file_store: ${maxFileStore} }`,
      users === undefined ? '' : accounts(users),
      extra,
    ].join('\n')
  }
}

function accounts(users: NatsUser[]): string {
  const lines = users.map(({ user, password, publish, subscribe }) => {
    const permissions = [
      publish === undefined ? '' : `publish: { allow: ${JSON.stringify(publish)} }`,
      subscribe === undefined ? '' : `subscribe: { allow: ${JSON.stringify(subscribe)} }`,
    ].join('\n')
    return `{ user: ${user}, password: "${password}", permissions: { ${permissions} } }`
  })
  return `accounts { ROWCAST { jetstream: enabled, users: [\n${lines.join('\n')}\n] } }`
}

function binary(): string {
  const own = process.env['ROWCAST_NATS_SERVER']
  const path = own ?? join(ROOT, 'executor/.venv/bin/nats-server')
  if (!existsSync(path))
    throw new Error(`no nats-server at ${path}: run \`uv sync\` in executor, or set ROWCAST_NATS_SERVER`)
  return path
}

interface Ports {
  nats?: string[]
  monitoring?: string[]
}

async function readPorts(file: string): Promise<Ports | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Ports
  } catch {
    return undefined
  }
}

function portOf(url: string | undefined): number {
  if (url === undefined) throw new Error('nats-server wrote no port')
  return Number(new URL(url).port)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
