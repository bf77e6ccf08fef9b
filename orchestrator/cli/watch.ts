/** Shows a refresh while it runs. */
import { messageOf } from '../errors.ts'
import type { Clock } from '../refresh/clock.ts'
import type { AuthorLog } from '../refresh/ports.ts'
import type { Report, Tally } from '../refresh/tally.ts'
import { count, type Output, plural, size } from './output.ts'
import type { Watch } from './parts.ts'

const SHOWN_FAILURES = 10

export function watch(name: string, output: Output, clock: Clock): Watch {
  let failures = 0
  let started = clock.now()
  const report: Report = {
    phase(phase, detail) {
      started = clock.now()
      if (phase === 'environment' || phase === 'diff') output.note(output.dim(`${name}: ${detail}`))
    },
    progress(tally, total) {
      output.progress(
        () =>
          total === 0
            ? `${name}: listing, ${plural(tally.listed, 'fragment')} so far`
            : bar(name, tally, total, (clock.now() - started) / 1000),
        clock.now(),
      )
    },
    warn: (message) => output.note(`${name}: ${message}`),
    fragmentFailed(fragment, error) {
      failures++
      if (failures <= SHOWN_FAILURES) output.error(error, `${name}: fragment ${JSON.stringify(fragment)}: `)
      else if (failures === SHOWN_FAILURES + 1)
        output.note(`${name}: more fragments fail; see them with: rowcast fragments ${name} --state failed`)
    },
  }
  return { report, log: (line) => output.note(output.dim(author(name, line))) }
}

/** What the author's code printed, beside the fragment it belongs to. */
export function author(name: string, { fragment, text, dropped }: AuthorLog): string {
  const lost = dropped > 0 ? ` (${dropped} lines lost before)` : ''
  return `${name}${fragment ? ` ${fragment}` : ''} | ${text}${lost}`
}

function bar(name: string, tally: Tally, total: number, seconds: number): string {
  const done = tally.committed + tally.failed
  const filled = Math.round((done / total) * 20)
  const rate = seconds > 0 ? tally.rows / seconds : 0
  const left = done > 0 ? Math.round((seconds / done) * (total - done)) : undefined
  return (
    `${name} [${'='.repeat(filled)}${' '.repeat(20 - filled)}] ${count(done)}/${count(total)} fragments  ` +
    `${count(tally.rows)} rows  ${size(tally.bytes)}  ${count(Math.round(rate))} rows/s${left === undefined ? '' : `  ${left} s left`}`
  )
}

/** An error as JSON lines carry it. */
export function toJson(error: Error | undefined): { error?: object } {
  if (!error) return {}
  const { code = 'internal', traceback, type } = error as { code?: string; traceback?: string; type?: string }
  return { error: { code, message: messageOf(error), ...(type ? { type } : {}), ...(traceback ? { traceback } : {}) } }
}
