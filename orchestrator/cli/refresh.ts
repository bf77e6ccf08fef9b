/** rowcast refresh DIR|NAME */
import { RowcastError } from '../errors.ts'
import type { RefreshResult } from '../refresh/refresh.ts'
import { count, type Output, plural, size } from './output.ts'
import type { Parts } from './parts.ts'
import { resolveConnector } from './resolve.ts'
import { toJson, watch } from './watch.ts'

export async function refreshCommand(
  parts: Parts,
  output: Output,
  target: string,
  options: { allowDeleted?: boolean },
): Promise<number> {
  const connector = resolveConnector(parts, target)
  const refresher = await parts.openRefresher()
  try {
    const result = await refresher.refresh(
      connector,
      { trigger: 'cli', allowDeleted: options.allowDeleted ?? false },
      watch(connector.name, output, parts.clock),
    )
    tell(result, output)
    if (!output.quiet && result.fragments.committed + result.fragments.unchanged > 0) {
      output.say(`  see the rows:  rowcast tail ${connector.name}`)
      output.say(`  subscribe:     ${refresher.subscribeLine(connector.name)}`)
    }
    return exitCodeOf(result)
  } finally {
    await refresher.close()
  }
}

/** The summary: the stable last line with --json, a sentence otherwise. */
export function tell(result: RefreshResult, output: Output): void {
  const { connector, id, status, fragments, rows, rejected, bytes, seconds, traceId, error, unknown } = result
  output.line({
    type: 'refresh',
    connector,
    id,
    status,
    fragments,
    rows,
    rejected,
    bytes,
    seconds: Math.round(seconds * 1000) / 1000,
    trace_id: traceId,
    ...toJson(error),
  })
  if (error) output.error(error, `${connector}: `)
  const nothing = fragments.new + fragments.changed + fragments.vanished === 0
  const what =
    nothing && status === 'succeeded'
      ? `nothing to read: ${plural(fragments.unchanged, 'fragment')} unchanged`
      : `${plural(fragments.committed, 'fragment')} committed (${count(fragments.new)} new, ${count(fragments.changed)} changed), ` +
        `${count(fragments.unchanged)} unchanged, ${count(fragments.retracted)} retracted, ${count(fragments.failed)} failed; ` +
        `${plural(rows, 'row')}, ${count(rejected)} rejected, ${size(bytes)} read`
  const mark = status === 'succeeded' ? output.green('✓') : output.red('✗')
  output.say(`${mark} ${output.bold(connector)} ${status} in ${seconds.toFixed(1)} s: ${what}`)
  for (const [name, times] of [...unknown].slice(0, 10))
    output.say(
      output.dim(`  the source has ${JSON.stringify(name)}, which no column uses (in ${plural(times, 'fragment')})`),
    )
}

/** 1: the connector or its data failed; 3: a part could not be reached; 130 or 143 are set by main when a signal came. */
export function exitCodeOf({ status, error }: RefreshResult): number {
  if (status === 'succeeded') return 0
  return error instanceof RowcastError ? error.exitCode : 1
}
