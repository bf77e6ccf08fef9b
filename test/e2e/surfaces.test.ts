/** The command line's stable lines, exit codes and messages. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, start, temporary } from '../support/cli.ts'
import { rows, Source } from '../support/source.ts'

describe('from init to tail', () => {
  it('a new connector works as it is', async () => {
    const dir = temporary()
    const home = ['--home', join(dir, 'home')]
    const init = await run(['init', 'connectors/weather', '--json'], { cwd: dir })
    expect(init.code).toBe(0)
    expect(readFileSync(join(dir, 'connectors/weather/connector.yaml'), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\.connector\.schema\.json\n/,
    )
    expect((await run(['init', 'connectors/weather'], { cwd: dir })).code).toBe(2)

    const test = await run(['test', 'weather', '--json', ...home], { cwd: dir })
    expect(test.code, test.stderr).toBe(0)
    expect(test.lines.filter(({ type }) => type === 'row')).toHaveLength(4)
    expect(test.lines[0]).toEqual({
      type: 'row',
      fragment: 'monday',
      row: { id: 1, city: 'Oslo', temperature: 3.5, measured_at: '2026-11-02T06:00:00Z' },
    })
    expect(test.lines.at(-1)).toEqual({ type: 'summary', fragments: 2, rows: 4, rejected: 0, failed: 0 })

    const refresh = await run(['refresh', 'weather', ...home], { cwd: dir })
    expect(refresh.code, refresh.stderr).toBe(0)
    expect(refresh.stdout).toMatch(/weather succeeded in .* 2 fragments committed/)
    expect(refresh.stdout).toMatch(/nats sub --server nats:\/\/reader:[0-9a-f]+@127\.0\.0\.1:\d+ 'rows\.weather\.>'/)

    const tail = await run(['tail', 'weather', '--json', '--until-idle', '1000', ...home], { cwd: dir })
    expect(tail.code, tail.stderr).toBe(0)
    expect(tail.lines.map(({ type }) => type).sort()).toEqual([
      'fragment',
      'fragment',
      'refresh',
      'row',
      'row',
      'row',
      'row',
      'schema',
    ])
    expect(tail.lines.find(({ type, fragment }) => type === 'row' && fragment === 'tuesday')).toMatchObject({
      fragment: 'tuesday',
      row: { id: 3, city: 'Oslo' },
    })

    const status = await run(['status', '--json', ...home], { cwd: dir })
    expect(status.lines).toMatchObject([
      { type: 'connector', connector: 'weather', state: 'idle', fragments: 2, rows: 4, rejected: 0, failed: 0 },
    ])
    expect((await run(['status', ...home], { cwd: dir })).stdout).toMatch(/weather +idle +2 +4/)
    const fragments = await run(['fragments', 'weather', '--json', '--limit', '1', ...home], { cwd: dir })
    expect(fragments.lines).toMatchObject([{ type: 'fragment', name: 'monday', state: 'live', rows: 2 }])
  })
})

describe('test', () => {
  const YAML =
    'name: t\nparser: {type: xsv}\nschema: {columns: [{name: n, type: byte}, {name: s, type: string}]}\nrejects: {max: 2}\n'
  const CODE = `
def list_objects(context, metadata):
    if metadata is None:
        yield {"name": "p", "is_prefix": True}
    else:
        yield {"name": "p/a", "fingerprint": "f1"}
        yield {"name": "p/b", "fingerprint": "f2"}

def read_bytes(context, metadata):
    yield "n,s,extra\\n1,x,\\n300,y,\\n" + "2,z,\\n" * (5 if metadata["name"] == "p/a" else 0)
    if metadata["name"] == "p/b":
        yield "q,,\\nw,,\\n"
`
  function make() {
    const dir = temporary()
    mkdirSync(join(dir, 't'))
    writeFileSync(join(dir, 't/connector.yaml'), YAML)
    writeFileSync(join(dir, 't/connector.py'), CODE)
    return { args: (...more: string[]) => ['test', join(dir, 't'), '--json', '--home', join(dir, 'home'), ...more] }
  }

  it('prints rows, rejects, a line per fragment and a summary', async () => {
    const { args } = make()
    const { code, lines } = await run(args())
    expect(code).toBe(1)
    expect(lines.find(({ type }) => type === 'reject')).toEqual({
      type: 'reject',
      fragment: 'p/a',
      row_number: 2,
      line: 3,
      byte_offset: 15,
      column: 'n',
      code: 'row.range',
      message: expect.stringContaining('300'),
      raw: '300,y,',
    })
    expect(lines.filter(({ type }) => type === 'fragment')).toMatchObject([
      { name: 'p/a', fingerprint: 'f1', rows: 6, rejected: 1, status: 'ok' },
      { name: 'p/b', fingerprint: 'f2', rows: 0, status: 'failed', error: { code: 'fragment.rejects' } },
    ])
    expect(lines.at(-1)).toMatchObject({ type: 'summary', fragments: 2, rows: 6, failed: 1 })
  })

  it('lists with --list, reads what --fragment names, stops at --max-rows', async () => {
    const { args } = make()
    const listed = await run(args('--list'))
    expect(listed.code).toBe(0)
    expect(listed.lines).toEqual([
      { type: 'listed', name: 'p', fingerprint: null, is_prefix: true, depth: 0 },
      { type: 'listed', name: 'p/a', fingerprint: 'f1', is_prefix: false, depth: 1 },
      { type: 'listed', name: 'p/b', fingerprint: 'f2', is_prefix: false, depth: 1 },
      { type: 'summary', fragments: 2, rows: 0, rejected: 0, failed: 0 },
    ])
    const cut = await run(args('--fragment', 'p/a', '--max-rows', '2'))
    expect(cut.code, cut.stderr).toBe(0)
    expect(cut.lines.filter(({ type }) => type === 'row')).toHaveLength(2)
    expect(cut.lines.find(({ type }) => type === 'fragment')).toMatchObject({
      name: 'p/a',
      rows: 2,
      status: 'ok',
      truncated: true,
    })
    const absent = await run(args('--fragment', 'nope'))
    expect(absent.code).toBe(2)
  })

  it('says plan without changing anything', async () => {
    const dir = temporary()
    const source = new Source(dir)
    source.put('a', '1', rows(1, 1))
    const plan = () => run(['plan', source.dir, '--json', '--home', join(dir, 'home')], { env: source.env })
    for (let i = 0; i < 2; i++)
      expect((await plan()).lines.at(-1)).toMatchObject({
        type: 'plan',
        listed: 1,
        new: 1,
        changed: 0,
        unchanged: 0,
        vanished: 0,
      })
    expect(source.reads()).toEqual([])
  })
})

describe('wrong usage and unreachable parts', () => {
  it('says each mistake of connector.yaml with file, line, column and the nearest key; exit 2', async () => {
    const dir = temporary()
    mkdirSync(join(dir, 'c'))
    writeFileSync(join(dir, 'c/connector.py'), '')
    writeFileSync(
      join(dir, 'c/connector.yaml'),
      'name: c\nparser: {type: xsv}\nschma: {columns: []}\nrefresh: {schedule: every 5 lightyears, concurency: 2}\n',
    )
    const { code, stderr } = await run(['refresh', join(dir, 'c'), '--home', join(dir, 'home')])
    expect(code).toBe(2)
    expect(stderr).toMatch(/connector\.yaml:3:1: .*schma.*schema/)
    expect(stderr).toMatch(/connector\.yaml:4:\d+: .*lightyears/)
    expect(stderr).toMatch(/connector\.yaml:4:\d+: .*concurency.*concurrency/)
    const test = await run(['test', join(dir, 'c'), '--json', '--home', join(dir, 'home')])
    expect(test.code).toBe(2)
    expect(test.lines).toMatchObject([
      { type: 'error', stage: 'config', error: { code: 'config.invalid' } },
      { type: 'summary', fragments: 0 },
    ])
  })

  it('knows neither unknown commands nor unknown folders; exit 2, with the next step', async () => {
    const unknown = await run(['refrsh', 'x'])
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('refresh')
    const folder = await run(['refresh', 'nowhere'])
    expect(folder.code).toBe(2)
    expect(folder.stderr).toContain('rowcast init nowhere')
  })

  it('names the credential variable that is not set; exit 2, never 1', async () => {
    const dir = temporary()
    const source = new Source(dir)
    const { code, stderr } = await run(['refresh', source.dir, '--home', join(dir, 'home')])
    expect(stderr).toContain('SOURCE')
    expect(code).toBe(2)
  })

  it('names a NATS server that is not there; exit 3', async () => {
    const dir = temporary()
    const source = new Source(dir)
    const { code, stderr } = await run(['refresh', source.dir, '--home', join(dir, 'home')], {
      env: { ...source.env, NATS_URL: `nats://127.0.0.1:${await closedPort()}` },
    })
    expect(code).toBe(3)
    expect(stderr).toMatch(/nats\.unreachable.*127\.0\.0\.1/)
  })

  it('names an executor that is not there, tries again, then exit 3', async () => {
    const dir = temporary()
    const source = new Source(dir)
    const { code, stderr } = await run(['refresh', source.dir, '--home', join(dir, 'home')], {
      env: { ...source.env, ROWCAST_EXECUTORS: `127.0.0.1:${await closedPort()}` },
    })
    expect(code).toBe(3)
    expect(stderr).toMatch(/executor\.unreachable/)
    expect(stderr).toMatch(/trying again/)
  })

  it('says that the home cannot be written; exit 3', async () => {
    const dir = temporary()
    writeFileSync(join(dir, 'file'), '')
    const source = new Source(dir)
    const { code, stderr } = await run(['refresh', source.dir, '--home', join(dir, 'file', 'home')], {
      env: source.env,
    })
    expect(code).toBe(3)
    expect(stderr).toMatch(/home\.unwritable.*--home/)
  })

  it('refuses a home that another process writes to, naming it; exit 3', async () => {
    const dir = temporary()
    const source = new Source(dir, { pause: 0.2, chunk: 10 })
    source.put('slow', '1', rows(200, 1))
    const home = join(dir, 'home')
    const first = start(['refresh', source.dir, '--home', home], { env: source.env })
    await first.stderr(/listed/)
    const second = await run(['refresh', source.dir, '--home', home], { env: source.env })
    expect(second.code).toBe(3)
    expect(second.stderr).toMatch(new RegExp(`state\\.locked.*pid ${first.child.pid}`))
    first.child.kill('SIGKILL')
    await first.result
  })

  it('has help with an example for every command', async () => {
    for (const command of ['init', 'test', 'record', 'plan', 'refresh', 'up', 'tail', 'status', 'fragments']) {
      const { code, stdout } = await run([command, '--help'])
      expect(code).toBe(0)
      expect(stdout).toContain(`Example:\n  rowcast ${command}`)
    }
  })
})

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
