/**
 * The small interfaces that the flow of a refresh needs. `state`, `parse`, `publish` and `executor` implement them and do
 * not know one another; main puts them together.
 */
import type { Column, Connector } from '../connector/definition.ts'
import type { Overlay } from '../connector/overlay.ts'
import type { FragmentError, RowcastError } from '../errors.ts'

// ---------------------------------------------------------------- executor: list and read

export interface ExecutorPort {
  /** Makes the environment, loads the code once, opens a session; of an overlay's connector with what it lays on top. */
  open(
    connector: Connector,
    hooks: SessionHooks,
    signal: AbortSignal,
    overlay?: Pick<Overlay, 'files' | 'credentials'>,
  ): Promise<Session>
}

export interface SessionHooks {
  note(stage: string, message: string): void
  /** What the author's code printed; `dropped` lines were lost before this one. */
  log(line: AuthorLog): void
}

export interface AuthorLog {
  timeUs: number
  stream: 'stdout' | 'stderr'
  text: string
  fragment: string
  dropped: number
}

export interface Session {
  /** Hash of what was locked, for the effective version; '' without packages. */
  readonly lockHash: string
  /** SHA-256 of the code. */
  readonly bundleHash: string
  /** Address of the executor that has it; a recording has none. */
  readonly executor?: string
  /** That executor is about to end: what is under way may finish, the next calls belong to another session. */
  readonly draining?: boolean
  /** Pages of fragments. Ends normally only when the listing is complete (promise 4); throws otherwise. */
  list(options: { prefixes: boolean }, signal: AbortSignal): AsyncIterable<ListedItem[]>
  /**
   * Reads 1…500 fragments in order; with `fresh`, for what is tried again, in a new process. Throws LinkError when the
   * call is lost: those without an `end` count as not read.
   */
  read(items: ReadItem[], signal: AbortSignal, fresh?: boolean): AsyncIterable<ReadPiece[]>
  /** Resolves when every line printed until now has been handed to `log` of the hooks. */
  settle(): Promise<void>
  close(): Promise<void>
}

export interface ListedItem {
  name: string
  fingerprint: string
  /** The whole item as JSON text when it has keys of its own, else ''. Never parsed: numbers would be rounded. */
  extra: string
  isPrefix: boolean
  depth: number
}

export interface ReadItem {
  name: string
  fingerprint: string
  extra: string
  traceparent: string
}

export interface ReadPiece {
  /** Index in the call. */
  fragment: number
  /** The next bytes; may be empty. A view into the message's buffer: all pieces of one array share it. */
  data: Uint8Array
  /** Set on the last piece of a fragment. Byte counts have been compared with the executor's. */
  end: ReadEnd | undefined
}

export interface ReadEnd {
  bytes: number
  startUs: number
  durationUs: number
  /** Set: nothing of this fragment counts. */
  error: RowcastError | undefined
}

// ---------------------------------------------------------------- parse: bytes to rows

export interface ParsePort {
  /** One job for one call of read. Fragments arrive in order, one after the other. */
  open(connector: Connector, options: ParseOptions): ParseJob
}

export interface ParseOptions {
  /** Longest row in bytes that may be published; a longer one is the reject `row.too_long`. */
  maxRowBytes: number
  /** NDJSON bytes of a frame, about. */
  frameBytes: number
  /** Stop a fragment after so many published rows; undefined: never. */
  maxRows?: number
}

export interface ParseJob {
  /** Takes over the pieces of one message, their buffer included. Resolves when the next may be pushed. */
  push(pieces: ParseInput[]): Promise<void>
  /** Nothing more will be pushed. `output` ends after what is under way. */
  end(): void
  /** Frames in the order of the input. Reading on is what gives credit to `push` (promise 5). */
  readonly output: AsyncIterable<ParsedFrame[]>
  /** Forgets everything; `output` ends. Safe at any time. */
  abort(): void
}

export interface ParseInput {
  fragment: number
  data: Uint8Array
  /** 'end' after the fragment's last bytes, 'drop' when they must be forgotten. A dropped fragment gives no more output. */
  end: 'end' | 'drop' | undefined
}

export interface ParsedFrame {
  fragment: number
  /** Whole NDJSON rows. Empty on a fragment's last frame, or when it brings rejects alone. */
  bytes: Uint8Array
  rows: number
  /** Rejects met while this frame was made. */
  rejects: Reject[]
  /** Before the first row of a fragment that brings its own columns, when the connector has none yet. */
  derived: Column[] | undefined
  /** On the last frame of a fragment that is good. */
  totals: Totals | undefined
  /** In place of `totals`: the fragment is bad and nothing of it counts. */
  error: FragmentError | undefined
}

/** read = published + rejected (promise 6). */
export interface Totals {
  read: number
  published: number
  rejected: number
  blank: number
  /** How often each column took its default, by column index. */
  defaulted: number[]
  /** Header texts or keys that no column uses, at most 100. */
  unknown: string[]
  /** CRC-32 of the fragment's NDJSON. */
  crc32: number
  /** True when `maxRows` cut it. */
  truncated: boolean
}

export interface Reject {
  /** From 1; header, blank and comment lines do not count. */
  rowNumber: number
  /** Physical line, from 1; null where there are none (Avro, Parquet). */
  line: number | null
  /** Of the record's first byte, from 0, decompressed; of its block in Avro; null in Parquet. */
  byteOffset: number | null
  /** null when the row itself is bad. */
  column: string | null
  code: string
  message: string
  /** The record's bytes, at most 16 KiB. */
  raw: Uint8Array
  truncated: boolean
}

// ---------------------------------------------------------------- publish: rows to the stream

export interface PublishPort {
  /** Opens the connector's stream under this lease (delivery.md section 6): fences older holders, checks that it is the known one. */
  open(connector: Connector, options: PublishOptions, hooks: PublishHooks): Promise<ConnectorStream>
}

export interface PublishOptions {
  owner: string
  epoch: number
  refresh: string
  /** W3C trace id of the refresh: 32 hex digits. */
  traceId: string
  /** What the state last saw of this stream; undefined when it has never seen it. */
  known: StreamPosition | undefined
}

export interface StreamPosition {
  /** The stream's creation time as the server gives it. */
  created: string
  sequence: number
}

export interface PublishHooks {
  /** The lease message's epoch is above ours: asks the state for a higher one, or LeaseLost. */
  raiseEpoch(above: number): Promise<number>
  /** Confirms once more, after fencing, that the state still grants us the lease; else throws LeaseLost. */
  confirm(): Promise<void>
  /** Promise 1: called only after the stream has stored these. The publisher waits for it before it reports them done. */
  stored(receipts: Receipt[]): Promise<void>
}

export interface ConnectorStream {
  readonly position: StreamPosition
  /** Most NDJSON bytes one frame may hold. */
  readonly maxRowBytes: number
  /** Markers stored after `sequence`, oldest first; frames behind the last marker of a subject are deleted on the way. */
  catchUp(sequence: number): AsyncIterable<Receipt[]>
  /** Announces the schema once, before the first frame that names it. */
  announce(schema: SchemaAnnouncement): Promise<void>
  /** Starts one attempt to publish one version of one fragment. */
  begin(fragment: FragmentToPublish): Promise<FragmentWriter>
  /** Tombstones, in batches; reported through `hooks.stored`. Waits when too much is under way. */
  retract(fragments: FragmentToRetract[]): Promise<void>
  /** Resolves when everything begun has been stored and reported; throws what stopped it. */
  flush(): Promise<void>
  /** Stores the summary of the refresh; returns where the stream now ends. */
  finish(summary: object): Promise<StreamPosition>
  /** Leaves; with `abort` what is under way is given up and its tails are deleted as far as the server can be reached. */
  close(options?: { abort: boolean }): Promise<void>
}

export interface SchemaAnnouncement {
  id: string
  /** JSON text. */
  body: string
}

export interface FragmentToPublish {
  name: string
  fingerprint: string
  /** Rowcast-Version: 16 hex digits. */
  version: string
  schema: string
  /** Last committed generation known, 0 if none. */
  generation: number
  /** Sequence of the last message of any kind on the fragment's subject, 0 if none. */
  tailSequence: number
  /** True when the predecessor has rejects in the stream, so that they must be replaced. */
  hadRejects: boolean
}

export interface FragmentWriter {
  /** This attempt's generation. */
  readonly generation: number
  /** Waits while two parts of this fragment are in memory. The bytes belong to the writer from here on. */
  write(frame: { bytes: Uint8Array; rows: number }): Promise<void>
  /** Hands over the end. Resolves when there is room for more, not when it is stored: that is `hooks.stored`. */
  finish(end: FragmentEnd): Promise<void>
  /** Gives up: deletes what was stored of this attempt. */
  abort(): Promise<void>
}

export interface FragmentEnd {
  /** Bytes as the connector yielded them. */
  bytes: number
  rows: number
  rejected: number
  crc32: number
  /** Those that go into the stream; `rejected` counts all. */
  rejects: Reject[]
}

export interface FragmentToRetract {
  name: string
  generation: number
  tailSequence: number
  hadRejects: boolean
}

/** What the stream holds as a fragment's newest marker. */
export interface Receipt {
  kind: 'commit' | 'retract'
  name: string
  fingerprint: string
  version: string
  schema: string
  generation: number
  /** Stream sequence of the marker, which is also the last message on the subject. */
  sequence: number
  /** Stream sequence of the attempt's frame 0; the marker's own for a tombstone. */
  firstSequence: number
  frames: number
  rows: number
  rejected: number
  bytes: number
  crc32: number
  refresh: string
}

// ---------------------------------------------------------------- state: what was read, what is to do

export interface StatePort {
  /** Claims the connector and opens a refresh. RefreshError `refresh.live` when another live process has it. */
  begin(connector: string, trigger: Trigger, traceId: string): Promise<Claim>
  position(connector: string): Promise<StreamPosition | undefined>
  /** Remembers which stream is this connector's, before anything was recorded from it. */
  adoptStream(claim: Claim, created: string): Promise<void>
  /** Makes the lease's epoch greater than `above`. */
  raiseEpoch(claim: Claim, above: number): Promise<Claim>
  /** LeaseLost unless the claim still holds. */
  confirm(claim: Claim): Promise<void>
  /** Records markers found in the stream that are newer than what is known. */
  recover(claim: Claim, markers: Receipt[]): Promise<void>
  /** Opens an empty staging area for one listing. */
  stage(connector: string): Promise<Staging>
  /** The next open work in name order after `after` (''), at most `limit`. */
  work(claim: Claim, kind: 'read' | 'retract', after: string, limit: number): Promise<Work[]>
  /** Promise 1: called after the stream has stored them. One transaction. */
  commit(claim: Claim, receipts: Receipt[]): Promise<void>
  /** Keeps the rejects of an attempt, before it is published; they show once it counts. */
  keepRejects(claim: Claim, fragment: string, generation: number, rejects: Reject[]): Promise<void>
  /** A fragment failed for good in this refresh; its last good rows stay. */
  fail(claim: Claim, fragment: string, error: { code: string; message: string }): Promise<void>
  /** Columns that were derived from the first fragment; undefined: none were yet. */
  derivedColumns(connector: string): Promise<Column[] | undefined>
  /** Keeps them: later fragments must have the same. */
  pinColumns(claim: Claim, columns: Column[]): Promise<void>
  /** Registers what fragments are read with. */
  registerVersion(claim: Claim, version: VersionRecord): Promise<void>
  /** Ends the refresh; sets the connector's state; frees the lease. */
  finish(claim: Claim, outcome: RefreshOutcome): Promise<void>
}

export type Trigger = 'cli' | 'schedule' | 'start'

export interface Claim {
  connector: string
  refresh: string
  epoch: number
  startedAt: number
}

export interface VersionRecord {
  /** Effective version: hash of code, lock, parser and schema. */
  id: string
  definition: string
  codeHash: string
  lockHash: string
  schemaId: string
  schemaBody: string
}

export interface Staging {
  append(items: ListedItem[]): Promise<void>
  /** Compares with the live and kept fragments; `version` is the effective version now. Throws AuthorError `list.duplicate_name`. */
  diff(version: string): Promise<Diff>
  /** Like `diff`, and makes the differences this claim's work. Vanished ones only when `vanished` says so. */
  schedule(claim: Claim, vanished: 'retract' | 'keep' | 'leave'): Promise<void>
  /** Always called. */
  drop(): Promise<void>
}

export interface Diff {
  listed: number
  new: number
  changed: number
  unchanged: number
  vanished: number
  /** Live fragments before, for the guard on mass deletion. */
  live: number
  /** Unchanged ones that were read with another effective version than the one given. */
  olderVersion: number
}

export interface Work {
  name: string
  kind: 'new' | 'changed' | 'retract'
  fingerprint: string
  extra: string
  generation: number
  tailSequence: number
  hadRejects: boolean
  /** Bytes at the last commit, 0 if unknown. */
  bytes: number
}

export interface Counts {
  listed: number
  new: number
  changed: number
  unchanged: number
  vanished: number
  read: number
  committed: number
  failed: number
  retracted: number
}

export interface RefreshOutcome {
  status: 'succeeded' | 'failed' | 'cancelled'
  counts: Counts
  rows: number
  rejected: number
  bytes: number
  error: { code: string; message: string } | undefined
  /** Where the stream ends; undefined leaves the known position (delivery.md: it moves only when a refresh ends well). */
  position: StreamPosition | undefined
}

// ---------------------------------------------------------------- versions

/** What fragments are read with, as hashes (connector-contract.md section 3). Implemented by connector/version.ts. */
export interface Versions {
  effective(connector: Connector, code: { bundleHash: string; lockHash: string }): VersionRecord
  /** Rowcast-Version: 16 hex digits of the SHA-256 of fingerprint and effective version. */
  fragment(fingerprint: string, effective: string): string
}
