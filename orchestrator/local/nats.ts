/**
 * The embedded nats-server of a home: loopback, JetStream with `sync_interval: always`, two users with made-up passwords.
 *
 * One rowcast process owns the server; others that run on the same home meanwhile (`tail` beside `refresh`) use it. Port and
 * passwords stay the same for the life of the home, so that a subscriber's address does too. When the owner ends while
 * others go on, the first of them that asks (`ensure`) starts it again.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { LinkError } from '../errors.ts'
import { diskOf, type Home, keep, writeAside } from './home.ts'
import { LocalProcess, tailOf } from './process.ts'

export interface Permissions {
  publish: string[]
  subscribe: string[]
}

export interface NatsOptions {
  home: Home
  /** The nats-server program. */
  program: string
  /** `python _with_parent.py`: what makes it end with us. */
  launcher: string[]
  permissions: { orchestrator: Permissions; reader: Permissions }
  /** Takes the lock of a folder, which a SIGKILL frees; undefined when another process has it. */
  tryLock(dir: string): { release(): void } | undefined
  env: Record<string, string>
  warn(message: string): void
}

export interface User {
  user: string
  password: string
}

export interface EmbeddedNats {
  /** host:port */
  readonly address: string
  readonly orchestrator: User
  readonly reader: User
  /** Starts the server again when its owner is gone. */
  ensure(): Promise<void>
  stop(): Promise<void>
}

/** A quarter of the disk's free bytes, at most 10 GiB: what one connector's stream may hold. */
export function streamBytes(home: Home): number {
  return Math.min(10 * 2 ** 30, Math.floor(diskOf(home.dir).free / 4))
}

/** Whether the embedded server syncs each write: it has no monitoring port, but its configuration is ours. */
export function embeddedSyncsAlways(home: Home): boolean {
  try {
    return /^\s*sync_interval: always$/m.test(readFileSync(join(home.nats, 'nats.conf'), 'utf8'))
  } catch {
    return false
  }
}

export async function startNats(options: NatsOptions): Promise<EmbeddedNats> {
  const { home } = options
  const users = usersOf(home)
  let lock: { release(): void } | undefined
  let server: LocalProcess | undefined

  async function ensure(): Promise<void> {
    if (server) return
    lock = options.tryLock(home.nats)
    if (!lock) return waitFor(home)
    try {
      await endOrphan(home)
      server = await run(options, users)
    } catch (error) {
      lock.release()
      lock = undefined
      throw error
    }
  }

  await ensure()
  return {
    get address() {
      return `127.0.0.1:${portOf(home)}`
    },
    orchestrator: users.orchestrator,
    reader: users.reader,
    ensure,
    async stop() {
      await server?.stop()
      server = undefined
      lock?.release()
      lock = undefined
    },
  }
}

/** Made once per home: a name that tells this home's server from any other, and the passwords. */
function usersOf(home: Home): { name: string; orchestrator: User; reader: User } {
  const user = (name: string): User => ({ user: name, password: randomBytes(16).toString('hex') })
  const create = () =>
    JSON.stringify({
      name: `rowcast-${randomBytes(4).toString('hex')}`,
      orchestrator: user('orchestrator'),
      reader: user('reader'),
    })
  return JSON.parse(keep(join(home.nats, 'users.json'), create))
}

type Users = ReturnType<typeof usersOf>

const portFile = (home: Home) => join(home.nats, 'port')
const portOf = (home: Home): number => (existsSync(portFile(home)) ? Number(readFileSync(portFile(home), 'utf8')) : -1)

async function run(options: NatsOptions, users: Users): Promise<LocalProcess> {
  try {
    return await startOn(options, users, portOf(options.home))
  } catch (error) {
    // Another program took the port since the last time: a new one, said aloud, since subscribers know the old one.
    const log = tailOf(join(options.home.log, 'nats-server.log'))
    if (portOf(options.home) === -1 || !/address already in use/.test(log)) throw error
    options.warn(
      `port ${portOf(options.home)} of the embedded nats-server is in use by another program; taking another`,
    )
    return await startOn(options, users, -1)
  }
}

async function startOn(
  { home, program, launcher, permissions, env, warn }: NatsOptions,
  users: Users,
  first: number,
): Promise<LocalProcess> {
  const conf = join(home.nats, 'nats.conf')
  const clearPorts = () => {
    for (const file of readdirSync(home.nats)) if (file.endsWith('.ports')) rmSync(join(home.nats, file))
  }
  const server = new LocalProcess({
    title: 'the embedded nats-server',
    code: 'nats.start_failed',
    logFile: join(home.log, 'nats-server.log'),
    // Without a limit 1,965 MiB were measured after 2.4 GB.
    env: { ...env, GOMEMLIMIT: '1500MiB' },
    command: (start) => {
      clearPorts()
      writeAside(conf, configuration(home, users, permissions, start === 0 ? first : portOf(home)))
      return [...launcher, program, '-c', conf]
    },
    ready: async (child, exited) => {
      const file = join(home.nats, `nats-server_${child.pid}.ports`)
      let nats = listening(file)
      while (!nats) {
        await Promise.race([exited, pause(20)])
        nats = listening(file)
      }
      writeAside(portFile(home), new URL(nats[0]!).port)
    },
    warn,
  })
  await server.start()
  writeAside(join(home.nats, 'pid'), String(server.pid))
  return server
}

function configuration(home: Home, users: Users, permissions: NatsOptions['permissions'], port: number): string {
  const user = ({ user, password }: User, { publish, subscribe }: Permissions) =>
    `{ user: ${user}, password: "${password}", permissions: { publish: ${JSON.stringify(publish)}, subscribe: ${JSON.stringify(subscribe)} } }`
  return `# Written by rowcast at each start; changes are lost.
server_name: ${users.name}
host: 127.0.0.1
port: ${port}
ports_file_dir: ${JSON.stringify(home.nats)}
log_file: ${JSON.stringify(join(home.log, 'nats-server.log'))}
jetstream {
  store_dir: ${JSON.stringify(join(home.nats, 'store'))}
  # Acknowledged means on disk: promise 1.
  sync_interval: always
  max_memory_store: 64MB
  # Every stream has its own max_bytes; this sum must not be what strikes first.
  max_file_store: 64TB
}
authorization {
  users: [
    ${user(users.orchestrator, permissions.orchestrator)}
    ${user(users.reader, permissions.reader)}
  ]
}
`
}

/** The addresses in the file that the server writes once it listens; undefined while it is not there or not whole. */
function listening(file: string): string[] | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { nats: string[] }).nats
  } catch {
    return undefined
  }
}

/** Waits until the owner's server answers. */
async function waitFor(home: Home): Promise<void> {
  for (let tried = 0; tried < 250; tried++) {
    if (portOf(home) > 0 && (await answers(home))) return
    await pause(40)
  }
  throw new LinkError(
    'nats.start_failed',
    `another rowcast process owns the embedded nats-server of ${home.dir}, and it does not answer; its log: ${join(home.log, 'nats-server.log')}`,
  )
}

/** Where the kernel did not end the server with its owner, its own store tells: the pid that we wrote and a server that answers. */
async function endOrphan(home: Home): Promise<void> {
  const file = join(home.nats, 'pid')
  if (!existsSync(file) || portOf(home) <= 0) return
  for (let tried = 0; tried < 250 && (await answers(home)); tried++) {
    if (tried === 0) {
      try {
        process.kill(Number(readFileSync(file, 'utf8')), 'SIGTERM')
      } catch {
        return // somebody else's server, or gone: starting ours will tell
      }
    }
    await pause(40)
  }
}

/** True when the nats-server that answers on this loopback port is this home's. */
function answers(home: Home): Promise<boolean> {
  const name = `"server_name":"${usersOf(home).name}"`
  return new Promise((resolve) => {
    const socket = connect(portOf(home), '127.0.0.1')
    const end = (value: boolean) => {
      socket.destroy()
      resolve(value)
    }
    socket.setTimeout(1000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('data', (data) => end(data.toString('latin1').includes(name)))
  })
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
