/** rowcast doctor: what it says of a sound installation, and of each part that is not. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Line, NODE, run, start, temporary } from '../support/cli.ts'
import { certs, startExecutor, tlsArgs, tlsEnv } from '../support/executor.ts'
import { NatsServer } from '../support/nats.ts'
import { childrenOf } from '../support/process.ts'
import { rows, Source } from '../support/source.ts'

const ROOT = join(import.meta.dirname, '../..')

interface Seen {
  code: number | null
  stderr: string
  findings: Line[]
  summary: Line
  of(check: string): Line[]
}

async function doctor(cwd: string, env: Record<string, string> = {}, ...args: string[]): Promise<Seen> {
  const { code, lines, stderr } = await run(['doctor', '--json', '--home', join(cwd, 'home'), ...args], { cwd, env })
  const findings = lines.filter(({ type }) => type === 'finding')
  for (const finding of findings) {
    expect(finding).toMatchObject({
      check: expect.stringMatching(/^[a-z]+$/),
      status: expect.stringMatching(/^(ok|warning|failed)$/),
      message: expect.stringMatching(/./),
    })
    if (finding.status !== 'ok') expect(finding.fix, JSON.stringify(finding)).toMatch(/./)
  }
  const summary = lines.at(-1)
  const count = (status: string) => findings.filter((finding) => finding.status === status).length
  expect(summary).toMatchObject({
    type: 'doctor',
    ok: count('ok'),
    warnings: count('warning'),
    failed: count('failed'),
  })
  return { code, stderr, findings, summary, of: (check) => findings.filter((finding) => finding.check === check) }
}

describe('of a sound installation', () => {
  it('it finds nothing wrong, in lines and in sentences; exit 0', async () => {
    const dir = temporary()
    const seen = await doctor(dir)
    expect(seen.findings.filter(({ status }) => status !== 'ok')).toEqual([])
    expect(seen.code).toBe(0)
    const checks = ['node', 'packages', 'python', 'uv', 'home', 'state', 'disk', 'executor', 'isolation', 'clock']
    expect(seen.findings.map(({ check }) => check)).toEqual([
      ...checks,
      ...['nats', 'jetstream', 'sync', 'permissions', 'connectors'],
    ])
    expect(seen.of('isolation')[0].message).toContain('isolation full')
    expect(seen.of('nats')[0].message).toMatch(/embedded nats-server .*version 2\./)
    const told = await run(['doctor', '--home', join(dir, 'home')], { cwd: dir })
    expect(told.code).toBe(0)
    expect(told.stdout).toMatch(/✓ sync: .*syncs each write[\s\S]*15 ok, 0 warnings, 0 failed/)
  })

  it('it looks at what `up` runs there, and disturbs nothing', { timeout: 90_000 }, async () => {
    const dir = temporary()
    const gate = join(dir, 'gate')
    const source = new Source(join(dir, 'connectors'), { gate, yaml: 'refresh: {schedule: every 1h}\n' })
    source.put('a', '1', rows(3, 1))
    const up = start(['up', '--json', '--home', join(dir, 'home')], { cwd: dir, env: source.env })
    await up.line(({ type }) => type === 'up')
    await expect.poll(() => childrenOf(up.child.pid!, '_child/__main__.py').length, { timeout: 30_000 }).toBe(1)
    const servers = childrenOf(up.child.pid!, 'nats-server')
    const seen = await doctor(dir, source.env)
    expect(seen.code, JSON.stringify(seen.findings)).toBe(0)
    expect(seen.of('home')[0].message).toContain(`pid ${up.child.pid}`)
    expect(seen.of('jetstream')[0].message).toContain('1 streams')
    expect(seen.of('connectors')[0].message).toMatch(/1 of 1 connectors/)
    expect(childrenOf(up.child.pid!, 'nats-server')).toEqual(servers)
    writeFileSync(gate, '')
    expect(await up.line(({ type }) => type === 'refresh')).toMatchObject({ status: 'succeeded', rows: 3 })
    up.child.kill('SIGTERM')
    expect((await up.result).code).toBe(143)
  })
})

describe('of executors elsewhere', () => {
  it('it says which cannot be reached, which drain, and how each is to be put right; exit 3', async () => {
    const dir = temporary()
    const tls = temporary()
    certs(tls)
    const good = await startExecutor(temporary(), tlsArgs(tls))
    onTestFinished(async () => void (await good.end()))
    const env = { ...tlsEnv(tls), ROWCAST_EXECUTORS: `${good.address},127.0.0.1:1` }
    const seen = await doctor(dir, env)
    expect(seen.code).toBe(3)
    expect(seen.of('executor').map(({ status }) => status)).toEqual(['ok', 'failed'])
    expect(seen.of('executor')[0].message).toMatch(/version \d.*Python 3\.\d+.*0 sessions, 0 readers/)
    expect(seen.of('executor')[1]).toMatchObject({
      message: expect.stringMatching(/executor\.unreachable: .*127\.0\.0\.1:1/),
      fix: expect.stringContaining('ROWCAST_EXECUTORS'),
    })
    const without = await doctor(dir, { ROWCAST_EXECUTORS: '10.255.255.1:7400' })
    expect(without.code).toBe(1)
    expect(without.of('executor')[0].message).toMatch(/config\.usage: .*without TLS/)
    const strangers = temporary()
    certs(strangers)
    const refused = await doctor(dir, { ...env, ...tlsEnv(strangers), ROWCAST_EXECUTORS: good.address })
    expect(refused.code).toBe(3)
    expect(refused.of('executor')[0].fix).toContain('certs.sh')
  })
})

describe('of a NATS server elsewhere', () => {
  it('it says what it lacks: JetStream, syncing, permissions', async () => {
    const dir = temporary()
    const server = await NatsServer.start({
      syncInterval: '2m',
      users: [
        {
          user: 'weak',
          password: 'secret-word',
          publish: ['_rowcast.in.>', '$JS.API.INFO'],
          subscribe: ['_INBOX_rowcast.>'],
        },
      ],
    })
    onTestFinished(() => server.dispose())
    const env = { NATS_URL: server.url, NATS_USER: 'weak', NATS_PASSWORD: 'secret-word' }
    const seen = await doctor(dir, { ...env, ROWCAST_NATS_MONITOR: server.monitor })
    expect(seen.code, JSON.stringify(seen.findings)).toBe(1)
    expect(seen.of('nats')[0]).toMatchObject({ status: 'ok', message: expect.stringContaining(server.url) })
    expect(seen.of('jetstream')[0].status).toBe('ok')
    expect(seen.of('sync')[0]).toMatchObject({
      status: 'warning',
      fix: expect.stringContaining('sync_interval: always'),
    })
    expect(seen.of('permissions')[0]).toMatchObject({
      status: 'failed',
      message: expect.stringMatching(
        /to publish _rowcast\.ctl\.0doctor\.probe.*to subscribe to rows\.0doctor\._probe\.doctor/,
      ),
    })
    expect((await doctor(dir, env)).of('sync')[0].fix).toContain('ROWCAST_NATS_MONITOR')

    const denied = await doctor(dir, { ...env, NATS_PASSWORD: 'another-word' })
    expect(denied.code).toBe(3)
    expect(denied.of('nats')[0]).toMatchObject({ status: 'failed', fix: expect.stringContaining('NATS_PASSWORD') })
    // Promise 10.
    expect(JSON.stringify([seen.findings, denied.findings, denied.stderr])).not.toMatch(/secret-word|another-word/)
    await server.kill()
    const gone = await doctor(dir, env)
    expect(gone.code).toBe(3)
    expect(gone.of('nats')[0]).toMatchObject({ status: 'failed', fix: expect.stringContaining('NATS_URL') })
  })
})

describe('of connectors and the home', () => {
  it('it says which definitions are wrong and which credentials are not there; exit 1', async () => {
    const dir = temporary()
    const connector = (name: string, credentials: string) => {
      mkdirSync(join(dir, 'connectors', name), { recursive: true })
      writeFileSync(join(dir, 'connectors', name, 'connector.py'), '')
      const yaml = `name: ${name}\nparser: {type: xsv}\nschema: {columns: [{name: a, type: long}]}\n${credentials}`
      writeFileSync(join(dir, 'connectors', name, 'connector.yaml'), yaml)
    }
    connector('fine', '')
    connector('byenv', 'credentials: {env: DOCTOR_TOKEN}\n')
    connector('byfile', 'credentials: {file: token}\n')
    connector('wrong', 'shema: {}\n')
    const seen = await doctor(dir)
    expect(seen.code).toBe(1)
    expect(seen.of('credentials').map(({ fix }) => fix)).toEqual([
      expect.stringContaining('export DOCTOR_TOKEN='),
      expect.stringContaining('byfile'),
    ])
    expect(seen.of('connector')[0].message).toMatch(/wrong\/connector\.yaml:4:1/)
    expect(seen.of('connectors')[0].message).toMatch(/1 of 4/)
    writeFileSync(join(dir, 'connectors/byfile/token'), 'x')
    rmSync(join(dir, 'connectors/wrong'), { recursive: true })
    const cluster = await doctor(dir, { DOCTOR_TOKEN: 'x', KUBERNETES_SERVICE_HOST: '10.0.0.1' })
    expect(cluster.code).toBe(0)
    expect(cluster.of('credentials')).toMatchObject([{ status: 'warning', fix: expect.stringContaining('file') }])
  })

  it('it says that the home cannot be written or is of a newer program, and looks at the rest', async () => {
    const dir = temporary()
    writeFileSync(join(dir, 'home'), 'a file')
    const seen = await doctor(dir)
    expect(seen.code).toBe(3)
    expect(seen.of('home')[0]).toMatchObject({ status: 'failed', fix: expect.stringContaining('--home') })
    expect(seen.of('connectors')).toHaveLength(1)
    const newer = temporary()
    mkdirSync(join(newer, 'home'))
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(join(newer, 'home/state.sqlite'))
    database.exec(
      "CREATE TABLE kysely_migration (name TEXT, timestamp TEXT); INSERT INTO kysely_migration VALUES ('9999_later', '')",
    )
    database.close()
    const later = await doctor(newer)
    expect(later.code).toBe(1)
    expect(later.of('state')[0]).toMatchObject({ status: 'failed', message: expect.stringContaining('9999') })
  })
})

describe('of a broken installation', () => {
  it('it names what is missing, even when the program itself does not load', async () => {
    // Beside the checkout's own files: Node resolves links to where they lead.
    const copy = mkdtempSync(join(temporary(), 'checkout-'))
    for (const part of ['orchestrator', 'package.json']) cpSync(join(ROOT, part), join(copy, part), { recursive: true })
    mkdirSync(join(copy, 'node_modules'))
    symlinkSync(join(ROOT, 'node_modules/yaml'), join(copy, 'node_modules/yaml'))
    const bin = join(copy, 'orchestrator/cli/bin.mjs')
    const { execFile } = await import('node:child_process')
    const call = (...args: string[]) =>
      new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
        execFile(NODE, [bin, ...args], (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })),
      )
    const broken = await call('doctor', '--json')
    expect(broken.code).toBe(1)
    const lines = broken.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const failed = lines.filter(({ status, type }) => type === 'finding' && status === 'failed')
    expect(failed.map(({ check }) => check)).toEqual(['packages', 'python', 'program'])
    expect(failed[0].message).toMatch(/@grpc\/grpc-js is missing/)
    expect(failed[0].message).not.toMatch(/yaml/)
    for (const { fix } of failed) expect(fix).toContain('npm run setup')
    expect(lines.at(-1)).toMatchObject({ type: 'doctor', failed: 3 })
    const other = await call('refresh', 'x')
    expect(other.code).toBe(3)
    expect(other.stderr).toMatch(/npm run setup/)
  })
})
