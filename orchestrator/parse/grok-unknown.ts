/** Captures that no column takes, of the patterns that have matched in a fragment. */
import type { GrokPattern } from '../connector/definition.ts'
import type { ProgramColumn } from './program.ts'

export class GrokUnknown {
  private readonly names: string[][]
  private matched = new Set<number>()
  private list: string[] = []
  /** Equal sets of patterns share one list: see Output. */
  private readonly lists = new Map<string, string[]>()

  constructor(patterns: GrokPattern[], columns: ProgramColumn[]) {
    const used = new Set(columns.map(({ source }) => source))
    this.names = patterns.map(({ fields }) => fields.map(({ name }) => name).filter((name) => !used.has(name)))
  }

  /** A new fragment. */
  begin(): void {
    this.matched.clear()
    this.list = []
  }

  /** The list, now that this pattern has matched. */
  after(pattern: number): string[] {
    if (this.matched.has(pattern)) return this.list
    this.matched.add(pattern)
    const patterns = [...this.matched].sort((a, b) => a - b)
    const key = patterns.join()
    const known = this.lists.get(key) ?? [...new Set(patterns.flatMap((each) => this.names[each]!))]
    this.lists.set(key, known)
    this.list = known
    return known
  }
}
