/** rowcast test DIR --watch: tests again whenever a file of the connector is saved, with one executor for all runs. */
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { Output } from './output.ts'
import type { FileChange, Parts } from './parts.ts'
import { resolveConnector } from './resolve.ts'
import { type TestOptions, testOnce } from './test.ts'

/** Files named when many have changed. */
const SHOWN = 5

/** Ends with 0 when it is told to stop. */
export async function watchCommand(
  parts: Parts,
  output: Output,
  target: string,
  options: TestOptions,
): Promise<number> {
  // The folder itself: its connector.yaml may be broken now, and right after the next save.
  const given = resolve(parts.cwd, target)
  const dir = existsSync(given) ? given : resolveConnector(parts, target).dir
  const shown = relative(parts.cwd, dir) || '.'
  const stop = parts.untilStopped()
  const trials = await parts.openTrial()
  const folder = parts.watchFolder(dir, { recording: options.replay ?? false })
  try {
    for (let changes: FileChange[] = []; !stop.aborted; ) {
      tellRun(output, parts.clock.now(), changes)
      const left = new AbortController()
      const run = testOnce(parts, trials, output, dir, options, AbortSignal.any([stop, left.signal])).then(
        () => true,
        (error) => {
          output.error(error)
          return true
        },
      )
      const next = folder.next(stop)
      if (await Promise.race([run, next.then(() => false)]))
        output.say(output.dim(`watching ${shown}: save a file to test again, Ctrl-C ends`))
      changes = await next
      left.abort()
      if (await isUnderWay(run)) output.line({ type: 'cancelled' })
      await run
    }
    return 0
  } finally {
    folder.close()
    await trials.close()
  }
}

function tellRun(output: Output, now: number, changes: FileChange[]): void {
  const at = new Date(now)
  output.line({ type: 'run', at: at.toISOString(), changes })
  if (changes.length === 0) return
  const named = changes.slice(0, SHOWN).map(({ path, kind }) => `${path} ${kind}`)
  const more = changes.length > SHOWN ? ` and ${changes.length - SHOWN} more` : ''
  output.say(`\n${output.bold(`── ${at.toTimeString().slice(0, 8)} ${named.join(', ')}${more}`)}`)
}

async function isUnderWay(run: Promise<unknown>): Promise<boolean> {
  const pending = Symbol()
  return (await Promise.race([run, Promise.resolve(pending)])) === pending
}
