/** Opens a session on one executor: bundle, environment, session, lease. */
import type { Connector } from '../connector/definition.ts'
import { AuthorError, RowcastError } from '../errors.ts'
import type { OpenSessionResponse, PrepareResponse } from '../gen/rowcast/v1/executor.ts'
import type { Session, SessionHooks } from '../refresh/ports.ts'
import { attach } from './attach.ts'
import { type Bundle, putBundle } from './bundle.ts'
import { CONTROL_MS, openStream } from './channel.ts'
import { fromParser, toAuthorError, toLinkError, toLog } from './convert.ts'
import { openCalls, type Target } from './session.ts'

export interface Opening {
  connector: Connector
  bundle: Bundle
  credentials: string
  hooks: SessionHooks
  signal: AbortSignal
  /** Random; the same for a repeated call. */
  idempotencyKey: string
}

/** The session has the loan from here on, and gives it back when it is closed. Throws what gRPC threw, or AuthorError. */
export async function openSession(target: Target, opening: Opening): Promise<Session> {
  const { client } = target.loan
  const { metadata } = target
  const { connector, bundle, credentials, hooks } = opening
  const environment = await withBundle(target, bundle, () => prepare(target, opening))
  const opened = await new Promise<OpenSessionResponse>((resolve, reject) =>
    client.openSession(
      {
        idempotencyKey: opening.idempotencyKey,
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
  return openCalls({ ...target, session, attachment, lockHash: environment.lockHash, bundleHash: bundle.sha256 })
}

/** Runs `work`; when the executor lacks the bundle, sends it and runs `work` again. */
async function withBundle<T>({ loan, metadata }: Target, bundle: Bundle, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof RowcastError || toLinkError(error, '').code !== 'bundle.missing') throw error
    await putBundle(loan.client, metadata, bundle)
    return await work()
  }
}

async function prepare(
  { loan, metadata }: Target,
  { connector, bundle, hooks, signal }: Opening,
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
  for await (const response of openStream(loan.client.prepare(request, metadata), signal)) {
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
