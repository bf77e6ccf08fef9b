/** rowcast status, rowcast fragments NAME: what the state knows, read beside whoever writes it. */
import { DefinitionError } from '../errors.ts'
import { type Output, plural, size, table } from './output.ts'
import type { FragmentState, Parts } from './parts.ts'

export async function statusCommand(parts: Parts, output: Output, name: string | undefined): Promise<number> {
  const queries = await parts.openQueries()
  try {
    const shown = await queries.status(name)
    if (name !== undefined && shown.length === 0) throw unknown(name, await queries.status(), parts.home)
    for (const {
      connector,
      state,
      since,
      lastSuccessAt,
      nextDueAt,
      lastError,
      fragments,
      rows,
      rejected,
      failed,
    } of shown) {
      const times = { since: iso(since), last_success_at: iso(lastSuccessAt), next_due_at: iso(nextDueAt) }
      output.line({
        type: 'connector',
        connector,
        state,
        fragments,
        rows,
        rejected,
        failed,
        ...times,
        ...(lastError ? { error: lastError } : {}),
      })
    }
    if (shown.length === 0) output.say(`no connector has been refreshed in ${parts.home} yet; try: rowcast refresh DIR`)
    else {
      const head = ['connector', 'state', 'fragments', 'rows', 'rejected', 'failed', 'last success', 'next']
      const cells = shown.map((c) => [
        c.connector,
        c.state,
        c.fragments,
        c.rows,
        c.rejected,
        c.failed,
        iso(c.lastSuccessAt) ?? 'never',
        iso(c.nextDueAt) ?? 'by hand',
      ])
      output.say(table(head, cells))
      for (const { connector, lastError } of shown)
        if (lastError) output.say(`  ${connector}: ${output.red(lastError.code)}: ${lastError.message}`)
    }
    return 0
  } finally {
    await queries.close()
  }
}

export interface FragmentsOptions {
  state: FragmentState | 'failed' | undefined
  after: string
  limit: number
}

export async function fragmentsCommand(
  parts: Parts,
  output: Output,
  name: string,
  { state, after, limit }: FragmentsOptions,
): Promise<number> {
  const queries = await parts.openQueries()
  try {
    const known = await queries.status()
    if (!known.some(({ connector }) => connector === name)) throw unknown(name, known, parts.home)
    const filter = state === 'failed' ? { failed: true } : state === undefined ? {} : { state }
    const fragments = await queries.fragments(name, { ...filter, after, limit })
    for (const {
      name: fragment,
      state,
      fingerprint,
      generation,
      rows,
      rejected,
      bytes,
      committed_at,
      failed_code,
      failed_message,
    } of fragments) {
      const error = failed_code === null ? {} : { error: { code: failed_code, message: failed_message } }
      output.line({
        type: 'fragment',
        name: fragment,
        state,
        fingerprint,
        generation,
        rows,
        rejected,
        bytes,
        committed_at: iso(committed_at),
        ...error,
      })
    }
    if (output.json) return 0
    if (fragments.length === 0) {
      output.say(`${name} has no such fragments`)
      return 0
    }
    const head = ['fragment', 'state', 'rows', 'rejected', 'read', 'generation', 'fingerprint', 'committed']
    output.say(
      table(
        head,
        fragments.map((f) => [
          f.name,
          f.failed_code ? `${f.state} (${f.failed_code})` : f.state,
          f.rows,
          f.rejected,
          size(f.bytes),
          f.generation,
          f.fingerprint ?? '',
          iso(f.committed_at) ?? '',
        ]),
      ),
    )
    if (fragments.length === limit)
      output.say(
        output.dim(`${plural(limit, 'fragment')} shown; more with --after ${JSON.stringify(fragments.at(-1)!.name)}`),
      )
    return 0
  } finally {
    await queries.close()
  }
}

function unknown(name: string, known: { connector: string }[], home: string): DefinitionError {
  const has = known.length > 0 ? `it has ${known.map(({ connector }) => connector).join(', ')}` : 'it has none yet'
  return new DefinitionError(`no connector ${name} in ${home}: ${has}`, undefined, 'config.usage')
}

function iso(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString()
}
