/** Asks an executor who it is, how it does, and why it cannot be reached. */
import type { Metadata, ServiceError } from '@grpc/grpc-js'
import { LinkError, type RowcastError } from '../errors.ts'
import type { ExecutorServiceClient, GetInfoResponse } from '../gen/rowcast/v1/executor.ts'
import { toLinkError } from './convert.ts'
import type { Tls } from './tls.ts'

export interface ExecutorInfo {
  /** Tells one start of one executor from another. */
  identity: string
  version: string
  pythonVersion: string
  isolation: 'full' | 'reduced'
  /** Why it is reduced; free text. */
  isolationReason: string
  draining: boolean
  sessions: number
  readers: number
  /** 0: no limit. */
  maxReaders: number
  environmentCached: boolean
  /** Its clock minus ours, and how far off that may be; milliseconds. */
  skewMs: number
  skewErrorMs: number
}

export interface Question {
  address: string
  metadata: Metadata
  tls: Tls | undefined
  /** After which it counts as unreachable. */
  deadlineMs: number
  /** Packages whose environment is wanted. */
  packages?: { pip: string[]; lock: string }
}

/** Throws LinkError: `executor.unreachable`, `executor.tls`, `executor.denied`. */
export function getInfo(client: ExecutorServiceClient, question: Question): Promise<ExecutorInfo> {
  const { metadata, deadlineMs, packages = { pip: [], lock: '' } } = question
  const asked = Date.now()
  return new Promise((resolve, reject) =>
    client.getInfo(packages, metadata, { deadline: asked + deadlineMs }, (error, response) =>
      error ? reject(whyNot(error, question)) : resolve(toInfo(response, asked, Date.now())),
    ),
  )
}

function toInfo(response: GetInfoResponse, asked: number, answered: number): ExecutorInfo {
  const { executorId, epoch, version, pythonVersion, isolationReason, draining, sessions, readers } = response
  return {
    identity: `${executorId} ${epoch}`,
    version,
    pythonVersion,
    isolation: response.isolation === 'full' ? 'full' : 'reduced',
    isolationReason,
    draining,
    sessions,
    readers,
    maxReaders: response.maxReaders,
    environmentCached: response.environmentCached,
    skewMs: Number(response.nowUnixUs) / 1000 - (asked + answered) / 2,
    skewErrorMs: (answered - asked) / 2,
  }
}

const ABSENT = /ECONNREFUSED|ENOENT|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Deadline exceeded/i

function whyNot(error: ServiceError, { address, tls }: Question): RowcastError {
  const known = toLinkError(error, address)
  if (known.code !== 'executor.lost') return known
  const said = error.details.replace(/^No connection established\. Last error: |\. Resolution note: .*$/g, '')
  const options = { retryable: true, cause: error }
  if (ABSENT.test(said))
    return new LinkError(
      'executor.unreachable',
      `no executor answers at ${address} (${said}); start one with: python -m rowcast --listen ${address}`,
      options,
    )
  if (!tls)
    return new LinkError(
      'executor.unreachable',
      `what listens at ${address} does not talk to us in plain text (${said}); if it is an executor with TLS, set ROWCAST_EXECUTOR_CA, ROWCAST_EXECUTOR_CERT and ROWCAST_EXECUTOR_KEY`,
      options,
    )
  return new LinkError(
    'executor.tls',
    /certificate|altnames|signed/i.test(said)
      ? `the certificate of the executor at ${address} is not accepted: ${said}; it must be of ROWCAST_EXECUTOR_CA, not be over, and be named rowcast-executor`
      : `the executor at ${address} ends the connection (${said}): it does not accept ${tls.about()}, or speaks no TLS`,
    options,
  )
}
