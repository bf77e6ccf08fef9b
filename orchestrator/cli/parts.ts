/** What the commands are handed: the wired parts, and nothing of how they are made. */
import type { Connector } from '../connector/definition.ts'
import type { Change, ChangesOptions } from '../consume/read.ts'
import type { Finding } from '../doctor/finding.ts'
import type { Recordings } from '../recording/recordings.ts'
import type { Clock } from '../refresh/clock.ts'
import type { Plan } from '../refresh/plan.ts'
import type { AuthorLog, ExecutorPort, ParsePort, Trigger } from '../refresh/ports.ts'
import type { RefreshResult } from '../refresh/refresh.ts'
import type { Report } from '../refresh/tally.ts'

export interface Parts {
  cwd: string
  home: string
  clock: Clock
  /** First Ctrl-C or SIGTERM: begin nothing new, end well. */
  drain: AbortSignal
  /** The second: stop. */
  stop: AbortSignal
  /** A signal is how the command is meant to end: aborts with the first one, and the exit code is the command's own. */
  untilStopped(): AbortSignal
  /** Watches the files of a connector's folder; with `recording`, also what was recorded. */
  watchFolder(
    dir: string,
    options: { recording: boolean },
  ): Closing & { next(signal: AbortSignal): Promise<FileChange[]> }
  load(dir: string): Connector
  discover(dirs: string[]): Connector[]
  connectorSchema(): object
  /** What `test` and `record` need. */
  openTrial(): Promise<Closable & Trials>
  /** What `record` stores, and `test --replay` reads. */
  recordings: Recordings
  /** The executor alone: what `lock` needs. */
  openLocker(): Promise<Closable & { lock(pip: string[]): Promise<string> }>
  /** Executor and state: what `plan` needs. */
  openPlanner(): Promise<Closable & { plan(connector: Connector, watch: Watch): Promise<Plan> }>
  /** Everything: what `refresh` and `up` need. */
  openRefresher(): Promise<Refresher>
  /** The state, read beside whoever writes it. */
  openQueries(): Promise<Closable & Queries>
  /** The stream, by the read-only user. */
  openReader(): Promise<Closable & Reader>
  /** Looks at each part; for `doctor`. */
  examine(): AsyncIterable<Finding>
  /** Forgets a connector's fragments, so that the next refresh takes them from the stream. */
  rebuild(connector: string): Promise<void>
}

export interface Trials {
  /** Started when it is first used, and kept. */
  executor: ExecutorPort
  parse: ParsePort
}

export interface FileChange {
  path: string
  kind: 'saved' | 'added' | 'removed'
}

export interface Closing {
  close(): void
}

export interface Closable {
  close(): Promise<void>
}

export interface Watch {
  report: Report
  log(line: AuthorLog): void
}

export interface Refresher extends Closable {
  refresh(
    connector: Connector,
    request: { trigger: Trigger; allowDeleted: boolean },
    watch: Watch,
  ): Promise<RefreshResult>
  /** The whole command line that shows a connector's rows to anybody with the nats CLI. */
  subscribeLine(connector: string): string
  /** When the connector is due by its schedule; written to the state for `status`. */
  due(connector: string, at: number | undefined): Promise<void>
  /** Serves `/metrics` on HOST:PORT, a port alone is this host only; gives the address it has. Ends with the refresher. */
  serveMetrics(listen: string): Promise<string>
}

/** The part of the state's answers that the commands show. */
export interface ConnectorStatus {
  name: string
  state: string
  since: number
  lastSuccessAt: number | null
  nextDueAt: number | null
  errorCode: string | null
  errorMessage: string | null
  fragments: number
  rows: number
  rejected: number
  failed: number
}

export interface FragmentStatus {
  name: string
  state: string
  fingerprint: string | null
  generation: number
  rows: number
  rejected: number
  bytes: number
  committedAt: number | null
  failedCode: string | null
  failedMessage: string | null
}

export interface Queries {
  status(): Promise<ConnectorStatus[]>
  /** `state` may also be `failed`: those whose last read failed. */
  fragments(
    connector: string,
    page: { state?: string | undefined; after: string; limit: number },
  ): Promise<FragmentStatus[]>
}

export interface Reader {
  changes(connector: string, options: ChangesOptions): AsyncIterable<Change>
  subscribeLine(connector: string): string
}
