/** rowcast tail NAME: the rows as a subscriber gets them, whole fragments only. */
import type { Change } from '../consume/read.ts'
import { count, type Output, plural } from './output.ts'
import type { Parts } from './parts.ts'

export interface TailOptions {
  from: 'current' | 'new'
  untilIdle: number | undefined
}

export async function tailCommand(
  parts: Parts,
  output: Output,
  name: string,
  { from, untilIdle }: TailOptions,
): Promise<number> {
  const reader = await parts.openReader()
  const idle = new AbortController()
  const signal = AbortSignal.any([parts.drain, parts.stop, idle.signal])
  let timer: NodeJS.Timeout | undefined
  const restart = () => {
    if (untilIdle === undefined) return
    clearTimeout(timer)
    timer = setTimeout(() => idle.abort(), untilIdle)
  }
  try {
    output.note(output.dim(`${name}: tailing rows.${name}.> (Ctrl-C ends)`))
    restart()
    for await (const change of reader.changes(name, { from, signal })) {
      clearTimeout(timer) // writing a large fragment is no idleness
      await show(change, output)
      restart()
    }
    return 0
  } finally {
    clearTimeout(timer)
    await reader.close()
  }
}

async function show(change: Change, output: Output): Promise<void> {
  switch (change.type) {
    case 'commit': {
      const { fragment, generation, version, schema, refresh, fingerprint, rows } = change
      output.line({ type: 'fragment', fragment, generation, version, schema, refresh, fingerprint, rows })
      output.say(output.bold(`${fragment}`) + output.dim(`  generation ${generation}, ${plural(rows, 'row')}`))
      const head = `{"type":"row","fragment":${JSON.stringify(fragment)},"generation":${generation},"row":`
      for await (const frame of change.frames()) {
        const text = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
        for (let at = 0; at < text.length; ) {
          const end = text.indexOf(10, at)
          const row = text.toString('utf8', at, end)
          if (output.json) output.raw(`${head}${row}}`)
          else output.say(`  ${row}`)
          at = end + 1
        }
      }
      break
    }
    case 'retract':
      output.line({ type: 'retract', fragment: change.fragment, generation: change.generation })
      output.say(`${output.bold(change.fragment)}  ${output.red('retracted')}`)
      break
    case 'schema':
      output.line({ type: 'schema', id: change.id, schema: JSON.parse(change.body) })
      output.say(output.dim(`schema ${change.id}`))
      break
    case 'refresh':
      output.line({ type: 'refresh', ...(JSON.parse(change.body) as object) })
      output.say(output.dim('refresh done'))
      break
    case 'current':
      output.note(output.dim('that is everything that was current; waiting for changes'))
  }
}

/** Counts a stream's current fragments and rows, for the summary of `quickstart`. */
export async function survey(
  parts: Parts,
  name: string,
  sample: number,
): Promise<{ fragments: number; rows: number; rowsShown: string[]; text: string }> {
  const reader = await parts.openReader()
  const end = new AbortController()
  let fragments = 0
  let rows = 0
  const rowsShown: string[] = []
  try {
    for await (const change of reader.changes(name, {
      from: 'current',
      signal: AbortSignal.any([end.signal, parts.drain]),
    })) {
      if (change.type === 'current') break
      if (change.type !== 'commit') continue
      fragments++
      rows += change.rows
      if (rowsShown.length < sample) {
        for await (const frame of change.frames()) {
          rowsShown.push(`${change.fragment}  ${Buffer.from(frame).toString('utf8').split('\n', 1)[0]}`)
          break
        }
      }
    }
  } finally {
    end.abort()
    await reader.close()
  }
  return { fragments, rows, rowsShown, text: `${count(fragments)} fragments, ${count(rows)} rows` }
}
