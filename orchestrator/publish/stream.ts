import { randomInt } from 'node:crypto'
import { LinkError } from '../errors.ts'
import type { StreamPosition } from '../refresh/ports.ts'
import { type Bus, Refusal } from './bus.ts'
import type { Subjects } from './subject.ts'

/** 10 GiB. Never without: storage that ends elsewhere strikes in the middle of a batch (delivery.md section 4). */
export const DEFAULT_MAX_BYTES = 10 * 1024 ** 3
const NO_SUCH_STREAM = 10059

export interface StreamOptions {
  maxBytes: number
  replicas: number
  /** create: what is missing; reconcile: also alter what is safe; verify: touch nothing, somebody else owns it. */
  manage: 'create' | 'reconcile' | 'verify'
  warn(message: string): void
}

interface Config {
  subjects?: string[]
  max_bytes?: number
  [key: string]: unknown
}

export interface StreamInfo {
  created: string
  config: Config
  state: { bytes: number; messages: number; first_seq: number; last_seq: number; subjects?: Record<string, number> }
}

/** The stream as delivery.md section 2 wants it. */
function wanted(subjects: Subjects, options: StreamOptions): Config {
  const ingest = subjects.ingest(subjects.all)
  return {
    name: subjects.stream,
    subjects: [ingest, subjects.lease.replace(/lease$/, '>')],
    subject_transform: { src: ingest, dest: subjects.all },
    republish: { src: subjects.all, dest: subjects.all },
    allow_atomic: true,
    allow_rollup_hdrs: true,
    allow_direct: true,
    allow_msg_ttl: true,
    retention: 'limits',
    discard: 'new',
    max_bytes: options.maxBytes,
    storage: 'file',
    compression: 'none',
    num_replicas: options.replicas,
    metadata: { 'rowcast.protocol': '1' },
  }
}

/** What must be as we want it, or rows would be lost or seen too early. `max_bytes` and replicas are the operator's. */
const FIXED = [
  'subjects',
  'subject_transform',
  'republish',
  'allow_atomic',
  'allow_rollup_hdrs',
  'allow_direct',
  'allow_msg_ttl',
  'retention',
  'discard',
  'storage',
]

/** Versions with atomic batches and a lease check that holds in them. */
export function checkVersion(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  const good =
    major > 2 || (major === 2 && (minor > 14 || (minor === 14 && patch >= 4) || (minor === 12 && patch >= 15)))
  if (!good)
    throw new LinkError(
      'nats.too_old',
      `nats-server ${version} cannot store fragments whole: Rowcast needs 2.12.15 or newer of 2.12, or 2.14.4 or newer (2.14.5 recommended); upgrade the server`,
    )
}

export async function streamInfo(bus: Bus, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await bus.api<StreamInfo>(`STREAM.INFO.${stream}`)
  } catch (error) {
    if (error instanceof Refusal && error.code === NO_SUCH_STREAM) return undefined
    throw error
  }
}

/** Finds or makes the stream, and checks what the server has made of it: options that it ignores it does not refuse. */
export async function openStream(
  bus: Bus,
  subjects: Subjects,
  options: StreamOptions,
  known: StreamPosition | undefined,
): Promise<StreamInfo> {
  checkVersion(bus.nc.info?.version ?? '0')
  const config = wanted(subjects, options)
  let info = await streamInfo(bus, subjects.stream)
  checkKnown(subjects.stream, info, known)
  if (info === undefined) {
    if (options.manage === 'verify')
      throw mismatch(subjects.stream, 'it does not exist, and Rowcast was told not to create it')
    info = await create(bus, subjects.stream, config, options.warn)
  } else if (
    options.manage === 'reconcile' &&
    differences(config, info.config, [...FIXED, 'max_bytes', 'num_replicas']).length > 0
  ) {
    info = await change(bus, 'UPDATE', subjects.stream, { ...info.config, ...config })
  }
  if (info.config['allow_atomic'] !== true && options.manage !== 'verify' && bus.nc.info?.api_lvl === undefined)
    throw new LinkError(
      'nats.too_old',
      `nats-server ${bus.nc.info?.version} ignored allow_atomic; Rowcast needs 2.12.15, 2.14.4 or newer`,
    )
  const wrong = differences(config, info.config, FIXED)
  if (wrong.length > 0) throw mismatch(subjects.stream, wrong.join('; '))
  if ((info.config.max_bytes ?? -1) <= 0) throw mismatch(subjects.stream, 'max_bytes is not set')
  return info
}

/** Another `created`, or an earlier end, is not the stream that the state describes. */
function checkKnown(stream: string, info: StreamInfo | undefined, known: StreamPosition | undefined): void {
  if (known === undefined) return
  const why =
    info === undefined
      ? 'it does not exist any more'
      : info.created !== known.created
        ? `it was created at ${info.created}, the state knows one of ${known.created}`
        : info.state.last_seq < known.sequence
          ? `it ends at sequence ${info.state.last_seq}, the state has seen ${known.sequence}`
          : undefined
  if (why === undefined) return
  const connector = stream.slice('ROWS_'.length)
  throw new LinkError(
    'stream.lost',
    `stream ${stream} is not the one that the state describes: ${why}. Run \`rowcast state rebuild ${connector} --yes\`; what the stream lacks is then read again`,
  )
}

/** Less is no use for a connector: then the server's own message is the better one. */
const LEAST_MAX_BYTES = 256 * 1024 ** 2
/** The server or the account has less storage left than `max_bytes` reserves. */
const NO_STORAGE = 10047

async function create(bus: Bus, stream: string, config: Config, warn: (message: string) => void): Promise<StreamInfo> {
  // A stream made anew under a running refresh must not happen to have its lease at the sequence the old one had.
  const first_seq = randomInt(1, 1_000_000)
  for (let max_bytes = config.max_bytes!; ; max_bytes = Math.floor(max_bytes / 2)) {
    try {
      const info = await change(bus, 'CREATE', stream, { ...config, first_seq, max_bytes })
      if (max_bytes !== config.max_bytes)
        warn(
          `stream ${stream} was created with max_bytes ${max_bytes} in place of ${config.max_bytes}: NATS has no more storage left to reserve`,
        )
      return info
    } catch (error) {
      const cause = error instanceof LinkError ? error.cause : undefined
      if (!(cause instanceof Refusal && cause.code === NO_STORAGE && max_bytes / 2 >= LEAST_MAX_BYTES)) throw error
    }
  }
}

async function change(bus: Bus, verb: 'CREATE' | 'UPDATE', stream: string, config: Config): Promise<StreamInfo> {
  try {
    return await bus.api<StreamInfo>(`STREAM.${verb}.${stream}`, config)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    // Created by somebody else meanwhile (10058), or refused: the comparison that follows says what is wrong.
    const info = error.code === 10058 ? await streamInfo(bus, stream) : undefined
    if (info) return info
    const hint =
      error.code === 10065
        ? 'another stream already holds these subjects; there is one stream per connector'
        : error.code === NO_STORAGE
          ? `its max_bytes of ${config.max_bytes} is more than the server or the account has left: give streams a smaller max_bytes, or the server more storage (max_file_store)`
          : 'check the limits of the NATS account and the server'
    throw new LinkError(
      'nats.refused',
      `stream ${stream} cannot be ${verb === 'CREATE' ? 'created' : 'updated'}: ${error.message}; ${hint}`,
      { cause: error },
    )
  }
}

function differences(want: Config, have: Config, keys: string[]): string[] {
  return keys
    .filter((key) => JSON.stringify(want[key]) !== JSON.stringify(have[key]))
    .map((key) => `${key} is ${JSON.stringify(have[key]) ?? 'not set'}, it must be ${JSON.stringify(want[key])}`)
}

export function mismatch(stream: string, what: string): LinkError {
  return new LinkError(
    'stream.mismatch',
    `stream ${stream} is not set up for Rowcast: ${what}. Correct it (\`nats stream edit ${stream}\`), or let Rowcast do it with \`manage: reconcile\``,
  )
}
