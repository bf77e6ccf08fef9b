/** The executors there are now, one channel each: a balancing channel would scatter the calls of a session. */
import type { SecureContext } from 'node:tls'
import { messageOf } from '../errors.ts'
import type { ExecutorServiceClient } from '../gen/rowcast/v1/executor.ts'
import { isLocal, type LookUp, resolve } from './address.ts'
import { connect } from './channel.ts'
import { insecure, type Tls } from './tls.ts'

/** grpc-js looks a name up again only on trouble (grpc-node #2455). */
const RESOLVED_MS = 5_000

export interface FleetOptions {
  /** host:port, a name that stands for several, or unix:/path; never empty. */
  addresses: string[]
  tls: Tls | undefined
  /** Plain text to other hosts was asked for. */
  insecure: boolean
  /** The system's name service, unless a test brings its own. */
  lookUp?: LookUp | undefined
  warn(message: string): void
}

/** A channel on loan; its session keeps it, whatever becomes of the certificates or the name meanwhile. */
export interface Loan {
  client: ExecutorServiceClient
  release(): void
}

export class Fleet {
  readonly #options: FleetOptions
  #members = new Map<string, Member>()
  #known = new Map<string, string[]>()
  #resolved: { at: number; members: Promise<Member[]> } | undefined

  /** Throws DefinitionError for addresses that may not be used as they are. */
  constructor(options: FleetOptions) {
    const open = options.addresses.filter((address) => !isLocal(address))
    if (open.length > 0 && !options.tls && !options.insecure) throw insecure(open)
    this.#options = options
  }

  /** Names are resolved anew when they were 5 s ago. Throws `executor.unreachable` when none leads anywhere. */
  members(): Promise<Member[]> {
    if (!this.#resolved || Date.now() - this.#resolved.at > RESOLVED_MS) {
      const members = this.#resolve()
      this.#resolved = { at: Date.now(), members }
      members.catch(() => {
        this.#resolved = undefined
      })
    }
    return this.#resolved.members
  }

  async #resolve(): Promise<Member[]> {
    let failure: unknown
    const found = new Set<string>()
    for (const name of this.#options.addresses) {
      try {
        this.#known.set(name, await resolve(name, this.#options.lookUp))
      } catch (error) {
        failure = error
        // Those that it last stood for are the better guess than none.
        if (this.#known.has(name)) this.#options.warn(messageOf(error))
      }
      for (const address of this.#known.get(name) ?? []) found.add(address)
    }
    if (found.size === 0) throw failure
    for (const [address, member] of this.#members) {
      if (found.has(address)) continue
      member.retire()
      this.#members.delete(address)
    }
    for (const address of found)
      if (!this.#members.has(address)) this.#members.set(address, new Member(address, this.#options.tls))
    return [...this.#members.values()]
  }

  close(): void {
    for (const member of this.#members.values()) member.close()
    this.#members.clear()
    this.#resolved = undefined
  }
}

/** One executor's address. */
export class Member {
  readonly address: string
  /** Sessions that this process is opening there: its own counts do not show them yet. */
  opening = 0
  readonly #tls: Tls | undefined
  #channel: Channel | undefined
  readonly #retired = new Set<Channel>()

  constructor(address: string, tls: Tls | undefined) {
    this.address = address
    this.#tls = tls
  }

  /** Over the newest channel; with changed certificates that is a new one, and those who have the old one keep it. */
  borrow(): Loan {
    const context = this.#tls?.current()
    if (this.#channel && this.#channel.context !== context) this.retire()
    this.#channel ??= { client: connect(this.address, context), context, loans: 0 }
    const channel = this.#channel
    channel.loans++
    let released = false
    return {
      client: channel.client,
      release: () => {
        if (released) return
        released = true
        channel.loans--
        if (channel.loans === 0 && this.#retired.delete(channel)) channel.client.close()
      },
    }
  }

  /** Nothing new goes over the channel; it closes with its last loan. */
  retire(): void {
    const channel = this.#channel
    this.#channel = undefined
    if (!channel) return
    if (channel.loans === 0) channel.client.close()
    else this.#retired.add(channel)
  }

  close(): void {
    this.#channel?.client.close()
    for (const { client } of this.#retired) client.close()
    this.#channel = undefined
    this.#retired.clear()
  }
}

interface Channel {
  client: ExecutorServiceClient
  context: SecureContext | undefined
  loans: number
}
