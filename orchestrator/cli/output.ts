/** Lines for machines on stdout, sentences for people, progress on a terminal's stderr. */
import { codeOf, messageOf, RowcastError } from '../errors.ts'

export interface Streams {
  out(text: string): void
  err(text: string): void
  /** stderr is a terminal that may be written over. */
  tty: boolean
  color: boolean
  columns(): number
}

export class Output {
  readonly json: boolean
  readonly quiet: boolean
  readonly #streams: Streams
  #progress = ''
  #last = 0

  constructor(streams: Streams, options: { json: boolean; quiet: boolean }) {
    this.#streams = streams
    this.json = options.json
    this.quiet = options.quiet
  }

  /** One JSON line; silent without --json. */
  line(value: object): void {
    if (this.json) this.#streams.out(`${JSON.stringify(value)}\n`)
  }

  /** Text that is JSON already, digits untouched; a newline is added. */
  raw(text: string): void {
    this.#streams.out(`${text}\n`)
  }

  /** A sentence for a person; silent with --json. */
  say(text = ''): void {
    if (this.json) return
    this.clear()
    this.#streams.out(`${text}\n`)
  }

  /** News of long work: on a terminal one line that is written over, else nothing. Called as often as one likes. */
  progress(text: () => string, now: number): void {
    if (this.json || this.quiet || !this.#streams.tty || now - this.#last < 100) return
    this.#last = now
    const next = text().slice(0, this.#streams.columns() - 1)
    this.#streams.err(`\r${next.padEnd(this.#progress.length)}`)
    this.#progress = next
  }

  /** Something the user should know while it happens: stderr, also with --json. */
  note(text: string): void {
    if (this.quiet) return
    this.clear()
    this.#streams.err(`${text}\n`)
  }

  /** code: message, then the author's traceback when there is one. */
  error(error: unknown, prefix = ''): void {
    this.clear()
    this.#streams.err(`${prefix}${this.red(codeOf(error))}: ${messageOf(error)}\n`)
    const traceback = (error as { traceback?: string }).traceback
    if (traceback) this.#streams.err(`${indent(traceback.trimEnd())}\n`)
    else if (!(error instanceof RowcastError) && error instanceof Error && error.stack)
      this.#streams.err(`${indent(error.stack)}\n`)
  }

  bold(text: string): string {
    return this.#streams.color ? `\x1b[1m${text}\x1b[0m` : text
  }

  dim(text: string): string {
    return this.#streams.color ? `\x1b[2m${text}\x1b[0m` : text
  }

  red(text: string): string {
    return this.#streams.color ? `\x1b[31m${text}\x1b[0m` : text
  }

  green(text: string): string {
    return this.#streams.color ? `\x1b[32m${text}\x1b[0m` : text
  }

  yellow(text: string): string {
    return this.#streams.color ? `\x1b[33m${text}\x1b[0m` : text
  }

  /** Takes the line of progress away. */
  clear(): void {
    if (this.#progress === '') return
    this.#streams.err(`\r${' '.repeat(this.#progress.length)}\r`)
    this.#progress = ''
  }
}

export function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}

/** 28287 → 28,287 */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** 1 fragment, 2 fragments */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Bytes in the nearest unit. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let at = 0
  let value = bytes
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024
    at++
  }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`
}

/** Columns as wide as their longest cell; numbers to the right. */
export function table(head: string[], rows: (string | number)[][]): string {
  const cells = [head, ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? count(cell) : cell)))]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells
    .map((row, line) =>
      row
        .map((cell, column) =>
          line > 0 && typeof rows[line - 1]![column] === 'number'
            ? cell.padStart(widths[column]!)
            : cell.padEnd(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
