/** Executors as processes of their own, as an operator runs them; and certificates, made by the script that we ship. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import { readBundle } from '../../orchestrator/connector/bundle.ts'
import { createExecutorClient } from '../../orchestrator/executor/client.ts'
import { NEEDED, owned, PYTHON } from './cli.ts'
import { childrenOf } from './process.ts'

const ROOT = join(import.meta.dirname, '../..')

export interface RunningExecutor {
  child: ChildProcess
  address: string
  port: number
  /** Its readers, by pid. */
  readers(): number[]
  /** Resolves when it takes no new sessions. */
  drains(): Promise<void>
  /** SIGTERM; its exit code. */
  end(): Promise<number | null>
}

/** Starts `python -m rowcast` on a port of the loopback, 0 for any, with its home in `dir`. */
export async function startExecutor(
  dir: string,
  args: string[] = [],
  { host = '127.0.0.1', port = 0 } = {},
): Promise<RunningExecutor> {
  mkdirSync(dir, { recursive: true })
  const listen = ['--listen', `${host}:${port}`, '--home', join(dir, 'executor'), '--profile', 'workstation']
  const env = { ...NEEDED, PYTHONPATH: join(ROOT, 'executor') }
  const child = owned(spawn(PYTHON, ['-m', 'rowcast', ...listen, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }))
  let stderr = ''
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const exit = once(child, 'exit')
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (first.done) throw new Error(`the executor did not start: ${stderr}`)
  const bound = (JSON.parse(first.value) as { port: number }).port
  return {
    child,
    address: `${host}:${bound}`,
    port: bound,
    readers: () => childrenOf(child.pid!, '_child/__main__.py'),
    async drains() {
      const client = createExecutorClient({
        addresses: [`${host}:${bound}`],
        token: undefined,
        bundleOf: readBundle,
        credentialsOf: () => '',
        random: randomUUID,
        warn: () => {},
      })
      await expect.poll(async () => (await client.look())[0]?.info?.draining, { timeout: 10_000 }).toBe(true)
      client.close()
    },
    async end() {
      child.kill('SIGTERM')
      await exit
      return child.exitCode
    },
  }
}

/** deploy/local/certs.sh, as a user calls it. */
export function certs(...args: string[]): string {
  return execFileSync(join(ROOT, 'deploy/local/certs.sh'), args, { encoding: 'utf8' })
}

/** Options of an executor, with the certificates of `dir`; `ca` another one's. */
export function tlsArgs(dir: string, ca = dir): string[] {
  const own = ['--tls-cert', join(dir, 'executor.crt'), '--tls-key', join(dir, 'executor.key')]
  return [...own, '--tls-client-ca', join(ca, 'ca.crt')]
}

/** The same for an orchestrator. */
export function tlsEnv(dir: string, ca = dir): Record<string, string> {
  return {
    ROWCAST_EXECUTOR_CA: join(ca, 'ca.crt'),
    ROWCAST_EXECUTOR_CERT: join(dir, 'orchestrator.crt'),
    ROWCAST_EXECUTOR_KEY: join(dir, 'orchestrator.key'),
  }
}
