/** The executors as the flow of a refresh sees them: sessions that list and read. */
import type { Connector } from '../connector/definition.ts'
import type { Overlay } from '../connector/overlay.ts'
import { LinkError, type RowcastError } from '../errors.ts'
import type { LockResponse } from '../gen/rowcast/v1/executor.ts'
import type { ExecutorPort, Session, SessionHooks } from '../refresh/ports.ts'
import type { LookUp } from './address.ts'
import type { Bundle } from './bundle.ts'
import { authorization, CONTROL_MS } from './channel.ts'
import { toAuthorError, toLinkError } from './convert.ts'
import { Fleet, type Loan, type Member } from './fleet.ts'
import { type ExecutorInfo, getInfo } from './info.ts'
import { openSession } from './open.ts'
import { place } from './placement.ts'
import { openTls, type TlsFiles } from './tls.ts'

export type { ExecutorInfo } from './info.ts'

export interface ExecutorOptions {
  /** host:port, a name that stands for several, or unix:/path; never empty. */
  addresses: string[]
  token: string | undefined
  tls?: TlsFiles
  /** Plain text to other hosts is allowed. */
  insecure?: boolean
  /** As in FleetOptions. */
  lookUp?: LookUp
  bundleOf(connector: Connector, more: Bundle['files']): Bundle
  credentialsOf(connector: Connector): string
  /** Random text for idempotency keys. */
  random(): string
  /** What a person should know and that stops nothing. */
  warn(message: string): void
}

/** One executor, seen now: what it says, or why it says nothing. */
export type Look = { address: string } & (
  | { info: ExecutorInfo; error: undefined }
  | { info: undefined; error: RowcastError }
)

export interface ExecutorClient extends ExecutorPort {
  /**
   * Asks each executor who it is and how it does; one that does not answer in `deadlineMs` (10 s) is unreachable. Throws
   * only when no address can be found out. `tell`: warns of reduced isolation, once for each start of an executor.
   */
  look(options?: { deadlineMs?: number; tell?: boolean }): Promise<Look[]>
  /** Requirements with hashes for every platform, as text for connector.lock. Throws AuthorError `environment.failed`. */
  lock(pip: string[]): Promise<string>
  close(): void
}

/** Throws DefinitionError when the addresses or the TLS files cannot be used as they are. */
export function createExecutorClient(options: ExecutorOptions): ExecutorClient {
  const { warn } = options
  const metadata = authorization(options.token)
  const tls = openTls(options.tls ?? { ca: undefined, cert: undefined, key: undefined }, warn)
  const { addresses, insecure = false, lookUp } = options
  const fleet = new Fleet({ addresses, tls, insecure, lookUp, warn })
  /** Executors whose isolation was told. */
  const told = new Set<string>()

  type Packages = { pip: string[]; lock: string }

  async function ask(member: Member, deadlineMs: number, packages?: Packages): Promise<Look> {
    const { address } = member
    let loan: Loan | undefined
    try {
      loan = member.borrow()
      const info = await getInfo(loan.client, { address, metadata, tls, deadlineMs, ...(packages && { packages }) })
      return { address, info, error: undefined }
    } catch (error) {
      return { address, info: undefined, error: toLinkError(error, address) }
    } finally {
      loan?.release()
    }
  }

  async function look({ deadlineMs = CONTROL_MS, tell = false } = {}): Promise<Look[]> {
    const looks = await Promise.all((await fleet.members()).map((member) => ask(member, deadlineMs)))
    if (tell) for (const { address, info } of looks) if (info) tellIsolation(address, info)
    return looks
  }

  /** Never silent: connectors are shut in less than the operator may think. */
  function tellIsolation(address: string, { identity, isolation, isolationReason }: ExecutorInfo): void {
    if (isolation === 'full' || told.has(identity)) return
    told.add(identity)
    warn(`executor ${address}: isolation is reduced (${isolationReason}); \`rowcast doctor\` says more`)
  }

  /** Those that may take a session, best first. Throws why there is none. */
  async function candidates(concurrency: number, packages: Packages): Promise<(ExecutorInfo & { member: Member })[]> {
    const members = await fleet.members()
    const seen = await Promise.all(
      members.map(async (member) => ({ member, ...(await ask(member, CONTROL_MS, packages)) })),
    )
    // At two addresses of one name (IPv4 and IPv6) the same executor may answer.
    const answered = new Map(seen.flatMap(({ member, info }) => (info ? [[info.identity, { ...info, member }]] : [])))
    for (const { member, ...info } of answered.values()) tellIsolation(member.address, info)
    const found = place(
      [...answered.values()].map((info) => ({ ...info, opening: info.member.opening })),
      concurrency,
    )
    if (found.length > 0) return found
    // Waiting for one that drains helps, whatever is wrong with the others.
    if (answered.size > 0) {
      const addresses = [...answered.values()].map(({ member }) => member.address).join(', ')
      const message = `${addresses} is about to end, and there is no other executor (ROWCAST_EXECUTORS)`
      throw new LinkError('executor.draining', message, { retryable: true })
    }
    throw seen.findLast(({ error }) => error)!.error
  }

  async function open(
    connector: Connector,
    hooks: SessionHooks,
    signal: AbortSignal,
    overlay?: Pick<Overlay, 'files' | 'credentials'>,
  ): Promise<Session> {
    // Read before anything is sent: a missing variable is the definition's fault and must not cost a build.
    const credentials = overlay?.credentials === false ? '' : options.credentialsOf(connector)
    const bundle = options.bundleOf(connector, overlay?.files ?? [])
    const idempotencyKey = options.random()
    let failure: unknown
    for (const { member } of await candidates(connector.refresh.concurrency, connector)) {
      const { address } = member
      const loan = member.borrow()
      member.opening++
      try {
        const opening = { connector, bundle, credentials, hooks, signal, idempotencyKey }
        return await openSession({ address, loan, metadata }, opening)
      } catch (error) {
        loan.release()
        const now = toLinkError(error, address)
        if (!(now instanceof LinkError && now.retryable) || signal.aborted) throw now
        // Of several reasons the one that passes by waiting counts.
        if (!failure || now.code === 'executor.busy' || now.code === 'executor.draining') failure = now
      } finally {
        member.opening--
      }
    }
    throw failure
  }

  async function lock(pip: string[]): Promise<string> {
    const [best] = await candidates(1, { pip, lock: '' })
    const { member } = best!
    const loan = member.borrow()
    try {
      const answer = await new Promise<LockResponse>((resolve, reject) =>
        loan.client.lock({ pip }, metadata, (error, response) =>
          error ? reject(toLinkError(error, member.address)) : resolve(response),
        ),
      )
      if (answer.error) throw toAuthorError(answer.error)
      return answer.lock
    } finally {
      loan.release()
    }
  }

  return { look, lock, open, close: () => fleet.close() }
}
