/** The executor as the flow of a refresh sees it: sessions that list and read. */
import type { Metadata } from '@grpc/grpc-js'
import type { Connector } from '../connector/definition.ts'
import type { Overlay } from '../connector/overlay.ts'
import { AuthorError, LinkError, RowcastError } from '../errors.ts'
import type {
  ExecutorServiceClient,
  GetInfoResponse,
  LockResponse,
  OpenSessionResponse,
  PrepareResponse,
} from '../gen/rowcast/v1/executor.ts'
import type { ExecutorPort, Session, SessionHooks } from '../refresh/ports.ts'
import { attach } from './attach.ts'
import { type Bundle, putBundle } from './bundle.ts'
import { authorization, CONTROL_MS, connect, openStream } from './channel.ts'
import { fromParser, toAuthorError, toLinkError, toLog } from './convert.ts'
import { openCalls } from './session.ts'

export interface ExecutorOptions {
  /** host:port of each executor; never empty. */
  addresses: string[]
  token: string | undefined
  bundleOf(connector: Connector, more: Bundle['files']): Bundle
  credentialsOf(connector: Connector): string
  /** Random text for idempotency keys. */
  random(): string
}

export interface ExecutorInfo {
  address: string
  version: string
  pythonVersion: string
  sessions: number
  readers: number
}

export interface ExecutorClient extends ExecutorPort {
  /** Asks each executor who it is. Throws LinkError for the first that cannot be reached. */
  info(): Promise<ExecutorInfo[]>
  /** Requirements with hashes for every platform, as text for connector.lock. Throws AuthorError `environment.failed`. */
  lock(pip: string[]): Promise<string>
  close(): void
}

export function createExecutorClient(options: ExecutorOptions): ExecutorClient {
  const metadata = authorization(options.token)
  const executors = options.addresses.map((address) => ({ address, client: connect(address) }))
  let next = 0

  async function info(): Promise<ExecutorInfo[]> {
    return Promise.all(
      executors.map(async ({ address, client }) => {
        const answer = await getInfo(client, metadata, address)
        const { version, pythonVersion, sessions, readers } = answer
        return { address, version, pythonVersion, sessions, readers }
      }),
    )
  }

  async function lock(pip: string[]): Promise<string> {
    const { address, client } = executors[0]!
    await getInfo(client, metadata, address)
    const answer = await new Promise<LockResponse>((resolve, reject) =>
      client.lock({ pip }, metadata, (error, response) =>
        error ? reject(toLinkError(error, address)) : resolve(response),
      ),
    )
    if (answer.error) throw toAuthorError(answer.error)
    return answer.lock
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
    let failure: unknown
    for (let tried = 0; tried < executors.length; tried++) {
      const executor = executors[next++ % executors.length]!
      try {
        return await openOn(executor, connector, bundle, credentials, hooks, signal)
      } catch (error) {
        failure = toLinkError(error, executor.address)
        if (!(failure instanceof LinkError && failure.retryable) || signal.aborted) throw failure
      }
    }
    throw failure
  }

  async function openOn(
    { address, client }: { address: string; client: ExecutorServiceClient },
    connector: Connector,
    bundle: Bundle,
    credentials: string,
    hooks: SessionHooks,
    signal: AbortSignal,
  ): Promise<Session> {
    await getInfo(client, metadata, address)
    const environment = await withBundle(client, metadata, bundle, () =>
      prepare(client, metadata, connector, bundle, hooks, signal),
    )
    const opened = await new Promise<OpenSessionResponse>((resolve, reject) =>
      client.openSession(
        {
          idempotencyKey: options.random(),
          connector: connector.name,
          bundleSha256: bundle.sha256,
          environmentId: environment.environmentId,
          code: connector.code,
          credentials,
          limits: {
            stallSeconds: Math.max(1, Math.round(connector.limits.stallMs / 1000)),
            fragmentBytes: BigInt(connector.limits.fragmentBytes),
            memoryBytes: BigInt(connector.limits.memory),
          },
          concurrency: connector.refresh.concurrency,
          parser: fromParser(connector.parser),
        },
        metadata,
        { deadline: Date.now() + CONTROL_MS },
        (error, response) => (error ? reject(error) : resolve(response)),
      ),
    )
    const session = opened.session!
    const attachment = attach(client, metadata, session, opened.leaseMs, hooks.log)
    return openCalls({
      client,
      metadata,
      address,
      session,
      attachment,
      lockHash: environment.lockHash,
      bundleHash: bundle.sha256,
    })
  }

  return {
    info,
    lock,
    open,
    close: () => {
      for (const { client } of executors) client.close()
    },
  }
}

function getInfo(client: ExecutorServiceClient, metadata: Metadata, address: string): Promise<GetInfoResponse> {
  return new Promise((resolve, reject) =>
    client.getInfo({}, metadata, { deadline: Date.now() + CONTROL_MS }, (error, response) => {
      if (!error) return resolve(response)
      const known = toLinkError(error, address)
      if (known.code !== 'executor.lost') return reject(known)
      const message = `no executor answers at ${address} (${error.details}); start one with: python -m rowcast --listen ${address}`
      reject(new LinkError('executor.unreachable', message, { retryable: true, cause: error }))
    }),
  )
}

/** Runs `work`; when the executor lacks the bundle, sends it and runs `work` again. */
async function withBundle<T>(
  client: ExecutorServiceClient,
  metadata: Metadata,
  bundle: Bundle,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof RowcastError || toLinkError(error, '').code !== 'bundle.missing') throw error
    await putBundle(client, metadata, bundle)
    return await work()
  }
}

async function prepare(
  client: ExecutorServiceClient,
  metadata: Metadata,
  connector: Connector,
  bundle: Bundle,
  hooks: SessionHooks,
  signal: AbortSignal,
): Promise<{ environmentId: string; lockHash: string }> {
  const request = {
    bundleSha256: bundle.sha256,
    pip: connector.pip,
    lock: connector.lock,
    code: connector.code,
    load: true,
    parser: fromParser(connector.parser),
  }
  let last: PrepareResponse | undefined
  for await (const response of openStream(client.prepare(request, metadata), signal)) {
    for (const line of response.logs) hooks.log({ ...toLog(line), dropped: 0 })
    if (response.error) throw toAuthorError(response.error)
    if (response.message) hooks.note(response.stage, response.message)
    last = response
  }
  if (!last?.environmentId)
    throw new AuthorError('environment.failed', 'the executor ended the preparation without an environment', {
      retryable: true,
    })
  // The environment's identity is the hash of its lock, interpreter and platform.
  return { environmentId: last.environmentId, lockHash: last.resolvedLock === '' ? '' : last.environmentId }
}
