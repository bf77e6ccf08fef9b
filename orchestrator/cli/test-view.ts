/** Shows what `test` finds: lines for machines, or rows, prints and rejects beside their fragment for a person. */
import { formatType } from '../connector/types.ts'
import type { Clock } from '../refresh/clock.ts'
import type { AuthorLog, Reject } from '../refresh/ports.ts'
import type { Stage, TrialEvent } from '../refresh/trial.ts'
import type { TrialFragment } from '../refresh/trial-read.ts'
import { count, indent, type Output, plural, size, table } from './output.ts'
import { Printed } from './printed.ts'
import { Slowest } from './slowest.ts'
import { ticker } from './ticker.ts'
import { author, toJson } from './watch.ts'

/** Rows shown of each fragment when a person looks. */
const SHOWN_ROWS = 3

export class TestView {
  exitCode = 0
  readonly #name: string
  readonly #output: Output
  readonly #isList: boolean
  readonly #printed = new Printed()
  readonly #slowest = new Slowest()
  readonly #ticker: { stop(): void }
  #shownRows = 0
  #phase = 'preparing'
  #done = { fragments: 0, of: 0, rows: 0, bytes: 0 }

  constructor(name: string, output: Output, clock: Clock, options: { list?: boolean }) {
    this.#name = name
    this.#output = output
    this.#isList = options.list ?? false
    this.#ticker = ticker(output, clock, (seconds) => this.#progress(seconds))
  }

  /** What the environment is made of, while it is made. */
  note(message: string): void {
    this.#output.note(this.#output.dim(`${this.#name}: ${message}`))
  }

  /** A printed line: at once for machines, beside its fragment for a person. */
  log(line: AuthorLog): void {
    if (!this.#output.json) {
      this.#printed.add(line)
      return
    }
    const { fragment, stream, text, dropped } = line
    this.#output.line({ type: 'log', fragment, stream, text, ...(dropped > 0 ? { dropped } : {}) })
    this.#output.note(this.#output.dim(author(this.#name, line)))
  }

  fail(stage: Stage, error: Error): void {
    this.#output.line({ type: 'error', stage, ...toJson(error) })
    if (!this.#output.json || stage === 'config') this.#output.error(error)
    this.exitCode = stage === 'config' ? 2 : 1
  }

  show(event: TrialEvent): void {
    const output = this.#output
    switch (event.type) {
      case 'listing':
        this.#phase = `listing, ${plural(event.fragments, 'fragment')} so far`
        break
      case 'listed': {
        const { name, fingerprint, isPrefix, depth } = event.item
        const shown = isPrefix && fingerprint === '' ? null : fingerprint
        output.line({ type: 'listed', name, fingerprint: shown, is_prefix: isPrefix, depth })
        const what = isPrefix ? '(prefix)' : fingerprint
        output.say(`${'  '.repeat(depth)}${name}${output.dim(`  ${what}`)}`)
        break
      }
      case 'reading':
        this.#phase = ''
        this.#done.of = event.fragments
        this.#tellPrinted('printed while loading and listing:', this.#printed.take(''))
        break
      case 'schema': {
        const columns = event.columns.map(({ name, type }) => ({ name, type: formatType(type) }))
        output.line({ type: 'schema', columns })
        output.say(output.dim(`columns, from the file: ${columns.map((of) => `${of.name} ${of.type}`).join(', ')}`))
        break
      }
      case 'rows':
        this.#done.rows += event.rows
        for (const row of rowsOf(event.bytes)) {
          if (output.json) output.raw(`{"type":"row","fragment":${JSON.stringify(event.fragment)},"row":${row}}`)
          else if (this.#shownRows++ < SHOWN_ROWS) output.say(`  ${row}`)
          else break
        }
        break
      case 'reject':
        tellReject(output, event.fragment, event.reject)
        break
      case 'fragment':
        this.#tellFragment(event)
        break
      case 'error':
        this.#tellPrinted('printed before it failed:', this.#printed.take(''))
        this.fail(event.stage, event.error)
        break
      case 'checking':
        this.#phase = 'listing once more, to see whether names and fingerprints last (--no-checks leaves it out)'
        break
      case 'warning': {
        const { code, message, cure, fragments, count: all } = event.warning
        output.line({ type: 'warning', code, message: `${message} ${cure}`, fragments, count: all })
        output.say(`${output.yellow(`! ${code}`)}: ${message}\n${indent(cure)}`)
        break
      }
      case 'unchecked':
        output.line({ type: 'unchecked', message: event.why, ...toJson(event.error) })
        output.say(output.dim(`names and fingerprints were not checked: ${event.why}`))
        break
      case 'summary':
        this.#tellSummary(event)
    }
  }

  /** After the last event, also when there was none. */
  end(): void {
    this.#ticker.stop()
  }

  #tellFragment(event: TrialFragment): void {
    const output = this.#output
    const { name, fingerprint, bytes, rows, rejected, status, truncated, error, durationMs, totals } = event
    this.#shownRows = 0
    this.#done.fragments++
    this.#done.bytes += bytes
    this.#slowest.add(event)
    if (status === 'failed') this.exitCode ||= 1
    const cut = truncated ? { truncated } : {}
    output.line({ type: 'fragment', name, fingerprint, bytes, rows, rejected, status, ...cut, ...toJson(error) })
    if (output.json) return
    this.#tellPrinted('', this.#printed.take(name))
    const mark = status === 'ok' ? output.green('✓') : output.red('✗')
    const blank = totals?.blank ? `, ${count(totals.blank)} blank or comment lines` : ''
    output.say(
      `${mark} ${output.bold(name)}: ${plural(rows, 'row')}, ${count(rejected)} rejected${blank}, ${size(bytes)}, ${(durationMs / 1000).toFixed(2)} s${truncated ? ', cut by --max-rows' : ''}`,
    )
    if (totals && totals.unknown.length > 0)
      output.say(output.dim(`  not used by any column: ${totals.unknown.slice(0, 10).join(', ')}`))
    if (error) output.error(error, '  ')
  }

  #tellSummary({ type, ...sum }: TrialEvent & { type: 'summary' }): void {
    const output = this.#output
    for (const { fragment, lines } of this.#printed.rest())
      this.#tellPrinted(fragment === '' ? 'printed outside of fragments:' : `printed later, of ${fragment}:`, lines)
    const slowest = this.#slowest.found().map(({ durationMs, ...of }) => ({ ...of, seconds: durationMs / 1000 }))
    if (slowest.length > 0) {
      output.line({ type: 'slowest', fragments: slowest })
      const rows = slowest.map(({ name, seconds, bytes, rows }) => [name, seconds.toFixed(2), size(bytes), rows])
      output.say(output.dim(`slowest:\n${indent(table(['fragment', 'seconds', 'bytes', 'rows'], rows))}`))
    }
    output.line({ type, ...sum })
    if (!this.#isList)
      output.say(
        `${plural(sum.fragments, 'fragment')}, ${plural(sum.rows, 'row')}, ${count(sum.rejected)} rejected, ${count(sum.failed)} failed`,
      )
  }

  #tellPrinted(heading: string, lines: string[]): void {
    if (lines.length === 0) return
    if (heading !== '') this.#output.say(this.#output.dim(heading))
    for (const line of lines) this.#output.say(this.#output.dim(`  | ${line}`))
  }

  #progress(seconds: number): string {
    const { fragments, of, rows, bytes } = this.#done
    if (this.#phase !== '') return `${this.#name}: ${this.#phase}, ${Math.round(seconds)} s`
    return `${this.#name}: ${count(fragments)}/${count(of)} fragments, ${count(rows)} rows, ${size(bytes)}, ${Math.round(seconds)} s`
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
  const where = { row_number: rowNumber, line, byte_offset: byteOffset, column }
  output.line({ type: 'reject', fragment, ...where, code, message, raw })
  const place = line === null ? `row ${rowNumber}` : `line ${line}`
  output.say(`  ${output.red('reject')} ${place}${column === null ? '' : `, column ${column}`}: ${code}: ${message}`)
}
