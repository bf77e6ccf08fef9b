/** The command line as its users run it: a process, lines, an exit code. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const NODE = join(ROOT, 'node_modules/.bin/node')
export const MAIN = join(ROOT, 'orchestrator/cli/bin.mjs')
export const EXAMPLES = join(ROOT, 'executor/examples')
export const PYTHON = join(ROOT, 'executor/.venv/bin/python')

// biome-ignore lint/suspicious/noExplicitAny: lines are whatever the command printed
export type Line = any

export interface Result {
  code: number | null
  signal: NodeJS.Signals | null
  /** stdout, each line parsed. */
  lines: Line[]
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  result: Promise<Result>
  /** Resolves with the first line that `wanted` accepts, of all so far; rejects when the process ends without one. */
  line(wanted: (line: Line, at: number, all: Line[]) => boolean): Promise<Line>
  /** Resolves when stdout, or stderr, has matched. */
  stdout(pattern: RegExp): Promise<void>
  stderr(pattern: RegExp): Promise<void>
}

export interface RunOptions {
  cwd?: string
  env?: Record<string, string>
}

const folders = new Set<string>()
const processes = new Set<ChildProcess>()
// Whatever ends the tests, nothing of theirs is left behind.
process.on('exit', () => {
  for (const child of processes) child.kill('SIGKILL')
  for (const dir of folders) rmSync(dir, { recursive: true, force: true })
})

/** A process that does not outlive this test file. */
export function owned<Child extends ChildProcess>(child: Child): Child {
  processes.add(child)
  child.once('exit', () => processes.delete(child))
  return child
}

/** A folder of this test file's own, removed when the file is done. */
export function temporary(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rowcast-test-'))
  folders.add(dir)
  return dir
}

const LIMIT_MS = 120_000

/** What finds programs and package indexes; nothing that Rowcast itself reads. */
export const NEEDED = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(PATH|HOME|TMPDIR|LANG|.*_proxy|SSL_CERT_.*|UV_.*)$/i.test(name)),
)

/** Starts `rowcast …` with nothing of our environment but what it needs. */
export function start(args: string[], { cwd = ROOT, env = {} }: RunOptions = {}): Running {
  const child = owned(
    spawn(NODE, [MAIN, ...args], { cwd, env: { ...NEEDED, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  let stdout = ''
  let stderr = ''
  // Bounded: a process that hangs fails its test, and leaves nothing behind.
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  const waiting = new Set<() => void>()
  const notify = () => {
    for (const check of waiting) check()
  }
  child.stdout.on('data', (data: Buffer) => {
    stdout += data
    notify()
  })
  child.stderr.on('data', (data: Buffer) => {
    stderr += data
    notify()
  })
  const result = new Promise<Result>((resolve) =>
    child.on('close', (code, signal) => {
      clearTimeout(limit)
      resolve({ code, signal, stdout, stderr, lines: parse(stdout) })
      notify()
    }),
  )
  const until = <T>(find: () => T | undefined, what: string) =>
    new Promise<T>((resolve, reject) => {
      const check = () => {
        const found = find()
        if (found !== undefined) resolve(found)
        else if (child.exitCode === null && child.signalCode === null) return
        else reject(new Error(`ended without ${what}:\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`))
        waiting.delete(check)
      }
      waiting.add(check)
      check()
    })
  return {
    child,
    result,
    line: (wanted) => until(() => parse(stdout).find(wanted), 'the wanted line'),
    stdout: (pattern) => until(() => (pattern.test(stdout) ? true : undefined), String(pattern)).then(() => undefined),
    stderr: (pattern) => until(() => (pattern.test(stderr) ? true : undefined), String(pattern)).then(() => undefined),
  }
}

export function run(args: string[], options: RunOptions = {}): Promise<Result> {
  return start(args, options).result
}

function parse(text: string): Line[] {
  const lines: Line[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      lines.push(JSON.parse(line))
    } catch {
      // sentences for a person
    }
  }
  return lines
}
