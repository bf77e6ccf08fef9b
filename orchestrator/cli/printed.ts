/** What the author's code printed, kept until it is shown beside its fragment: the first and the last lines, the rest counted. */
import type { AuthorLog } from '../refresh/ports.ts'
import { plural } from './output.ts'

/** Lines shown of one fragment: so many from its start, as many from its end. A failure is explained by the last ones. */
const ENDS = 10
const LINE_CHARS = 500
/** Fragments whose lines are waiting (promise 5): those of a call, and some whose lines came late. */
const MAX_FRAGMENTS = 500

interface Lines {
  head: string[]
  tail: string[]
  omitted: number
  /** Some of them were lost on the way: more was printed at a time than the executor keeps. */
  isLost: boolean
}

export class Printed {
  readonly #waiting = new Map<string, Lines>()
  #omitted = 0

  add({ fragment, text, dropped }: AuthorLog): void {
    const lines = this.#linesOf(fragment)
    if (!lines) {
      this.#omitted += 1 + dropped
      return
    }
    lines.omitted += dropped
    lines.isLost ||= dropped > 0
    const line = text.length > LINE_CHARS ? `${text.slice(0, LINE_CHARS)}…` : text
    if (lines.head.length < ENDS && dropped === 0 && lines.omitted === 0) lines.head.push(line)
    else if (lines.tail.push(line) > ENDS) {
      lines.tail.shift()
      lines.omitted++
    }
  }

  /** Takes the lines of a fragment; '' for what was printed outside of fragments. */
  take(fragment: string): string[] {
    const lines = this.#waiting.get(fragment)
    this.#waiting.delete(fragment)
    return lines ? format(lines) : []
  }

  /** Takes all that is left, and how many lines were not even kept. */
  *rest(): Generator<{ fragment: string; lines: string[] }> {
    for (const fragment of [...this.#waiting.keys()]) yield { fragment, lines: this.take(fragment) }
    if (this.#omitted > 0) yield { fragment: '', lines: [`… ${plural(this.#omitted, 'more line')} of other fragments`] }
    this.#omitted = 0
  }

  #linesOf(fragment: string): Lines | undefined {
    const known = this.#waiting.get(fragment)
    if (known || this.#waiting.size >= MAX_FRAGMENTS) return known
    const made: Lines = { head: [], tail: [], omitted: 0, isLost: false }
    this.#waiting.set(fragment, made)
    return made
  }
}

function format({ head, tail, omitted, isLost }: Lines): string[] {
  const between = omitted > 0 ? [`… ${plural(omitted, 'more line')}${isLost ? '' : ', all of them with --json'}`] : []
  return [...head, ...between, ...tail]
}
