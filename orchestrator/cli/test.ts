/** rowcast test DIR: rows and rejects at once, with neither NATS nor a database. */
import { RowcastError } from '../errors.ts'
import type { Reject } from '../refresh/ports.ts'
import { type Stage, type TrialFragment, trial } from '../refresh/trial.ts'
import { count, type Output, plural, size } from './output.ts'
import type { Parts } from './parts.ts'
import { resolveConnector } from './resolve.ts'
import { author, toJson } from './watch.ts'

export interface TestOptions {
  fragment: string[]
  maxRows: number | undefined
  list: boolean
}

/** Rows shown of each fragment when a person looks. */
const SHOWN_ROWS = 3

export async function testCommand(parts: Parts, output: Output, target: string, options: TestOptions): Promise<number> {
  let exitCode = 0
  const fail = (stage: Stage, error: Error) => {
    output.line({ type: 'error', stage, ...toJson(error) })
    if (!output.json || stage === 'config') output.error(error)
    exitCode = stage === 'config' ? 2 : 1
  }
  let connector: ReturnType<typeof resolveConnector>
  try {
    connector = resolveConnector(parts, target)
  } catch (error) {
    fail('config', error as Error)
    output.line({ type: 'summary', fragments: 0, rows: 0, rejected: 0, failed: 0 })
    return exitCode
  }
  const { executor, parse, close } = await parts.openTrial()
  try {
    const hooks = {
      note: (_: string, message: string) => output.note(output.dim(`${connector.name}: ${message}`)),
      log: (line: Parameters<typeof author>[1]) => output.note(output.dim(author(connector.name, line))),
    }
    const request = { fragments: options.fragment, maxRows: options.maxRows, listOnly: options.list }
    let shown = 0
    for await (const event of trial(
      connector,
      { executor, parse, hooks },
      request,
      AbortSignal.any([parts.drain, parts.stop]),
    )) {
      switch (event.type) {
        case 'listed': {
          const { name, fingerprint, isPrefix, depth } = event.item
          output.line({
            type: 'listed',
            name,
            fingerprint: isPrefix && fingerprint === '' ? null : fingerprint,
            is_prefix: isPrefix,
            depth,
          })
          output.say(
            `${'  '.repeat(depth)}${name}${isPrefix ? output.dim('  (prefix)') : output.dim(`  ${fingerprint}`)}`,
          )
          break
        }
        case 'rows':
          for (const row of rowsOf(event.bytes)) {
            if (output.json) output.raw(`{"type":"row","fragment":${JSON.stringify(event.fragment)},"row":${row}}`)
            else if (shown++ < SHOWN_ROWS) output.say(`  ${row}`)
          }
          break
        case 'reject':
          tellReject(output, event.fragment, event.reject)
          break
        case 'fragment':
          shown = 0
          tellFragment(output, event)
          if (event.status === 'failed') exitCode ||= 1
          break
        case 'error':
          fail(event.stage, event.error)
          break
        case 'summary': {
          const { type, ...sum } = event
          output.line({ type, ...sum })
          if (!options.list)
            output.say(
              `${plural(sum.fragments, 'fragment')}, ${plural(sum.rows, 'row')}, ${count(sum.rejected)} rejected, ${count(sum.failed)} failed`,
            )
        }
      }
    }
    return exitCode
  } catch (error) {
    if (!(error instanceof RowcastError)) throw error
    output.error(error)
    return error.exitCode
  } finally {
    await close()
  }
}

function* rowsOf(bytes: Uint8Array): Generator<string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(10, at)
    yield text.toString('utf8', at, end)
    at = end + 1
  }
}

function tellReject(output: Output, fragment: string, reject: Reject): void {
  const { rowNumber, line, byteOffset, column, code, message } = reject
  const raw = new TextDecoder().decode(reject.raw)
  output.line({
    type: 'reject',
    fragment,
    row_number: rowNumber,
    line,
    byte_offset: byteOffset,
    column,
    code,
    message,
    raw,
  })
  output.say(
    `  ${output.red('reject')} ${line === null ? `row ${rowNumber}` : `line ${line}`}${column === null ? '' : `, column ${column}`}: ${code}: ${message}`,
  )
}

function tellFragment(output: Output, event: TrialFragment): void {
  const { name, fingerprint, bytes, rows, rejected, status, truncated, error, durationMs, totals } = event
  output.line({
    type: 'fragment',
    name,
    fingerprint,
    bytes,
    rows,
    rejected,
    status,
    ...(truncated ? { truncated } : {}),
    ...toJson(error),
  })
  if (output.json) return
  const mark = status === 'ok' ? output.green('✓') : output.red('✗')
  const blank = totals?.blank ? `, ${count(totals.blank)} blank or comment lines` : ''
  output.say(
    `${mark} ${output.bold(name)}: ${plural(rows, 'row')}, ${count(rejected)} rejected${blank}, ${size(bytes)}, ${(durationMs / 1000).toFixed(2)} s${truncated ? ', cut by --max-rows' : ''}`,
  )
  if (totals && totals.unknown.length > 0)
    output.say(output.dim(`  not used by any column: ${totals.unknown.slice(0, 10).join(', ')}`))
  if (error) output.error(error, '  ')
}
