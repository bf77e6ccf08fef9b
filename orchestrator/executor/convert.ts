/** Generated types end here: proto messages become the flow's, gRPC statuses become errors. */
import { type ServiceError, status } from '@grpc/grpc-js'
import type { ParserOptions } from '../connector/definition.ts'
import { AUTHOR_CODES, AuthorError, FRAGMENT_CODES, type LinkCode, LinkError, RowcastError } from '../errors.ts'
import type { FragmentTrailer, Item, LogLine, Parser, UserError } from '../gen/rowcast/v1/executor.ts'
import type { AuthorLog, ListedItem, ReadEnd, ReadItem } from '../refresh/ports.ts'

const AUTHOR: ReadonlySet<string> = new Set<string>([...AUTHOR_CODES, ...FRAGMENT_CODES])

export function toAuthorError(error: UserError): RowcastError {
  const detail = {
    type: error.type,
    traceback: error.traceback,
    retryable: error.retryable,
    retryAfterMs: error.retryAfterMs,
  }
  if (!AUTHOR.has(error.code)) {
    return new LinkError(
      'executor.bad_request',
      `the executor reports an unknown error ${error.code}: ${error.message}`,
    )
  }
  return new AuthorError(error.code as (typeof AUTHOR_CODES)[number], error.message, detail)
}

/** Codes that the executor puts before the colon of a status' details. */
const DETAILS: Record<string, LinkCode> = {
  'executor.stale_epoch': 'executor.stale_epoch',
  'executor.draining': 'executor.draining',
  'executor.busy': 'executor.busy',
  'executor.denied': 'executor.denied',
  'executor.bad_request': 'executor.bad_request',
  'session.expired': 'session.expired',
  'bundle.missing': 'bundle.missing',
  'environment.missing': 'environment.missing',
}

const RETRYABLE: ReadonlySet<LinkCode> = new Set<LinkCode>([
  'executor.lost',
  'executor.unreachable',
  'executor.stale_epoch',
  'executor.draining',
  'executor.busy',
  'session.expired',
  'bundle.missing',
  'environment.missing',
])

/** What a failed call means for the caller. `address` is named in the message. */
export function toLinkError(error: unknown, address: string): RowcastError {
  if (error instanceof RowcastError) return error
  const { code, details = '' } = error as Partial<ServiceError>
  if (typeof code !== 'number')
    return new LinkError('executor.lost', `executor ${address}: ${String(error)}`, { retryable: true, cause: error })
  const named = DETAILS[/^[a-z_]+\.[a-z_]+/.exec(details)?.[0] ?? '']
  if (named)
    return new LinkError(named, `executor ${address}: ${details.replace(/^[a-z_.]+:\s*/, '')}`, {
      retryable: RETRYABLE.has(named),
      cause: error,
    })
  // Forged bytes: the supervisor passes them through, and so they harm their own connector only.
  if (code === status.INTERNAL && details.startsWith('Response message parsing error'))
    return new AuthorError(
      'read.corrupt',
      "the connector's process sent what is no message: its code wrote to a descriptor that is not its own",
      { retryable: true },
    )
  const broken = code === status.INTERNAL && details.startsWith('Received RST_STREAM')
  switch (broken ? status.UNAVAILABLE : code) {
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
    case status.CANCELLED:
      return new LinkError(
        'executor.lost',
        `executor ${address} is gone or does not answer (${details || status[code]})`,
        { retryable: true, cause: error },
      )
    case status.UNAUTHENTICATED:
      return new LinkError('executor.denied', `executor ${address} refuses the token: ${details}`, { cause: error })
    case status.RESOURCE_EXHAUSTED:
      // Not the executor's own word (`executor.busy`): too many pings, or a message over its limit. Waiting helps little.
      return new LinkError('executor.lost', `executor ${address} refuses what it was sent: ${details}`, {
        retryable: true,
        cause: error,
      })
    default:
      return new LinkError('executor.bad_request', `executor ${address} failed: ${status[code]} ${details}`, {
        cause: error,
      })
  }
}

export function toLog({ timeUnixUs, stream, text, fragment }: LogLine): Omit<AuthorLog, 'dropped'> {
  return { timeUs: Number(timeUnixUs), stream: stream === 'stdout' ? 'stdout' : 'stderr', text, fragment }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

export function toListed(item: Item): ListedItem {
  return {
    name: item.name,
    fingerprint: item.fingerprint,
    extra: item.extraJson.length === 0 ? '' : decoder.decode(item.extraJson),
    isPrefix: item.isPrefix,
    depth: item.depth,
  }
}

/** What the reader does with the bytes; undefined: nothing, the orchestrator parses them. */
export function fromParser(parser: ParserOptions): Parser | undefined {
  if (parser.type === 'rows') return { type: 'rows', function: '', code: '' }
  return parser.type === 'python' ? { type: 'python', function: parser.function, code: parser.code } : undefined
}

export function fromReadItem(item: ReadItem): Item {
  return {
    name: item.name,
    fingerprint: item.fingerprint,
    extraJson: item.extra === '' ? new Uint8Array() : Buffer.from(item.extra),
    traceparent: item.traceparent,
    isPrefix: false,
    depth: 0,
  }
}

/** `received` bytes were counted here; another count in the trailer is `read.truncated`. */
export function toReadEnd(trailer: FragmentTrailer, received: number, name: string): ReadEnd {
  const bytes = Number(trailer.bytes)
  let error = trailer.error === undefined ? undefined : toAuthorError(trailer.error)
  if (!error && bytes !== received) {
    const message = `fragment ${name}: the executor sent ${bytes} bytes and ${received} arrived`
    error = new AuthorError('read.truncated', message, { retryable: true })
  }
  return { bytes: received, startUs: Number(trailer.startUnixUs), durationUs: Number(trailer.durationUs), error }
}
