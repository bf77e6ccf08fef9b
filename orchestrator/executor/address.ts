/** Addresses of executors: `host:port` or `unix:/path`; what a name stands for now; what may be reached in plain text. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { DefinitionError, LinkError, messageOf } from '../errors.ts'

/** A name server that does not answer must not hold up a refresh longer. */
const LOOKUP_MS = 5_000

/** All addresses of a name. */
export type LookUp = (host: string) => Promise<{ address: string; family: number }[]>
const systemLookUp: LookUp = (host) => lookup(host, { all: true })

interface Parts {
  host: string
  port: string
}

/** undefined for a Unix socket. Throws DefinitionError `config.usage`. */
function partsOf(address: string): Parts | undefined {
  if (address.startsWith('unix:')) return undefined
  const [, host, port] =
    /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)?.filter((part) => part !== undefined) ?? []
  if (host === undefined || port === undefined || Number(port) === 0 || Number(port) > 65_535) {
    const message = `ROWCAST_EXECUTORS: ${JSON.stringify(address)} is no address; expected host:port, [IPv6]:port or unix:/path`
    throw new DefinitionError(message, undefined, 'config.usage')
  }
  return { host, port }
}

/** Only this host can reach it. A name other than `localhost` may lead anywhere. */
export function isLocal(address: string): boolean {
  const parts = partsOf(address)
  return (
    !parts ||
    parts.host === 'localhost' ||
    parts.host === '::1' ||
    (isIP(parts.host) === 4 && parts.host.startsWith('127.'))
  )
}

/**
 * What `address` stands for now: itself, or for a name (a headless service) every address that the name has. A balancing
 * address would scatter the calls of one session. Throws `executor.unreachable` when the name is not known.
 */
export async function resolve(address: string, lookUp: LookUp = systemLookUp): Promise<string[]> {
  const parts = partsOf(address)
  if (!parts || parts.host === 'localhost' || isIP(parts.host) !== 0) return [address]
  const { host, port } = parts
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${LOOKUP_MS / 1000} s`)), LOOKUP_MS)
  })
  try {
    const found = await Promise.race([lookUp(host), late])
    if (found.length === 0) throw new Error('it has no address')
    return found.map(({ address: ip, family }) => (family === 6 ? `[${ip}]:${port}` : `${ip}:${port}`))
  } catch (cause) {
    const message = `the executors' name ${host} cannot be resolved (${messageOf(cause, 200)}); check ROWCAST_EXECUTORS`
    throw new LinkError('executor.unreachable', message, { retryable: true, cause })
  } finally {
    clearTimeout(timer)
  }
}
