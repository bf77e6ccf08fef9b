/** CPU seconds and peak memory of processes, from /proc. */
import { readFileSync } from 'node:fs'

const TICK = 100 // USER_HZ on every Linux that Node runs on

export interface Usage {
  /** Seconds, children that were waited for included. */
  cpu: number
  /** MiB. */
  peak: number
}

export function usage(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [utime, stime, cutime, cstime] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
      .map(Number) as [number, number, number, number]
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return { cpu: (utime + stime + cutime + cstime) / TICK, peak: peak ? Number(peak[1]) / 1024 : 0 }
  } catch {
    return undefined
  }
}

/** MiB that no other process has: what would be free if this one were not. */
export function privateMemory(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const sum = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].reduce((all, [, kib]) => all + Number(kib), 0)
  return sum / 1024
}

/** Watches a process until it ends: its last usage. Its final 20 ms may be missed. */
export function watch(pid: number): () => Usage {
  let last: Usage = { cpu: 0, peak: 0 }
  const look = () => {
    const now = usage(pid)
    // An ended process that nobody has waited for yet has no memory left to tell of.
    if (now) last = { cpu: Math.max(last.cpu, now.cpu), peak: Math.max(last.peak, now.peak) }
  }
  const timer = setInterval(look, 20)
  return () => {
    clearInterval(timer)
    return last
  }
}

export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** median (min…max) */
export function spread(values: number[], digits = 0): string {
  const show = (value: number) =>
    value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits })
  return `${show(median(values))} (${show(Math.min(...values))}…${show(Math.max(...values))})`
}
