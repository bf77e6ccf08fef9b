/** rowcast record DIR: keeps a listing and the bytes of a few fragments beside the code, for `test --replay`. */
import { relative } from 'node:path'
import { RowcastError } from '../errors.ts'
import type { RecordRequest } from '../recording/record.ts'
import type { AuthorLog } from '../refresh/ports.ts'
import { count, type Output, plural, size } from './output.ts'
import type { Parts } from './parts.ts'
import { resolveConnector } from './resolve.ts'
import { ticker } from './ticker.ts'
import { author, toJson } from './watch.ts'

interface Flags extends Omit<RecordRequest, 'fragments' | 'allowSecrets'> {
  fragment: string[]
  allowSecrets?: boolean
}

export async function recordCommand(parts: Parts, output: Output, target: string, flags: Flags): Promise<number> {
  const { fragment: fragments, allowSecrets = false, maxFragments, maxBytes } = flags
  const request = { fragments, allowSecrets, maxFragments, maxBytes }
  const connector = resolveConnector(parts, target)
  const { name, dir } = connector
  const signal = AbortSignal.any([parts.drain, parts.stop])
  const trials = await parts.openTrial()
  let phase = 'preparing'
  let atWork = ''
  const shown = ticker(output, parts.clock, (seconds) => `${name}: ${phase}, ${Math.round(seconds)} s`)
  const hooks = {
    note: (_: string, message: string) => output.note(output.dim(`${name}: ${message}`)),
    log: (line: AuthorLog) => output.note(output.dim(author(name, line))),
  }
  try {
    const { executor } = trials
    for await (const event of parts.recordings.record(connector, request, { executor, hooks }, signal)) {
      switch (event.type) {
        case 'listing':
          phase = `listing, ${plural(event.fragments, 'fragment')} so far`
          break
        case 'reading':
          atWork = event.name
          phase = `reading ${event.name} (${event.at} of ${event.of})`
          break
        case 'stored': {
          const { name: fragment, file, bytes, sha256 } = event.fragment
          output.line({ type: 'stored', fragment, file: `recording/${file}`, bytes, sha256 })
          output.say(`${output.green('✓')} ${output.bold(fragment)}: ${size(bytes)}`)
          break
        }
        case 'left_out':
          output.line({ type: 'left_out', fragment: event.name, message: event.why })
          output.say(`${output.yellow('!')} ${output.bold(event.name)}: not stored: ${event.why}`)
          break
        case 'recorded': {
          const { listed, fragments: stored, bytes, leftOut } = event
          const sums = { listed, fragments: stored, left_out: leftOut, bytes }
          output.line({ type: 'recording', connector: name, status: 'succeeded', ...sums })
          const where = `${relative(parts.cwd, dir) || '.'}/recording`
          output.say(`${count(stored)} of ${plural(listed, 'fragment')} recorded in ${where}, ${size(bytes)}`)
          output.say(output.dim(`  without the source:  rowcast test ${target} --replay`))
        }
      }
    }
    return 0
  } catch (error) {
    if (!(error instanceof RowcastError) || signal.aborted) throw error
    const isFragment = /^(read|fragment)\./.test(error.code)
    const where = isFragment ? { fragment: atWork } : {}
    output.line({ type: 'recording', connector: name, status: 'failed', ...where, ...toJson(error) })
    output.error(error, isFragment ? `fragment ${JSON.stringify(atWork)}: ` : '')
    output.note(`${name}: nothing was written; a recording made before is as it was`)
    return error.exitCode
  } finally {
    shown.stop()
    await trials.close()
  }
}
