/** Processes of a test's own making, found by their parent. */
import { readdirSync, readFileSync } from 'node:fs'

/** Pids of the children (at any depth) of `parent` whose command line has `text`. */
export function childrenOf(parent: number, text: string): number[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]), command }]
      } catch {
        return [] // it ended meanwhile
      }
    })
  const found: number[] = []
  const walk = (above: number) => {
    for (const { pid, parent: parentPid, command } of all) {
      if (parentPid !== above) continue
      if (command.includes(text)) found.push(pid)
      walk(pid)
    }
  }
  walk(parent)
  return found
}

/** Seeded numbers 0 ≤ x < 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}
