/** Our certificate for executors, and whom we trust: PEM files that may change while we run. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { DefinitionError, messageOf } from '../errors.ts'

export interface TlsFiles {
  ca: string | undefined
  cert: string | undefined
  key: string | undefined
}

/** The name in every executor's certificate: pods are dialled by address. */
export const EXECUTOR_NAME = 'rowcast-executor'
const HOW = 'deploy/local/certs.sh makes them'

export interface Tls {
  /** What new channels use: the files as they are now. The same object while they do not change. */
  current(): SecureContext
  /** For a refused connection: what there is to know of our certificate. */
  about(): string
}

/**
 * undefined when no file is given. Throws DefinitionError `config.usage` naming what is missing, unreadable or wrong.
 * Later changes that cannot be used (half replaced) are told by `warn` once, and what was before still counts.
 */
export function openTls(files: TlsFiles, warn: (message: string) => void): Tls | undefined {
  const named = { ROWCAST_EXECUTOR_CA: files.ca, ROWCAST_EXECUTOR_CERT: files.cert, ROWCAST_EXECUTOR_KEY: files.key }
  const unset = Object.entries(named).flatMap(([name, file]) => (file ? [] : [name]))
  if (unset.length === 3) return undefined
  if (unset.length > 0)
    throw usage(`ROWCAST_EXECUTOR_CA, _CERT and _KEY go together: ${unset.join(' and ')} not set (${HOW})`)
  const { ca, cert, key } = files as { ca: string; cert: string; key: string }
  let seen = stampOf(ca, cert, key)
  let { context, own } = read(ca, cert, key)
  return {
    about() {
      const over = own.validToDate.getTime() < Date.now()
      return `our certificate ${cert}, ${over ? 'which ended' : 'good until'} ${own.validToDate.toISOString()}`
    },
    current() {
      const now = stampOf(ca, cert, key)
      if (now === seen) return context
      seen = now
      try {
        ;({ context, own } = read(ca, cert, key))
      } catch (error) {
        warn(`changed certificates cannot be used, the ones before still count: ${messageOf(error)}`)
      }
      return context
    },
  }
}

function stampOf(...files: string[]): string {
  const stamps = files.map((file) => {
    const { mtimeMs, ino, size } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: 0, ino: 0, size: 0 }
    return `${mtimeMs} ${ino} ${size}`
  })
  return stamps.join('\n')
}

/** Node itself takes a wrong file, and then fails every connection without a word of which. */
function read(caFile: string, certFile: string, keyFile: string): { context: SecureContext; own: X509Certificate } {
  const ca = load('ROWCAST_EXECUTOR_CA', caFile)
  const cert = load('ROWCAST_EXECUTOR_CERT', certFile)
  const key = load('ROWCAST_EXECUTOR_KEY', keyFile)
  parse('ROWCAST_EXECUTOR_CA', caFile, 'certificate', () => new X509Certificate(ca))
  const own = parse('ROWCAST_EXECUTOR_CERT', certFile, 'certificate', () => new X509Certificate(cert))
  const secret = parse('ROWCAST_EXECUTOR_KEY', keyFile, 'private key', () => createPrivateKey(key))
  if (!own.checkPrivateKey(secret)) throw usage(`${keyFile} is not the key of ${certFile} (${HOW})`)
  return { context: createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' }), own }
}

function load(name: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw usage(`${name}: ${file} cannot be read (${messageOf(cause, 200)}; ${HOW})`)
  }
}

function parse<T>(name: string, file: string, kind: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    // Promise 10: why, and nothing of what is in it.
    throw usage(
      `${name}: ${file} holds no PEM ${kind} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'}; ${HOW})`,
    )
  }
}

function usage(message: string): DefinitionError {
  return new DefinitionError(message, undefined, 'config.usage')
}

/** The error of executors on other hosts that would be spoken to in plain text. */
export function insecure(addresses: string[]): DefinitionError {
  return usage(
    `ROWCAST_EXECUTORS: ${addresses.join(', ')} ${addresses.length === 1 ? 'is' : 'are'} not on this host, and without ` +
      'TLS all of it, credentials of connectors included, could be read and forged on the way: set ROWCAST_EXECUTOR_CA, ' +
      `ROWCAST_EXECUTOR_CERT and ROWCAST_EXECUTOR_KEY (${HOW}), or ROWCAST_EXECUTOR_INSECURE=1 where the network itself is safe`,
  )
}
