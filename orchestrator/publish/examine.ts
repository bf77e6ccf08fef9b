/** Looks at a NATS server for `rowcast doctor`: version, JetStream, syncing, permissions. Stores nothing there. */
import { errors, type NatsConnection } from '@nats-io/transport-node'
import { type ConnectOptions, connect } from './connect.ts'
import { syncsAlways } from './durability.ts'
import { ORCHESTRATOR_INBOX } from './permissions.ts'
import { checkVersion } from './stream.ts'

export interface NatsExamination {
  version: string
  /** Why this version is refused. */
  tooOld: Error | undefined
  jetStream: { bytes: number; limit: number; streams: number } | undefined
  jetStreamError: Error | undefined
  /** undefined: there is no monitoring address, or it does not answer. */
  syncAlways: boolean | undefined
  /** What our user is refused, for a person. */
  refused: string[]
}

/** Who runs the doctor waits in front of the screen. */
const PATIENCE_MS = 3_000
const ANSWER_MS = 5_000
/** No connector has a name that begins with a digit, so no stream takes these in. */
const NOBODYS = '0doctor'

/** Throws `nats.unreachable` and `nats.denied`. */
export async function examineNats(options: ConnectOptions & { monitor?: string }): Promise<NatsExamination> {
  const nc = await connect({
    inboxPrefix: ORCHESTRATOR_INBOX,
    patienceMs: PATIENCE_MS,
    ...options,
    name: 'rowcast doctor',
  })
  try {
    const refused = new Set<string>()
    void listen(nc, refused)
    const [tooOld, jetStream, syncAlways] = await Promise.all([
      attempt(async () => checkVersion(nc.info?.version ?? '0')),
      attempt(() => accountOf(nc)),
      options.monitor === undefined ? undefined : syncsAlways(options.monitor).catch(() => undefined),
    ])
    await tryPermissions(nc)
    return {
      version: nc.info?.version ?? 'unknown',
      tooOld: tooOld instanceof Error ? tooOld : undefined,
      jetStream: jetStream instanceof Error ? undefined : jetStream,
      jetStreamError: jetStream instanceof Error ? jetStream : undefined,
      syncAlways,
      refused: [...refused],
    }
  } finally {
    await nc.close()
  }
}

async function listen(nc: NatsConnection, refused: Set<string>): Promise<void> {
  for await (const status of nc.status())
    if (status.type === 'error' && status.error instanceof errors.PermissionViolationError)
      refused.add(`to ${status.error.operation === 'publish' ? 'publish' : 'subscribe to'} ${status.error.subject}`)
}

async function accountOf(nc: NatsConnection): Promise<NatsExamination['jetStream']> {
  const reply = await nc.request('$JS.API.INFO', undefined, { timeout: ANSWER_MS })
  const { error, storage, limits, streams } = reply.json<{
    error?: { description: string }
    storage: number
    limits: { max_storage: number }
    streams: number
  }>()
  if (error) throw new Error(error.description)
  return { bytes: storage, limit: limits.max_storage, streams }
}

/** Empty messages that nobody keeps; the server answers with a violation where our user may not. */
async function tryPermissions(nc: NatsConnection): Promise<void> {
  for (const subject of [`_rowcast.in.${NOBODYS}.probe`, `_rowcast.ctl.${NOBODYS}.probe`]) nc.publish(subject)
  const subject = `rows.${NOBODYS}._probe.doctor`
  nc.subscribe(subject, { callback: () => {} })
  await nc.flush()
  // The violations came ahead of the answer to the flush; their listener is next in line.
  await new Promise((resolve) => setImmediate(resolve))
}

async function attempt<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
