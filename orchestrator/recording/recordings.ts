/** The two uses of recordings, for the commands. */
import { readBundle } from '../connector/bundle.ts'
import type { Connector } from '../connector/definition.ts'
import type { ExecutorPort } from '../refresh/ports.ts'
import type { RecordingInfo } from './layout.ts'
import { openRecording } from './read.ts'
import { type RecordDeps, type RecordEvent, type RecordRequest, record } from './record.ts'
import { replaying } from './replay.ts'

export interface Recordings {
  record(
    connector: Connector,
    request: RecordRequest,
    deps: Pick<RecordDeps, 'executor' | 'hooks'>,
    signal: AbortSignal,
  ): AsyncIterable<RecordEvent>
  /** An executor that gives what was recorded. `fragments`: those that will be read; empty: all of them. */
  replay(connector: Connector, executor: ExecutorPort, fragments: string[]): Replay
}

export interface Replay {
  executor: ExecutorPort
  info: RecordingInfo
  /** The connector's code has changed since, and it is what made the rows. */
  isOlder: boolean
}

export function createRecordings(wiring: Omit<RecordDeps, 'executor' | 'hooks'>): Recordings {
  return {
    record: (connector, request, deps, signal) => record(connector, { ...wiring, ...deps }, request, signal),
    replay(connector, executor, fragments) {
      const recording = openRecording(connector)
      const { info } = recording
      // Bytes are what the source gave; rows are what the code made of it.
      const isOlder = info.yields === 'rows' && info.versions.code !== readBundle(connector).sha256
      return { executor: replaying(recording, executor, fragments), info, isOlder }
    },
  }
}
