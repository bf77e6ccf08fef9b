/** NATS: version, JetStream, what its acknowledgement is worth, what our user may do. */
import type { Finding } from './finding.ts'

/** What was seen of a server; `undefined` where it cannot be told. */
export interface NatsLook {
  address: string
  /** It is ours: started, configured and stopped by Rowcast. */
  embedded: boolean
  version: string
  /** Why this version is refused. */
  tooOld: Error | undefined
  jetStream: { bytes: number; limit: number; streams: number } | undefined
  /** Why JetStream does not answer. */
  jetStreamError: Error | undefined
  syncAlways: boolean | undefined
  /** Subjects that our user is refused, with what it is refused. */
  refused: string[]
}

export function judgeNats(look: NatsLook): Finding[] {
  const { address, embedded, version, tooOld, jetStream, jetStreamError, syncAlways, refused } = look
  const found: Finding[] = []
  const where = embedded ? `the embedded nats-server (${address})` : `nats-server at ${address}`
  if (tooOld)
    found.push({
      check: 'nats',
      status: 'failed',
      message: tooOld.message,
      fix: 'upgrade the server to 2.14.5 or newer',
    })
  else if (/^2\.14\.[0-4](\D|$)/.test(version))
    found.push({
      check: 'nats',
      status: 'warning',
      message: `${where} is version ${version}; 2.14.5 or newer is recommended`,
      fix: 'upgrade the server',
    })
  else found.push({ check: 'nats', status: 'ok', message: `${where}: version ${version}` })

  if (jetStream) {
    const limit = jetStream.limit > 0 ? ` of ${mebibytes(jetStream.limit)}` : ''
    const full = jetStream.limit > 0 && jetStream.bytes > 0.8 * jetStream.limit
    found.push({
      check: 'jetstream',
      status: full ? 'warning' : 'ok',
      message: `JetStream: ${jetStream.streams} streams, ${mebibytes(jetStream.bytes)}${limit} stored`,
      ...(full ? { fix: 'give the account or the server more storage (max_file_store), or its streams less' } : {}),
    })
  } else
    found.push({
      check: 'jetstream',
      status: 'failed',
      message: `JetStream does not answer: ${jetStreamError?.message ?? 'it is not enabled'}`,
      fix: 'enable it in the configuration of the server, and for the account: jetstream { store_dir: …, sync_interval: always }',
    })

  found.push(judgeSync(where, embedded, syncAlways))
  if (refused.length > 0)
    found.push({
      check: 'permissions',
      status: 'failed',
      message: `NATS refuses our user ${refused.join(', ')}`,
      fix: 'allow the orchestrator’s user to publish _rowcast.in.>, _rowcast.ctl.> and $JS.API.>, and to subscribe to rows.*._probe.> and its own inbox',
    })
  else
    found.push({
      check: 'permissions',
      status: 'ok',
      message: 'our NATS user may publish, ask JetStream, and see its own probes',
    })
  return found
}

/** Promise 1 holds through a power cut only where each write is synced. */
function judgeSync(where: string, embedded: boolean, syncAlways: boolean | undefined): Finding {
  if (syncAlways)
    return { check: 'sync', status: 'ok', message: `${where} syncs each write to disk before it acknowledges it` }
  if (syncAlways === false)
    return {
      check: 'sync',
      status: 'warning',
      message: `${where} does not sync each write: a power cut can lose what it acknowledged`,
      fix: embedded
        ? 'stop all rowcast processes of this home, and start again'
        : 'set jetstream { sync_interval: always } on the server',
    }
  return {
    check: 'sync',
    status: 'warning',
    message: `whether ${where} syncs each write cannot be told`,
    fix: 'set ROWCAST_NATS_MONITOR to its monitoring address, as in http://host:8222',
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`
}
