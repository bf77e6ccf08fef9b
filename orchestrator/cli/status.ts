/** rowcast status, rowcast fragments NAME: what the state knows, read beside whoever writes it. */
import { DefinitionError } from '../errors.ts'
import { type Output, plural, size, table } from './output.ts'
import type { Parts } from './parts.ts'

export async function statusCommand(parts: Parts, output: Output, only: string | undefined): Promise<number> {
  const queries = await parts.openQueries()
  try {
    const all = await queries.status()
    const shown = only === undefined ? all : all.filter(({ name }) => name === only)
    if (only !== undefined && shown.length === 0) throw unknown(only, all, parts.home)
    for (const {
      name,
      state,
      since,
      lastSuccessAt,
      nextDueAt,
      fragments,
      rows,
      rejected,
      failed,
      errorCode,
      errorMessage,
    } of shown) {
      const times = { since: iso(since), last_success_at: iso(lastSuccessAt), next_due_at: iso(nextDueAt) }
      const error = errorCode === null ? {} : { error: { code: errorCode, message: errorMessage } }
      output.line({ type: 'connector', connector: name, state, fragments, rows, rejected, failed, ...times, ...error })
    }
    if (shown.length === 0) output.say(`no connector has been refreshed in ${parts.home} yet; try: rowcast refresh DIR`)
    else {
      const head = ['connector', 'state', 'fragments', 'rows', 'rejected', 'failed', 'last success', 'next']
      const cells = shown.map((c) => [
        c.name,
        c.state,
        c.fragments,
        c.rows,
        c.rejected,
        c.failed,
        iso(c.lastSuccessAt) ?? 'never',
        iso(c.nextDueAt) ?? 'by hand',
      ])
      output.say(table(head, cells))
      for (const { name, errorCode, errorMessage } of shown)
        if (errorCode !== null) output.say(`  ${name}: ${output.red(errorCode)}: ${errorMessage}`)
    }
    return 0
  } finally {
    await queries.close()
  }
}

export interface FragmentsOptions {
  state: string | undefined
  after: string
  limit: number
}

export async function fragmentsCommand(
  parts: Parts,
  output: Output,
  connector: string,
  page: FragmentsOptions,
): Promise<number> {
  const queries = await parts.openQueries()
  try {
    const known = await queries.status()
    if (!known.some(({ name }) => name === connector)) throw unknown(connector, known, parts.home)
    const fragments = await queries.fragments(connector, page)
    for (const {
      name,
      state,
      fingerprint,
      generation,
      rows,
      rejected,
      bytes,
      committedAt,
      failedCode,
      failedMessage,
    } of fragments) {
      const error = failedCode === null ? {} : { error: { code: failedCode, message: failedMessage } }
      output.line({
        type: 'fragment',
        name,
        state,
        fingerprint,
        generation,
        rows,
        rejected,
        bytes,
        committed_at: iso(committedAt),
        ...error,
      })
    }
    if (output.json) return 0
    if (fragments.length === 0) {
      output.say(`${connector} has no such fragments`)
      return 0
    }
    const head = ['fragment', 'state', 'rows', 'rejected', 'read', 'generation', 'fingerprint', 'committed']
    const cells = fragments.map((f) => [
      f.name,
      f.failedCode ? `${f.state} (${f.failedCode})` : f.state,
      f.rows,
      f.rejected,
      size(f.bytes),
      f.generation,
      f.fingerprint ?? '',
      iso(f.committedAt) ?? '',
    ])
    output.say(table(head, cells))
    if (fragments.length === page.limit)
      output.say(
        output.dim(
          `${plural(page.limit, 'fragment')} shown; more with --after ${JSON.stringify(fragments.at(-1)!.name)}`,
        ),
      )
    return 0
  } finally {
    await queries.close()
  }
}

function unknown(name: string, known: { name: string }[], home: string): DefinitionError {
  const has = known.length > 0 ? `it has ${known.map((connector) => connector.name).join(', ')}` : 'it has none yet'
  return new DefinitionError(`no connector ${name} in ${home}: ${has}`, undefined, 'config.usage')
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
