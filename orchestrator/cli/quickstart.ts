/** npm run quickstart: a real connector's rows on NATS, twice, so that one sees that nothing is read twice. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Output } from './output.ts'
import type { Parts } from './parts.ts'
import { exitCodeOf, tell } from './refresh.ts'
import { survey } from './tail.ts'
import { watch } from './watch.ts'

const EXAMPLES = fileURLToPath(new URL('../../executor/examples/', import.meta.url))
const SHOWN = 3

export async function quickstartCommand(parts: Parts, output: Output): Promise<number> {
  const connector = parts.load(join(EXAMPLES, 'airports'))
  output.say(
    `${output.bold('1. Refresh')}  the connector in executor/examples/airports reads a pip package, one fragment per country`,
  )
  const refresher = await parts.openRefresher()
  try {
    for (const title of [
      undefined,
      `${output.bold('3. Refresh again')}  the fingerprints are the same, so nothing is read`,
    ]) {
      if (title) output.say(`\n${title}`)
      const result = await refresher.refresh(
        connector,
        { trigger: 'cli', allowDeleted: false },
        watch(connector.name, output, parts.clock),
      )
      tell(result, output)
      if (result.status !== 'succeeded') return exitCodeOf(result)
      if (title) continue
      const seen = await survey(parts, connector.name, SHOWN)
      output.say(
        `\n${output.bold('2. Subscribe')}  what a subscriber of rows.${connector.name}.> has now: ${seen.text}`,
      )
      for (const row of seen.rowsShown) output.say(`  ${row.length > 160 ? `${row.slice(0, 160)}…` : row}`)
      output.line({ type: 'survey', fragments: seen.fragments, rows: seen.rows })
    }
    output.say(`
${output.bold('Try next')}
  npx rowcast tail airports                 all rows that are current, then every change
  npx rowcast fragments airports            what was read, when, with which fingerprint
  npx rowcast init connectors/mine          a connector of your own
  npx rowcast up executor/examples/airports keep it fresh; while it runs, anybody may subscribe:
  ${refresher.subscribeLine(connector.name)}`)
    return 0
  } finally {
    await refresher.close()
  }
}
