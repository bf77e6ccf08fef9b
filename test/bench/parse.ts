/** `npm run bench -- parse`: each format in a process of its own, MB of input per CPU second of the parsing thread. */
import { spread } from './meter.ts'
import type { Shape } from './orders.ts'
import { lines } from './rig.ts'

/** Format, and the figure asked of it: MB of input per CPU second. */
const ASKED: [shape: Shape, figure: number][] = [
  ['xsv', 100],
  ['xsv-plain', 100],
  ['json-lines', 100],
  ['json-array', 100],
]

export async function parse(rounds: number): Promise<void> {
  console.log(
    `\nparse: 12 typed columns, 45 % of the comments quoted, seed 42, 64 MB in memory, one thread; median (min…max) of ${rounds} passes; Node ${process.versions.node}`,
  )
  for (const [shape, figure] of ASKED) {
    const passes = (await lines('parse-one.ts', [shape, '64', String(rounds)])).filter(({ isWarm }) => isWarm)
    const wrong = passes.find(({ isRight }) => !isRight)
    if (wrong) throw new Error(`bench: ${shape} gives other rows than it should: ${JSON.stringify(wrong)}`)
    const rate = passes.map(({ bytes, thread }) => bytes / 1e6 / thread)
    const all = passes.map(({ bytes, process }) => bytes / 1e6 / process)
    console.log(
      `  ${shape.padEnd(14)} ${spread(rate).padEnd(22)} MB per CPU second of the thread (asked: ${figure}); ${spread(all)} of the process`,
    )
  }
}
