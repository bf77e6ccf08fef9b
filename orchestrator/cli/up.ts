/** rowcast up [DIR…]: refreshes each connector by its schedule, until it is told to stop. */
import { join, resolve } from 'node:path'
import { DefinitionError, messageOf } from '../errors.ts'
import { runSchedule } from '../schedule.ts'
import { type Output, plural } from './output.ts'
import type { Parts } from './parts.ts'
import { tell } from './refresh.ts'
import { watch } from './watch.ts'

export async function upCommand(
  parts: Parts,
  output: Output,
  dirs: string[],
  options: { metrics?: string },
): Promise<number> {
  const folders = dirs.length > 0 ? dirs.map((dir) => resolve(parts.cwd, dir)) : [join(parts.cwd, 'connectors')]
  const connectors = parts.discover(folders)
  if (connectors.length === 0) {
    throw new DefinitionError(
      `no folder with a connector.yaml in ${folders.join(', ')}; make one with: rowcast init connectors/NAME`,
      undefined,
      'config.usage',
    )
  }
  const refresher = await parts.openRefresher()
  try {
    const metrics = options.metrics === undefined ? undefined : await refresher.serveMetrics(options.metrics)
    if (metrics !== undefined) output.line({ type: 'metrics', address: metrics })
    output.line({ type: 'up', connectors: connectors.map(({ name }) => name) })
    output.say(`${output.bold('rowcast is up')} with ${plural(connectors.length, 'connector')} (Ctrl-C ends)`)
    if (metrics !== undefined) output.say(`  metrics: http://${metrics}/metrics`)
    for (const { name, refresh } of connectors) {
      output.say(
        `  ${name}: ${refresh.schedule.kind === 'manual' ? 'by hand only (schedule: manual)' : `every ${refresh.schedule.ms / 1000} s`}`,
      )
      output.say(`    ${refresher.subscribeLine(name)}`)
    }
    const idle = new Promise<void>((done) => parts.drain.addEventListener('abort', () => done(), { once: true }))
    await runSchedule(
      connectors,
      {
        run: async (connector) => {
          try {
            const result = await refresher.refresh(
              connector,
              { trigger: 'schedule', allowDeleted: false },
              watch(connector.name, output, parts.clock),
            )
            tell(result, output)
            return result.status === 'succeeded'
          } catch (error) {
            output.error(error, `${connector.name}: `)
            return false
          }
        },
        due: (connector, at) => refresher.due(connector.name, at),
        skipped: (connector, missed) =>
          output.note(
            `${connector.name}: the refresh took longer than its interval; ${plural(missed, 'start')} skipped`,
          ),
      },
      parts.clock,
      parts.drain,
    )
    if (!parts.drain.aborted) await idle
    return 0
  } finally {
    await refresher.close().catch((error) => output.note(`while ending: ${messageOf(error)}`))
  }
}
