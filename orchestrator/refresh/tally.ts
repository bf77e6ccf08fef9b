/** What a refresh has done so far. */
import type { Counts, Diff, Receipt } from './ports.ts'

export class Tally implements Counts {
  listed = 0
  new = 0
  changed = 0
  unchanged = 0
  vanished = 0
  read = 0
  committed = 0
  failed = 0
  retracted = 0
  rows = 0
  rejected = 0
  bytes = 0
  /** Keys and header texts that no column uses, with the fragments that had them. */
  readonly unknown = new Map<string, number>()

  diffed(diff: Diff): void {
    this.listed = diff.listed
    this.new = diff.new
    this.changed = diff.changed
    this.unchanged = diff.unchanged
    this.vanished = diff.vanished
  }

  stored(receipts: Receipt[]): void {
    for (const receipt of receipts) {
      if (receipt.kind === 'retract') {
        this.retracted++
        continue
      }
      this.committed++
      this.rows += receipt.rows
      this.rejected += receipt.rejected
      this.bytes += receipt.bytes
    }
  }

  counts(): Counts {
    const { listed, new: fresh, changed, unchanged, vanished, read, committed, failed, retracted } = this
    return { listed, new: fresh, changed, unchanged, vanished, read, committed, failed, retracted }
  }
}

/** What a refresh tells whoever watches it. All of it is for people; nothing depends on it. */
export interface Report {
  /** A new phase began: environment, list, diff, read, retract. */
  phase(name: string, detail: string): void
  /** Called often; `total` is how many fragments are to be read. */
  progress(tally: Tally, total: number): void
  warn(message: string, fields?: Record<string, string | number>): void
  fragmentFailed(name: string, error: Error): void
}
