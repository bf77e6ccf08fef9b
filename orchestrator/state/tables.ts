/**
 * The tables (reference: state.md section 1). Text, integer and blob only: times are milliseconds since 1970, flags 0 or 1,
 * ids made in the program. `test/orchestrator/state` compares this with what the migrations make.
 */
import type { Generated } from 'kysely'

export interface Database {
  connector: ConnectorTable
  lease: LeaseTable
  version: VersionTable
  schema: SchemaTable
  fragment: FragmentTable
  refresh: RefreshTable
  work: WorkTable
  reject: RejectTable
}

/** States and their moves: connectors.ts. */
export type ConnectorState = 'idle' | 'running' | 'error' | 'paused'

/**
 * new: listed, and only failed so far · live: its rows are in the stream · kept: vanished, its rows stay (`deleted: keep`)
 * · retracted: vanished, a tombstone is in the stream. From anywhere: commit → live, tombstone → retracted.
 */
export type FragmentState = 'new' | 'live' | 'kept' | 'retracted'

export type RefreshStatus = 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface ConnectorTable {
  name: string
  /** Effective version that was registered last. */
  version: string | null
  paused_at: number | null
  state: ConnectorState
  state_since: number
  error_code: string | null
  error_message: string | null
  /** Refreshes failed in a row. */
  failures: number
  not_before: number | null
  next_due_at: number | null
  last_success_at: number | null
  /** Which stream, and up to where it is recorded here; null: nothing known. */
  stream_created: string | null
  stream_seq: number | null
  /** Columns that were derived from the first fragment, as JSON; null: none were. */
  derived_columns: string | null
}

export interface LeaseTable {
  connector: string
  owner: string
  /** Only grows: the row is never deleted. */
  epoch: number
  /** 0: free. On SQLite the home lock says who lives, so a lease has no end of its own. */
  expires_at: number
}

export interface VersionTable {
  number: Generated<number>
  connector: string
  id: string
  definition: string
  code_hash: string
  lock_hash: string
  created_at: number
}

export interface SchemaTable {
  id: string
  connector: string
  body: string
  announced_seq: number | null
}

export interface FragmentTable {
  connector: string
  name: string
  /** Of the last committed version; null: never committed. May be empty. */
  fingerprint: string | null
  generation: number
  state: FragmentState
  /** Stream sequence of the newest marker recorded. */
  marker_seq: number
  tail_seq: number
  first_seq: number
  frames: number
  crc32: number
  rows: number
  rejected: number
  bytes: number
  schema: string | null
  /** Rowcast-Version of the marker. */
  version: string | null
  /** `version.number` it was read with; null: not known. */
  effective: number | null
  refresh: string | null
  committed_at: number | null
  reprocess: number
  failed_code: string | null
  failed_message: string | null
  failed_at: number | null
  failures: number
}

export interface RefreshTable {
  id: string
  connector: string
  trigger: string
  status: RefreshStatus
  phase: 'list' | 'read' | 'done'
  attempt: number
  requested_at: number
  started_at: number
  ended_at: number | null
  listed: number
  new: number
  changed: number
  unchanged: number
  vanished: number
  read: number
  committed: number
  failed: number
  retracted: number
  rows: number
  rejected: number
  bytes: number
  error_code: string | null
  error_message: string | null
  trace_id: string
  span_id: string | null
}

export interface WorkTable {
  refresh: string
  name: string
  kind: 'new' | 'changed' | 'retract'
  fingerprint: string
  item: string
  status: 'open' | 'done' | 'failed'
  attempts: number
  error_code: string | null
}

export interface RejectTable {
  connector: string
  fragment: string
  /** Of the attempt; shown once that attempt counts. */
  generation: number
  row_number: number
  line: number | null
  byte_offset: number | null
  column: string | null
  code: string
  message: string
  raw: Uint8Array
  truncated: number
  kept_at: number
}
