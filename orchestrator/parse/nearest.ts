/** The known name nearest to one that was not found, for messages. */

/** Undefined when none is near enough to be what was meant: a third of the name may be wrong. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best = Math.max(1, Math.floor(name.length / 3)) + 1
  let found: string | undefined
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= best) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < best) [best, found] = [distance, candidate]
  }
  return found
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let cost = Math.min(replace, last[j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
