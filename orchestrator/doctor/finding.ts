/** What `rowcast doctor` finds, and how its checks are run: each guarded and bounded, none keeps another from its answer. */
import { codeOf, type ErrorCode, messageOf, RowcastError } from '../errors.ts'

export interface Finding {
  /** What was looked at: `node`, `executor`, `nats`… */
  check: string
  status: 'ok' | 'warning' | 'failed'
  message: string
  /** What to do about it; a command, or a sentence. */
  fix?: string
  /** Of a failed one: a part of Rowcast cannot be reached (exit code 3). */
  unreachable?: true
}

export interface Check {
  name: string
  /** What it takes at most; it is given up after that. */
  limitMs: number
  run(): Promise<Finding[]>
}

/** Runs all at once; gives their findings in the order of `checks`. Never throws. */
export async function* examine(checks: Check[]): AsyncGenerator<Finding> {
  const running = checks.map(guarded)
  for (const findings of running) yield* await findings
}

async function guarded({ name, limitMs, run }: Check): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Finding[]>((resolve) => {
    const message = `no answer within ${limitMs / 1000} s`
    timer = setTimeout(() => resolve([{ check: name, status: 'failed', message, unreachable: true }]), limitMs)
  })
  try {
    return await Promise.race([run(), late])
  } catch (error) {
    return [failure(name, error)]
  } finally {
    clearTimeout(timer)
  }
}

const FIXES: Partial<Record<ErrorCode, string>> = {
  'config.usage': 'correct the setting that the message names',
  'executor.unreachable': 'start it (python -m rowcast --help), or correct ROWCAST_EXECUTORS',
  'executor.denied': 'set ROWCAST_EXECUTOR_TOKEN to the first line of its --token-file',
  'executor.tls': 'make certificates for both sides with deploy/local/certs.sh, and give them to both',
  'executor.start_failed': 'npm run setup; its log is named in the message, or in the home',
  'nats.unreachable': 'start nats-server there, or set NATS_URL to where it runs',
  'nats.denied': 'check NATS_USER and NATS_PASSWORD, or NATS_CREDS',
  'nats.start_failed': 'npm run setup; its log is below the home, in log/nats-server.log',
  'home.unwritable': 'choose another home with --home DIR or ROWCAST_HOME',
  'disk.full': 'free some space, or choose another home with --home DIR or ROWCAST_HOME',
}

/** An error as a finding. */
export function failure(check: string, error: unknown): Finding {
  const own = error instanceof RowcastError
  const fix = FIXES[codeOf(error)]
  return {
    check,
    status: 'failed',
    message: own ? `${error.code}: ${messageOf(error)}` : messageOf(error),
    ...(fix === undefined ? {} : { fix }),
    ...(own && error.exitCode === 3 ? { unreachable: true } : {}),
  }
}
