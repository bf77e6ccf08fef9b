/** The fragments that took longest, of however many. */
import type { TrialFragment } from '../refresh/trial-read.ts'

type Timed = Pick<TrialFragment, 'name' | 'bytes' | 'rows' | 'durationMs'>

const SHOWN = 3
/** Of fewer fragments, or quicker ones, it is plain to see. */
const MIN_FRAGMENTS = 6
const MIN_MS = 100

export class Slowest {
  #count = 0
  readonly #found: Timed[] = []

  add({ name, bytes, rows, durationMs }: Timed): void {
    this.#count++
    const at = this.#found.findIndex((other) => other.durationMs < durationMs)
    this.#found.splice(at < 0 ? this.#found.length : at, 0, { name, bytes, rows, durationMs })
    if (this.#found.length > SHOWN) this.#found.pop()
  }

  /** Slowest first; empty when there is nothing to tell. */
  found(): readonly Timed[] {
    const [slowest] = this.#found
    return slowest && this.#count >= MIN_FRAGMENTS && slowest.durationMs >= MIN_MS ? this.#found : []
  }
}
