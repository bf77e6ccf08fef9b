/**
 * Lines against patterns, within a time that no line can exceed: a regular expression may try more ways through a line
 * than there will ever be time for.
 *
 *   all lines in one call ▸ done
 *                         ▸ out of time: one line a call, from the one that it was at ▸ done, or the line is given up
 *
 * A call with a time limit starts a thread, 0.13 ms of processor (measured), so there is none for each line.
 */
import { createContext, Script } from 'node:vm'
import type { GrokPattern } from '../connector/definition.ts'
import type { ProgramColumn } from './program.ts'

/** What became of a line. */
export const SKIPPED = 0
export const MATCHED = 1
export const NO_MATCH = 2
export const TIMED_OUT = 3
/** The stack of the regular expression was used up. */
export const EXHAUSTED = 4

const BATCH_MS = 1000
export const LINE_MS = 100
/** Lines of a fragment that may be given up; with the last one it fails. */
export const MAX_TIMEOUTS = 10

/** Microseconds that this thread has computed. */
export type Processor = () => number

export class GrokMatcher {
  /** By line: one of the words above, and the pattern that matched or was given up. */
  readonly outcomes: Uint8Array
  readonly patterns: Uint32Array
  /** By line and column; undefined where nothing, or an empty text, was captured. */
  readonly captures: (string | undefined)[]
  private readonly expressions: RegExp[]
  /** By pattern and column: the groups that may hold the value. */
  private readonly groups: number[][][]
  private readonly width: number
  private readonly processor: Processor
  private readonly script = new Script('match()')
  private readonly context = createContext({ match: () => this.run() })
  /** Lines that were given up in this fragment. */
  private timeouts = 0
  private lines: (string | undefined)[] = []
  /** The line that is looked at, or was when time was up; and the pattern. */
  private at = 0
  private pattern = 0
  private end = 0

  constructor(
    patterns: GrokPattern[],
    columns: ProgramColumn[],
    maxLines: number,
    processor: Processor = threadMicroseconds,
  ) {
    this.expressions = patterns.map(({ source, flags }) => new RegExp(source, flags))
    this.groups = patterns.map(({ fields }) =>
      columns.map(({ source }) => fields.filter(({ name }) => name === source).map(({ group }) => group)),
    )
    this.width = columns.length
    this.outcomes = new Uint8Array(maxLines)
    this.patterns = new Uint32Array(maxLines)
    this.captures = new Array(maxLines * columns.length).fill(undefined)
    this.processor = processor
  }

  /** A new fragment. */
  begin(): void {
    this.timeouts = 0
  }

  /** Finds what becomes of each line, but of none behind the last that may be given up. Undefined lines are skipped. */
  match(lines: (string | undefined)[]): void {
    this.lines = lines
    this.at = 0
    this.end = lines.length
    this.outcomes.fill(SKIPPED)
    if (this.within(BATCH_MS)) return
    while (this.at < lines.length && this.timeouts < MAX_TIMEOUTS) {
      this.end = this.at + 1
      if (!this.singly()) {
        this.outcomes[this.at] = TIMED_OUT
        this.patterns[this.at++] = this.pattern
        this.timeouts++
      }
    }
  }

  /** Lets go of the texts. */
  forget(): void {
    this.captures.fill(undefined, 0, this.lines.length * this.width)
    this.lines = []
  }

  /** One line; false when it has had its time. A thread that did not get its processor for so long is given more. */
  private singly(): boolean {
    for (let ms = LINE_MS; ; ms *= 2) {
      const before = this.processor()
      if (this.within(ms)) return true
      if (this.processor() - before >= (LINE_MS * 1000) / 2) return false
    }
  }

  private within(ms: number): boolean {
    try {
      this.script.runInContext(this.context, { timeout: ms })
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
      return false
    }
  }

  /** May end anywhere: what it has written for lines before `at` counts, and no more. */
  private run(): void {
    for (; this.at < this.end; this.at++) {
      const line = this.lines[this.at]
      if (line !== undefined) this.outcomes[this.at] = this.first(line)
    }
  }

  private first(line: string): number {
    const { expressions, at } = this
    for (this.pattern = 0; this.pattern < expressions.length; this.pattern++) {
      let found: RegExpExecArray | null
      try {
        found = expressions[this.pattern]!.exec(line)
      } catch {
        this.patterns[at] = this.pattern
        return EXHAUSTED
      }
      if (!found) continue
      this.patterns[at] = this.pattern
      this.capture(found, this.groups[this.pattern]!, at * this.width)
      return MATCHED
    }
    return NO_MATCH
  }

  private capture(found: RegExpExecArray, groups: number[][], first: number): void {
    const { captures } = this
    for (let c = 0; c < groups.length; c++) {
      let text: string | undefined
      for (const group of groups[c]!) {
        text = found[group]
        if (text) break
      }
      captures[first + c] = text || undefined
    }
  }
}

function threadMicroseconds(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
