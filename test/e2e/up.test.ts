/** rowcast up: schedules, and other commands on the same home meanwhile. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { run, start, temporary } from '../support/cli.ts'
import { readerOf } from '../support/embedded.ts'
import { startExecutor } from '../support/executor.ts'
import { expectSame, observe } from '../support/oracle.ts'
import { rows, Source } from '../support/source.ts'

it('refreshes by schedule, serves subscribers meanwhile, and ends well on SIGTERM', { timeout: 90_000 }, async () => {
  const dir = temporary()
  const home = join(dir, 'home')
  const source = new Source(join(dir, 'connectors'), { name: 'often', yaml: 'refresh: {schedule: every 10s}\n' })
  source.put('a', '1', rows(3, 1))
  mkdirSync(join(dir, 'connectors/byhand'))
  writeFileSync(
    join(dir, 'connectors/byhand/connector.yaml'),
    'name: byhand\nparser: {type: xsv}\nschema: {columns: [{name: id, type: int}]}\n',
  )
  writeFileSync(
    join(dir, 'connectors/byhand/connector.py'),
    'def list_objects(c, m):\n    return []\ndef read_bytes(c, m):\n    return b""\n',
  )

  const up = start(['up', 'connectors', '--json', '--home', home], { cwd: dir, env: source.env })
  expect(await up.line(({ type }) => type === 'up')).toMatchObject({ connectors: ['byhand', 'often'] })
  expect(await up.line(({ type }) => type === 'refresh')).toMatchObject({
    connector: 'often',
    status: 'succeeded',
    rows: 3,
  })
  expectSame(await observe(readerOf(home), 'often'), source)

  const tail = start(['tail', 'often', '--from', 'new', '--json', '--home', home])
  await tail.stderr(/tailing/)
  source.put('b', '1', rows(2, 2))
  expect(await tail.line(({ type, fragment }) => type === 'fragment' && fragment === 'b')).toMatchObject({ rows: 2 })
  tail.child.kill('SIGTERM')
  expect((await tail.result).code).toBe(143)

  const status = (await run(['status', '--json', '--home', home])).lines
  expect(status.find(({ connector }) => connector === 'often')).toMatchObject({
    state: expect.stringMatching(/idle|running/),
    next_due_at: expect.stringMatching(/^20/),
  })
  up.child.kill('SIGTERM')
  const ended = await up.result
  expect(ended.code, ended.stderr).toBe(143)
  expect(source.reads()).toEqual([
    ['a', '1'],
    ['b', '1'],
  ])
})

it('starts the embedded server again when the process that owned it ends before', { timeout: 90_000 }, async () => {
  const dir = temporary()
  const home = join(dir, 'home')
  const gate = join(dir, 'gate')
  const source = new Source(dir, { gate })
  source.put('a', '1', rows(3, 1))
  // Whoever is first owns it.
  const tail = start(['tail', source.name, '--from', 'new', '--json', '--home', home])
  await tail.stderr(/tailing/)
  const refresh = start(['refresh', source.dir, '--json', '--home', home], { env: source.env })
  await refresh.stderr(/1 new/)
  tail.child.kill('SIGTERM')
  await tail.result
  writeFileSync(gate, '')
  const { code, lines, stderr } = await refresh.result
  expect(code, stderr).toBe(0)
  expect(lines.at(-1)).toMatchObject({ status: 'succeeded', rows: 3 })
})

it('serves the metrics of its executors while it runs, and not without being asked to', {
  timeout: 90_000,
}, async () => {
  const dir = temporary()
  const source = new Source(join(dir, 'connectors'), { yaml: 'refresh: {schedule: every 10s}\n' })
  source.put('a', '1', rows(1, 1))
  const executor = await startExecutor(temporary(), ['--max-readers', '4'])
  onTestFinished(async () => void (await executor.end()))
  const env = { ...source.env, ROWCAST_EXECUTORS: `${executor.address},127.0.0.1:1` }
  const up = start(['up', '--json', '--home', join(dir, 'home'), '--metrics', '0'], { cwd: dir, env })
  const { address } = await up.line(({ type }) => type === 'metrics')
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/)
  await up.line(({ type }) => type === 'refresh')
  const scrape = async () => (await fetch(`http://${address}/metrics`)).text()
  const labels = `{executor="${executor.address}",pool="default"}`
  // The session of the refresh, and its readers, end a moment after it.
  await expect.poll(scrape, { timeout: 20_000 }).toMatch(/state="free"\} 4/)
  const seen = await scrape()
  expect(seen).toContain(`rowcast_executor_sessions${labels} 0`)
  expect(seen).toContain(`rowcast_executor_up${labels} 1`)
  expect(seen).toContain('rowcast_executor_up{executor="127.0.0.1:1",pool="default"} 0')
  expect(seen).toContain(`rowcast_executor_isolation_full${labels} 1`)
  expect(seen).toContain(`rowcast_executor_slots{executor="${executor.address}",pool="default",state="used"} 0`)
  expect(await executor.end()).toBe(0)
  expect(await scrape()).toContain(`rowcast_executor_up${labels} 0`)
  up.child.kill('SIGTERM')
  expect((await up.result).code).toBe(143)
  expect((await run(['up', '--metrics', 'nowhere', '--home', join(dir, 'home')], { cwd: dir, env })).code).toBe(2)
})
