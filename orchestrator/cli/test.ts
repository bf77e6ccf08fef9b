/** rowcast test DIR: rows and rejects at once, with neither NATS nor a database. */
import type { Connector } from '../connector/definition.ts'
import { RowcastError } from '../errors.ts'
import type { Replay } from '../recording/recordings.ts'
import { trial } from '../refresh/trial.ts'
import { type Output, plural } from './output.ts'
import type { Parts, Trials } from './parts.ts'
import { resolveConnector } from './resolve.ts'
import { TestView } from './test-view.ts'

export interface TestOptions {
  fragment: string[]
  maxRows?: number
  list?: boolean
  checks: boolean
  replay?: boolean
}

export async function testCommand(parts: Parts, output: Output, target: string, options: TestOptions): Promise<number> {
  const trials = await parts.openTrial()
  try {
    return await testOnce(parts, trials, output, target, options, AbortSignal.any([parts.drain, parts.stop]))
  } finally {
    await trials.close()
  }
}

/** One run; gives its exit code. Left by `signal` it ends in silence. */
export async function testOnce(
  parts: Parts,
  { executor, parse }: Trials,
  output: Output,
  target: string,
  options: TestOptions,
  signal: AbortSignal,
): Promise<number> {
  let connector: Connector
  let replay: Replay | undefined
  try {
    connector = resolveConnector(parts, target)
    if (options.replay) replay = parts.recordings.replay(connector, executor, options.fragment)
  } catch (error) {
    const view = new TestView(target, output, parts.clock, options)
    view.fail('config', error as Error)
    view.show({ type: 'summary', fragments: 0, rows: 0, rejected: 0, failed: 0 })
    view.end()
    return view.exitCode
  }
  const view = new TestView(connector.name, output, parts.clock, options)
  const hooks = {
    note: (_: string, message: string) => view.note(message),
    log: (line: Parameters<TestView['log']>[0]) => view.log(line),
  }
  const { fragment: fragments, maxRows, list: listOnly = false } = options
  if (replay) tellReplay(replay, view)
  try {
    const events = trial(
      connector,
      { executor: replay?.executor ?? executor, parse, clock: parts.clock, hooks },
      // What was recorded once has nothing to be compared with.
      { fragments, maxRows, listOnly, checks: options.checks && !replay },
      signal,
    )
    for await (const event of events) {
      if (signal.aborted) break
      view.show(event)
    }
    return view.exitCode
  } catch (error) {
    if (!(error instanceof RowcastError)) throw error
    if (!signal.aborted) output.error(error)
    return error.exitCode
  } finally {
    view.end()
  }
}

function tellReplay({ info, isOlder }: Replay, view: TestView): void {
  const { fragments, listed, recordedAt } = info
  view.note(`replaying ${fragments.length} of ${plural(listed, 'fragment')}, recorded at ${recordedAt}`)
  if (isOlder) view.note('the code has changed since; these are the rows that read_rows gave then')
}
