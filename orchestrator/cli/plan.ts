/** rowcast plan DIR|NAME */
import { count, type Output } from './output.ts'
import type { Parts } from './parts.ts'
import { resolveConnector } from './resolve.ts'
import { toJson, watch } from './watch.ts'

export async function planCommand(parts: Parts, output: Output, target: string): Promise<number> {
  const connector = resolveConnector(parts, target)
  const planner = await parts.openPlanner()
  try {
    const { guard, live, olderVersion, ...diff } = await planner.plan(
      connector,
      watch(connector.name, output, parts.clock),
    )
    output.line({
      type: 'plan',
      connector: connector.name,
      ...diff,
      older_version: olderVersion,
      ...(guard ? { guard: toJson(guard).error } : {}),
    })
    output.say(
      `${output.bold(connector.name)}: a refresh would read ${count(diff.new)} new and ${count(diff.changed)} changed of ${count(diff.listed)} listed fragments; ${count(diff.unchanged)} are unchanged`,
    )
    if (diff.vanished > 0) {
      const fate = guard
        ? 'none would be retracted'
        : connector.refresh.deleted === 'keep'
          ? 'their rows would be kept'
          : 'their rows would be retracted'
      output.say(`  ${count(diff.vanished)} of ${count(live)} vanished: ${fate}`)
    }
    if (guard) output.say(`  ${output.red('guard')}: ${guard.message}`)
    if (olderVersion > 0)
      output.say(
        output.dim(
          `  ${count(olderVersion)} unchanged ones were read with an older version of this connector; they are not read again`,
        ),
      )
    return 0
  } finally {
    await planner.close()
  }
}
