/**
 * npm run bench -- csv|small|parse|executor [--rounds N]
 *
 * Prints rows/s, rows per CPU second of each process, peak memory, the spread of A against A, and the bare server's ceiling in the
 * same run. Rows are counted by a consumer process of its own.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Line } from '../support/cli.ts'
import { largeCsv } from './data.ts'
import { benchExecutor } from './executor.ts'
import { spread } from './meter.ts'
import { parse } from './parse.ts'
import { type Measured, openRig, type Rig, refresh, script } from './rig.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    rows: { type: 'string', default: '1000000' },
    fragments: { type: 'string', default: '100000' },
  },
})
const rounds = Number(values.rounds)

interface Round {
  measured: Measured
  counted: Line
  ceiling: Line
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`bench: ${what}`)
}

/** A fresh rig for each round, A and ceiling in turn. */
async function each(work: (rig: Rig) => Promise<Round>): Promise<Round[]> {
  const done: Round[] = []
  for (let round = 0; round < rounds; round++) {
    const rig = await openRig()
    try {
      done.push(await work(rig))
    } finally {
      await rig.close()
    }
    process.stderr.write(`round ${round + 1} of ${rounds}: ${done.at(-1)!.measured.summary.seconds} s\n`)
  }
  return done
}

function report(title: string, unit: string, all: Round[], amount: number): void {
  const of = (value: (round: Round) => number) => all.map(value)
  const show = (label: string, values: number[], digits = 0) =>
    console.log(`  ${label.padEnd(46)} ${spread(values, digits)}`)
  console.log(
    `\n${title}: median (min…max) of ${all.length} rounds; Node ${process.versions.node}, ${cpus().length} cores, sync_interval always`,
  )
  show(
    `${unit}/s, claim to finish`,
    of(({ measured }) => amount / measured.summary.seconds),
  )
  const cpu = (round: Round) =>
    round.measured.orchestrator.cpu + round.measured.executor.cpu + round.measured.server.cpu
  for (const process of ['orchestrator', 'executor', 'server'] as const) {
    show(
      `${process}: CPU seconds`,
      of(({ measured }) => measured[process].cpu),
      2,
    )
    show(
      `${process}: ${unit} per CPU second`,
      of(({ measured }) => amount / measured[process].cpu),
    )
    show(
      `${process}: peak RSS, MiB`,
      of(({ measured }) => measured[process].peak),
    )
  }
  show(
    `${unit} per CPU second of all processes`,
    of((round) => amount / cpu(round)),
  )
  const aa = all.slice(1).map(({ measured }, index) => measured.summary.seconds / all[index]!.measured.summary.seconds)
  if (aa.length > 0) show('A/A: seconds of a round over the one before', aa, 2)
  show(
    `bare server, same frames: ${unit}/s`,
    of(({ ceiling }) => amount / ceiling.seconds),
  )
  show(
    'bare server, same frames: MB/s',
    of(({ ceiling }) => ceiling.bytes / 1e6 / ceiling.seconds),
  )
  show(
    'end to end / bare server',
    of(({ measured, ceiling }) => ceiling.seconds / measured.summary.seconds),
    2,
  )
  show(
    `consumer process: rows/s`,
    of(({ counted }) => counted.rows / counted.seconds),
  )
}

async function csv(): Promise<void> {
  const rows = Number(values.rows)
  const { file, bytes } = await largeCsv(rows)
  console.log(`csv: ${rows.toLocaleString('en-US')} rows, 7 columns, seed 42, ${(bytes / 2 ** 20).toFixed(1)} MiB`)
  const all = await each(async (rig) => {
    const measured = await refresh(rig, 'csv', { file, version: '1' })
    const counted = await script('count.ts', [rig.natsUrl, 'bench-csv'])
    check(
      counted.rows === rows && counted.fragments === 1 && counted.unfinished === 0,
      `the consumer counted ${JSON.stringify(counted)}`,
    )
    return { measured, counted, ceiling: await script('ceiling.ts', [rig.natsUrl, 'bench-csv']) }
  })
  report('csv', 'rows', all, rows)
}

async function small(): Promise<void> {
  const fragments = Number(values.fragments)
  const seconds: number[] = []
  const all = await each(async (rig) => {
    const measured = await refresh(rig, 'small', { fragments, changed: 0 })
    const counted = await script('count.ts', [rig.natsUrl, 'bench-small'])
    check(
      counted.rows === fragments * 5 && counted.fragments === fragments,
      `the consumer counted ${JSON.stringify(counted)}`,
    )
    const second = await refresh(rig, 'small', { fragments, changed: 10 })
    check(
      second.summary.fragments.committed === 10 && second.summary.fragments.unchanged === fragments - 10,
      JSON.stringify(second.summary),
    )
    seconds.push(second.summary.seconds)
    return { measured, counted, ceiling: await script('ceiling.ts', [rig.natsUrl, 'bench-small']) }
  })
  report(`small: ${fragments.toLocaleString('en-US')} fragments of 5 rows`, 'fragments', all, fragments)
  console.log(`  ${'second refresh, 10 changed: seconds'.padEnd(46)} ${spread(seconds, 2)}`)
}

const benches: Record<string, () => Promise<void>> = {
  csv,
  small,
  parse: () => parse(rounds),
  executor: () => benchExecutor(rounds),
}
const chosen = positionals.length > 0 ? positionals : Object.keys(benches)
for (const name of chosen) {
  const bench = benches[name]
  if (!bench) {
    console.error(
      `no benchmark ${name}; there are: ${Object.keys(benches).join(', ')}\nusage: npm run bench -- ${Object.keys(benches).join('|')} [--rounds N]`,
    )
    process.exit(2)
  }
  await bench()
}
