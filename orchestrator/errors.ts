/**
 * Every error that Rowcast raises on purpose, and the list of their codes.
 *
 *   RowcastError
 *   ├─ DefinitionError   connector.yaml or the command line is wrong: file, line, column        exit 2
 *   ├─ AuthorError       the connector's code raised, or gave what it must not                  exit 1
 *   ├─ FragmentError     one fragment's bytes cannot be parsed within its rules                 exit 1
 *   ├─ RecordingError    what was recorded cannot be written, or cannot be replayed              exit 1, 2
 *   ├─ RefreshError      the refresh as a whole ends here, nothing is wrong with our parts      exit 1
 *   ├─ LeaseLost         another orchestrator holds this connector now: stop, write nothing     exit 1
 *   └─ LinkError         a part cannot be reached or refuses: executor, NATS, state, disk       exit 3
 *
 * A message says what happened, where, and what to do next; the code comes first wherever an error is shown.
 */

/** Codes of a single row. The row is quarantined, defaulted, nulled, or fails its fragment, as its column says. */
export const ROW_CODES = [
  'row.value',
  'row.range',
  'row.null',
  'row.columns',
  'row.quote',
  'row.json',
  'row.not_object',
  'row.depth',
  'row.encoding',
  'row.too_long',
  'row.no_match',
  'row.timeout',
] as const
export type RowCode = (typeof ROW_CODES)[number]

/** Codes that end one fragment; the others go on. */
export const FRAGMENT_CODES = [
  'fragment.missing_column',
  'fragment.open_quote',
  'fragment.truncated',
  'fragment.container',
  'fragment.unsupported',
  'fragment.limit',
  'fragment.rejects',
  'fragment.stalled',
  'fragment.value',
  'fragment.internal',
  'schema.mismatch',
] as const
export type FragmentCode = (typeof FRAGMENT_CODES)[number]

/** Codes of the author's side, as they arrive from the executor (reference: proto/rowcast/v1/executor.proto). */
export const AUTHOR_CODES = [
  'environment.failed',
  'environment.lock_mismatch',
  'connector.load_failed',
  'connector.missing_function',
  'connector.bad_signature',
  'context.failed',
  'context.stalled',
  'list.failed',
  'list.stalled',
  'list.bad_item',
  'list.bad_return',
  'list.duplicate_name',
  'list.prefix_loop',
  'list.too_deep',
  'list.too_many',
  'read.failed',
  'read.bad_chunk',
  'read.bad_return',
  'read.exited',
  'read.crashed',
  'read.memory',
  'read.limit',
  'parser.failed',
  'parser.bad_row',
  'read.truncated',
  'read.corrupt',
] as const
export type AuthorCode = (typeof AUTHOR_CODES)[number]

export const REFRESH_CODES = [
  'list.mass_deletion',
  'refresh.cancelled',
  'refresh.fragments_failed',
  'refresh.interrupted',
  'refresh.live',
] as const
export type RefreshCode = (typeof REFRESH_CODES)[number]

export const LINK_CODES = [
  'executor.unreachable',
  'executor.tls',
  'executor.lost',
  'executor.draining',
  'executor.stale_epoch',
  'executor.busy',
  'executor.denied',
  'executor.bad_request',
  'executor.start_failed',
  'session.expired',
  'bundle.missing',
  'environment.missing',
  'nats.unreachable',
  'nats.denied',
  'nats.too_old',
  'nats.start_failed',
  'nats.timeout',
  'nats.refused',
  'stream.lost',
  'stream.full',
  'stream.mismatch',
  'state.locked',
  'state.newer',
  'state.failed',
  'home.unwritable',
  'disk.full',
  'metrics.start_failed',
] as const
export type LinkCode = (typeof LINK_CODES)[number]

/** Of what `record` stores and `test --replay` reads. */
export const RECORDING_CODES = [
  'recording.missing',
  'recording.damaged',
  'recording.mismatch',
  'recording.too_large',
  'recording.secret',
  'recording.nothing',
  'recording.foreign',
  'recording.unwritable',
] as const
export type RecordingCode = (typeof RECORDING_CODES)[number]

/** What `test` warns of: the connector works, but each refresh would read more than it must. */
export const WARNING_CODES = ['list.unstable_fingerprint', 'list.unstable_name', 'list.order_dependent'] as const
export type WarningCode = (typeof WARNING_CODES)[number]

export type ErrorCode =
  | RowCode
  | FragmentCode
  | AuthorCode
  | RefreshCode
  | LinkCode
  | RecordingCode
  | 'config.invalid'
  | 'config.usage'
  | 'lease.lost'
  | 'internal'

/** Exit codes of the command line: 1 the connector or its data failed, 2 wrong usage, 3 a part is unreachable. */
export type ExitCode = 1 | 2 | 3

export abstract class RowcastError extends Error {
  readonly code: ErrorCode
  /** True: the same thing may work later without anybody changing anything. */
  readonly retryable: boolean
  abstract readonly exitCode: ExitCode

  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

export interface Place {
  file: string
  line: number
  column: number
}

/** The definition of a connector, or a flag, is wrong. `place` counts lines and columns from 1. */
export class DefinitionError extends RowcastError {
  readonly exitCode = 2
  readonly place: Place | undefined

  constructor(message: string, place?: Place, code: 'config.invalid' | 'config.usage' = 'config.invalid') {
    super(code, place ? `${place.file}:${place.line}:${place.column}: ${message}` : message)
    this.place = place
  }
}

/** The author's code failed. `traceback` holds the author's frames only; secrets were cut out by the executor. */
export class AuthorError extends RowcastError {
  readonly exitCode = 1
  readonly type: string
  readonly traceback: string
  readonly retryAfterMs: number

  constructor(
    code: AuthorCode | FragmentCode,
    message: string,
    detail: { type?: string; traceback?: string; retryable?: boolean; retryAfterMs?: number } = {},
  ) {
    super(code, message, { retryable: detail.retryable ?? false })
    this.type = detail.type ?? ''
    this.traceback = detail.traceback ?? ''
    this.retryAfterMs = detail.retryAfterMs ?? 0
  }
}

export class FragmentError extends RowcastError {
  readonly exitCode = 1

  constructor(code: FragmentCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(code, message, options)
  }
}

/** The folder `recording/` of a connector. Exit 1 when what the source gave cannot be kept, 2 when what is there cannot be used. */
export class RecordingError extends RowcastError {
  readonly exitCode: 1 | 2

  constructor(code: RecordingCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options)
    this.exitCode = code === 'recording.secret' || code === 'recording.nothing' ? 1 : 2
  }
}

export class RefreshError extends RowcastError {
  readonly exitCode = 1

  constructor(code: RefreshCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options)
  }
}

export class LeaseLost extends RowcastError {
  readonly exitCode = 1

  constructor(connector: string) {
    super(
      'lease.lost',
      `connector ${connector}: another orchestrator has taken it over; this refresh stops here and has written nothing since`,
    )
  }
}

export class LinkError extends RowcastError {
  readonly exitCode = 3

  constructor(code: LinkCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(code, message, options)
  }
}

/** The code of anything that was thrown; 'internal' for what Rowcast did not raise itself. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof RowcastError ? error.code : 'internal'
}

/** The message of anything that was thrown, cut to `limit` characters. */
export function messageOf(error: unknown, limit = 4096): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.length > limit ? `${text.slice(0, limit)}… (${text.length} characters)` : text
}

export function isRetryable(error: unknown): boolean {
  return error instanceof RowcastError && error.retryable
}
