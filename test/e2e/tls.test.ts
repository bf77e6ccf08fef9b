/** Certificates between orchestrator and executors: made by our script, shown by both sides, replaced while they run. */
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { Metadata } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect } from '../../orchestrator/executor/channel.ts'
import { run, start, temporary } from '../support/cli.ts'
import { observeHome } from '../support/embedded.ts'
import { certs, startExecutor, tlsArgs, tlsEnv } from '../support/executor.ts'
import { expectSame } from '../support/oracle.ts'
import { rows, Source } from '../support/source.ts'

async function executorWith(args: string[]) {
  const executor = await startExecutor(temporary(), args)
  onTestFinished(async () => void (await executor.end()))
  return executor
}

/** `rowcast test` of a connector with two rows, against an executor. */
async function ask(address: string, env: Record<string, string>) {
  const dir = temporary()
  const source = new Source(dir)
  source.put('a', '1', rows(2, 1))
  const result = await run(['test', source.dir, '--json', '--home', join(dir, 'home')], {
    env: { ...source.env, ROWCAST_EXECUTORS: address, ...env },
  })
  return { ...result, rows: result.lines.filter(({ type }) => type === 'row').length }
}

describe('certs.sh', () => {
  it('makes what both sides need, keys for their owner alone, and leaves alone what is good', () => {
    const dir = join(temporary(), 'certs')
    expect(certs(dir).match(/^made .*$/gm)).toHaveLength(3)
    for (const name of ['ca', 'executor', 'orchestrator'])
      expect(statSync(join(dir, `${name}.key`)).mode & 0o777, name).toBe(0o600)
    const before = readFileSync(join(dir, 'executor.crt'))
    expect(certs(dir).match(/^kept .*$/gm)).toHaveLength(2)
    expect(readFileSync(join(dir, 'executor.crt'))).toEqual(before)
    // Past half of its life it is made anew; so is one that has lost its key, or is of another CA.
    expect(certs('--days', '100', dir).match(/^made .*$/gm)).toHaveLength(2)
    rmSync(join(dir, 'executor.key'))
    expect(certs(dir)).toMatch(/^made executor\.crt/m)
    rmSync(join(dir, 'ca.key'))
    expect(certs(dir).match(/^made .*$/gm)).toHaveLength(3)
    expect(() => certs('--days', 'soon', dir)).toThrow(/wants a number of days/)
    expect(certs('--help')).toContain('ROWCAST_EXECUTOR_CERT')
  })
})

describe('the link with certificates', () => {
  it('works when both trust the same CA, by address as by name', async () => {
    const dir = temporary()
    certs(dir)
    const executor = await executorWith(tlsArgs(dir))
    expect(await ask(executor.address, tlsEnv(dir))).toMatchObject({ code: 0, rows: 2 })
    expect(await ask(`localhost:${executor.port}`, tlsEnv(dir))).toMatchObject({ code: 0, rows: 2 })
  })

  it('is refused, and says by whom and why, with a wrong CA or one that is over; exit 3', async () => {
    const [dir, other, over] = [temporary(), temporary(), temporary()]
    certs(dir)
    certs(other)
    for (const file of ['ca.crt', 'ca.key']) cpSync(join(dir, file), join(over, file))
    certs('--days', '0', over)
    const executor = await executorWith(tlsArgs(dir))

    const stranger = await ask(executor.address, tlsEnv(other))
    expect(stranger).toMatchObject({ code: 3, rows: 0 })
    expect(stranger.stderr).toMatch(/executor\.tls.*certificate of the executor.*ROWCAST_EXECUTOR_CA/)
    // It trusts the executor, but is of a CA that the executor does not know.
    const unknown = await ask(executor.address, tlsEnv(other, dir))
    expect(unknown).toMatchObject({ code: 3, rows: 0 })
    expect(unknown.stderr).toMatch(/executor\.tls.*does not accept our certificate .*orchestrator\.crt, good until/)
    const late = await ask(executor.address, tlsEnv(over))
    expect(late).toMatchObject({ code: 3, rows: 0 })
    expect(late.stderr).toMatch(/executor\.tls.*orchestrator\.crt, which ended 20/)
    const old = await executorWith(tlsArgs(over))
    expect((await ask(old.address, tlsEnv(dir))).stderr).toMatch(/executor\.tls.*certificate has expired/)
  })

  it('is refused without a certificate, with an executor’s, and in plain text', async () => {
    const dir = temporary()
    certs(dir)
    const executor = await executorWith(tlsArgs(dir))
    const ca = readFileSync(join(dir, 'ca.crt'))
    const pair = (name: string) => ({
      cert: readFileSync(join(dir, `${name}.crt`)),
      key: readFileSync(join(dir, `${name}.key`)),
    })
    const status = async (shown: object) => {
      const client = connect(executor.address, createSecureContext({ ca, ...shown }))
      const deadline = { deadline: Date.now() + 10_000 }
      const code = await new Promise((resolve) =>
        client.getInfo({ pip: [], lock: '' }, new Metadata(), deadline, (error) => resolve(error?.code ?? 0)),
      )
      client.close()
      return code
    }
    expect(await status(pair('orchestrator'))).toBe(0)
    expect(await status({})).toBe(14)
    expect(await status(pair('executor'))).toBe(14)
    const plain = await ask(executor.address, {})
    expect(plain.code).toBe(3)
    expect(plain.stderr).toMatch(/does not talk to us in plain text.*ROWCAST_EXECUTOR_CA/)
    const toPlain = await ask((await executorWith([])).address, tlsEnv(dir))
    expect(toPlain.code).toBe(3)
    expect(toPlain.stderr).toMatch(/executor\.tls/)
  })

  it('wants all its files, each a good one; exit 2', async () => {
    const dir = temporary()
    certs(dir)
    writeFileSync(join(dir, 'text'), 'no certificate')
    const good = tlsEnv(dir)
    const refused = async (env: Record<string, string>) => {
      const result = await ask('127.0.0.1:7400', env)
      expect(result.code, result.stderr).toBe(2)
      return result.stderr
    }
    const { ROWCAST_EXECUTOR_KEY: key, ...two } = good
    expect(await refused(two)).toMatch(/go together: ROWCAST_EXECUTOR_KEY not set/)
    expect(await refused({ ...two, ROWCAST_EXECUTOR_KEY: join(dir, 'nowhere') })).toMatch(
      /ROWCAST_EXECUTOR_KEY: .*nowhere cannot be read/,
    )
    expect(await refused({ ...good, ROWCAST_EXECUTOR_CERT: join(dir, 'text') })).toMatch(
      /ROWCAST_EXECUTOR_CERT: .*text holds no PEM certificate/,
    )
    expect(await refused({ ...good, ROWCAST_EXECUTOR_CA: key! })).toMatch(/ROWCAST_EXECUTOR_CA: .*no PEM certificate/)
    expect(await refused({ ...good, ROWCAST_EXECUTOR_KEY: join(dir, 'executor.key') })).toMatch(
      /executor\.key is not the key of .*orchestrator\.crt/,
    )
  })

  it('is in plain text on this host only, unless that is asked for', async () => {
    for (const address of ['10.255.255.1:7400', 'executor.invalid:7400', '127.0.0.1:1,[2001:db8::1]:7400']) {
      const refused = await ask(address, {})
      expect(refused.code, refused.stderr).toBe(2)
      expect(refused.stderr).toMatch(/ROWCAST_EXECUTOR_CA.*certs\.sh.*ROWCAST_EXECUTOR_INSECURE=1/)
    }
    const asked = await ask('executor.invalid:7400', { ROWCAST_EXECUTOR_INSECURE: '1' })
    expect(asked.code).toBe(3)
    expect(asked.stderr).toMatch(/executor\.unreachable.*executor\.invalid/)
    expect((await ask('nowhere', {})).stderr).toMatch(/"nowhere" is no address; expected host:port/)
  })

  it('takes up new files for new sessions while an old one goes on', { timeout: 90_000 }, async () => {
    const dir = temporary()
    const tls = temporary()
    certs(tls)
    const executor = await executorWith(tlsArgs(tls))
    const gate = join(dir, 'gate')
    const slow = new Source(join(dir, 'slow'), { name: 'slow', gate, yaml: 'refresh: {schedule: every 1h}\n' })
    slow.put('long', '1', rows(150, 1))
    const often = new Source(join(dir, 'often'), { name: 'often', yaml: 'refresh: {schedule: every 10s}\n' })
    const env = {
      // Both read their credentials from one variable.
      SOURCE: slow.env['SOURCE']!,
      OFTEN: often.env['SOURCE']!,
      ROWCAST_EXECUTORS: executor.address,
      ...tlsEnv(tls),
    }
    const yaml = join(often.dir, 'connector.yaml')
    writeFileSync(yaml, readFileSync(yaml, 'utf8').replace('env: SOURCE', 'env: OFTEN'))
    const home = join(dir, 'home')
    const up = start(['up', 'slow', 'often', '--json', '--home', home], { cwd: dir, env })
    await up.stderr(/slow: .*1 new/)
    await expect.poll(() => executor.readers().length, { timeout: 30_000 }).toBeGreaterThan(0)
    expect(connectionsTo(executor.port)).toBe(1)

    // Another CA altogether: whoever still showed the old certificate to a new connection would be refused.
    for (const file of ['ca.crt', 'ca.key']) rmSync(join(tls, file))
    certs(tls)
    often.put('after', '1', rows(3, 2))
    const fresh = await up.line(
      ({ type, connector, fragments }) => type === 'refresh' && connector === 'often' && fragments.committed === 1,
    )
    expect(fresh).toMatchObject({ status: 'succeeded', rows: 3 })
    expect(connectionsTo(executor.port), 'the old connection, and one with the new certificate').toBe(2)
    writeFileSync(gate, '')
    const old = await up.line(({ type, connector }) => type === 'refresh' && connector === 'slow')
    expect(old).toMatchObject({ status: 'succeeded', rows: 150 })
    await expect.poll(() => connectionsTo(executor.port)).toBe(1)
    up.child.kill('SIGTERM')
    // Neither session was lost and opened again.
    expect((await up.result).stderr).not.toContain('executor.')
    expectSame(await observeHome(home, 'slow'), slow)
    expect(slow.reads()).toHaveLength(1)
  })
})

/** Established connections of any process to this port of the loopback. */
function connectionsTo(port: number): number {
  const to = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return lines.filter(([, , remote, state]) => remote === to && state === '01').length
}
