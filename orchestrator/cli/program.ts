/** The command line: names, flags and help; each command's work is in its own file. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { parseSize } from '../connector/size.ts'
import { RowcastError } from '../errors.ts'
import { doctorCommand } from './doctor.ts'
import { initCommand } from './init.ts'
import { lockCommand } from './lock.ts'
import { Output, type Streams } from './output.ts'
import type { Parts } from './parts.ts'
import { planCommand } from './plan.ts'
import { quickstartCommand } from './quickstart.ts'
import { recordCommand } from './record.ts'
import { refreshCommand } from './refresh.ts'
import { fragmentsCommand, statusCommand } from './status.ts'
import { tailCommand } from './tail.ts'
import { testCommand } from './test.ts'
import { watchCommand } from './test-watch.ts'
import { upCommand } from './up.ts'

interface Globals {
  home?: string
  json?: boolean
  quiet?: boolean
}

export interface ProgramOptions {
  version: string
  streams: Streams
  /** Made once the flags are known. */
  parts(globals: Globals, output: Output): Parts
}

/** Runs the command line; resolves with the exit code: 0 done, 1 connector or data failed, 2 wrong usage, 3 a part is unreachable. */
export async function runProgram(argv: string[], options: ProgramOptions): Promise<number> {
  const { streams } = options
  let exitCode = 0
  const program = new Command('rowcast')
    .description(
      'Casts the rows of any source, read by a few lines of Python, to subscribers on NATS: each fragment exactly once.',
    )
    .version(options.version)
    .option(
      '--home <dir>',
      'where embedded mode keeps its state, stream and environments (default: .rowcast, or ROWCAST_HOME)',
    )
    .option('--json', 'JSON lines on stdout; logs on stderr')
    .option('--quiet', 'no progress and no hints')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: streams.err })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the connector or its data failed, 2 wrong usage, 3 a part is unreachable.\nEnvironment: ROWCAST_HOME, NATS_URL (with NATS_USER, NATS_PASSWORD or NATS_CREDS), ROWCAST_EXECUTORS (host:port,…), ROWCAST_EXECUTOR_TOKEN, ROWCAST_EXECUTOR_CA with _CERT and _KEY, NO_COLOR; the README has all.',
    )

  const command = (usage: string, description: string, ...examples: string[]) =>
    program
      .command(usage)
      .description(description)
      .addHelpText('after', `\nExample:\n${examples.map((example) => `  ${example}`).join('\n')}`)
  /** Global flags work before and after the command's name. */
  const act = async (self: Command, work: (parts: Parts, output: Output) => Promise<number>) => {
    const globals = self.optsWithGlobals<Globals>()
    const output = new Output(streams, { json: globals.json ?? false, quiet: globals.quiet ?? false })
    try {
      exitCode = await work(options.parts(globals, output), output)
    } catch (error) {
      output.error(error)
      exitCode = error instanceof RowcastError ? error.exitCode : 1
    }
  }

  command('init', 'make a new connector that works, to change into your own', 'rowcast init connectors/orders')
    .argument('<dir>', 'folder to make')
    .action((dir, _, self) => act(self, (parts, output) => initCommand(parts, output, dir)))
  command(
    'test',
    'read and parse, show rows and rejects; needs neither NATS nor a database',
    'rowcast test connectors/orders --fragment 2026-11 --max-rows 20',
    'rowcast test connectors/orders --watch',
    'rowcast record connectors/orders && rowcast test connectors/orders --replay --watch',
  )
    .argument('<dir>', 'folder with connector.yaml, or the name of one below ./connectors')
    .option('--fragment <name>', 'read only this fragment (repeatable)', collect, [])
    .option('--max-rows <n>', 'stop after n rows in all', positive)
    .option('--list', 'only list')
    .option('--no-checks', 'do not list once more to see whether names and fingerprints last')
    .option('--replay', 'read what `rowcast record` stored, in place of the source: no network, no credentials')
    .option('--watch', 'test again whenever a file of the folder is saved, until Ctrl-C')
    .action((dir, flags, self) =>
      act(self, (parts, output) => (flags.watch ? watchCommand : testCommand)(parts, output, dir, flags)),
    )
  command(
    'record',
    'store the listing and the bytes of a few fragments, for `rowcast test --replay`',
    'rowcast record connectors/orders',
    'rowcast record connectors/orders --fragment 2026-10 --fragment 2026-11 --max-bytes 20MiB',
    'rowcast test connectors/orders --replay',
  )
    .argument('<dir>', 'folder with connector.yaml, or the name of one below ./connectors')
    .option('--fragment <name>', 'record this fragment (repeatable), in place of the first ones', collect, [])
    .option('--max-fragments <n>', 'record at most so many', positive, 5)
    .addOption(
      new Option('--max-bytes <size>', 'leave out fragments that are larger').argParser(bytes).default(2 << 20, '2MiB'),
    )
    .option('--allow-secrets', 'store bytes that hold the credentials')
    .action((dir, flags, self) => act(self, (parts, output) => recordCommand(parts, output, dir, flags)))
  command('lock', 'write connector.lock: the packages with their hashes', 'rowcast lock connectors/orders')
    .argument('<dir>', 'folder with connector.yaml, or the name of one below ./connectors')
    .action((dir, _, self) => act(self, (parts, output) => lockCommand(parts, output, dir)))
  command(
    'plan',
    'say what a refresh would read and retract, and change nothing',
    'rowcast plan connectors/orders --json',
  )
    .argument('<dir>', 'folder with connector.yaml, or the name of one below ./connectors')
    .action((dir, _, self) => act(self, (parts, output) => planCommand(parts, output, dir)))
  command('refresh', 'read what is new or changed, and cast its rows', 'rowcast refresh connectors/orders')
    .argument('<dir>', 'folder with connector.yaml, or the name of one below ./connectors')
    .option('--allow-deleted', 'retract however many fragments vanished, this once')
    .action((dir, flags, self) => act(self, (parts, output) => refreshCommand(parts, output, dir, flags)))
  command('up', 'refresh connectors by their schedules until Ctrl-C', 'rowcast up connectors')
    .argument('[dirs...]', 'folders with connectors (default: ./connectors)')
    .option('--metrics <host:port>', 'serve /metrics for Prometheus; a port alone is this host only (default: off)')
    .action((dirs, flags, self) => act(self, (parts, output) => upCommand(parts, output, dirs, flags)))
  command(
    'tail',
    'show the rows as a subscriber gets them',
    'rowcast tail orders --json --from current --until-idle 2000',
  )
    .argument('<name>', 'connector')
    .addOption(
      new Option('--from <where>', 'begin with all that is current, or with the next change')
        .choices(['current', 'new'])
        .default('current'),
    )
    .option('--until-idle <ms>', 'end after so many milliseconds without a change', positive)
    .action((name, flags, self) =>
      act(self, (parts, output) => tailCommand(parts, output, name, { from: flags.from, untilIdle: flags.untilIdle })),
    )
  command('status', 'one line per connector', 'rowcast status --json')
    .argument('[name]', 'only this connector')
    .action((name, _, self) => act(self, (parts, output) => statusCommand(parts, output, name)))
  command('fragments', 'what was read, when, with which fingerprint', 'rowcast fragments orders --state failed')
    .argument('<name>', 'connector')
    .addOption(new Option('--state <state>', 'only those').choices(['live', 'kept', 'retracted', 'failed']))
    .option('--after <name>', 'begin behind this fragment', '')
    .option('--limit <n>', 'at most so many', positive, 100)
    .action((name, flags, self) =>
      act(self, (parts, output) =>
        fragmentsCommand(parts, output, name, { state: flags.state, after: flags.after, limit: flags.limit }),
      ),
    )
  command(
    'doctor',
    'look at each part: what is wrong, and what to do about it; exit code 0 when nothing has failed',
    'rowcast doctor --json',
  ).action((_, self) => act(self, doctorCommand))
  const state = program.command('state').description('repair the state')
  state
    .command('rebuild')
    .description('forget what was read of a connector; its next refresh takes it from the stream, which is the truth')
    .argument('<name>', 'connector')
    .requiredOption('--yes', 'do it')
    .addHelpText('after', '\nExample:\n  rowcast state rebuild orders --yes')
    .action((name, _, self) =>
      act(self, async (parts, output) => {
        await parts.rebuild(name)
        output.line({ type: 'rebuilt', connector: name })
        output.say(
          `${name}: forgotten; the next refresh reads from the stream what it holds, and from the source only the rest`,
        )
        return 0
      }),
    )
  program
    .command('quickstart', { hidden: true })
    .action((_, self) => act(self, (parts, output) => quickstartCommand(parts, output)))

  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    const { exitCode: code } = error as { exitCode?: number }
    if (code === undefined) throw error
    return code === 0 ? 0 : 2
  }
  return exitCode
}

function collect(value: string, all: string[]): string[] {
  return [...all, value]
}

function bytes(text: string): number {
  const size = parseSize(text)
  if (size === undefined || size < 1) throw new InvalidArgumentError('expected a size, as in 500KB or 20MiB')
  return size
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0')
  return value
}
