/** Each example as its README says, and the quickstart. */
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { EXAMPLES, owned, PYTHON, run, temporary } from '../support/cli.ts'
import { observeHome } from '../support/embedded.ts'

it('quickstart: airports, a summary, and nothing read the second time', async () => {
  const dir = temporary()
  const { code, stdout, stderr } = await run(['quickstart', '--home', join(dir, 'home')])
  expect(code, stderr).toBe(0)
  const [, fragments, rows] = /✓ airports succeeded .*?: (\d+) fragments committed .* ([\d,]+) rows/.exec(stdout)!
  expect(Number(fragments)).toBeGreaterThan(200)
  expect(Number(rows!.replace(',', ''))).toBeGreaterThan(25_000)
  expect(stdout).toContain(`${fragments} fragments, ${rows} rows`)
  expect(stdout).toContain(`nothing to read: ${fragments} fragments unchanged`)
  expect(stdout).toContain("'rows.airports.>'")

  // The oracle: the rows on the stream are the package's rows.
  const seen = await observeHome(join(dir, 'home'), 'airports')
  const environment = join(dir, 'check')
  execFileSync(PYTHON, ['-m', 'venv', '--without-pip', environment])
  execFileSync(join(EXAMPLES, '../.venv/bin/uv'), [
    'pip',
    'install',
    '-q',
    '--python',
    join(environment, 'bin/python'),
    'airportsdata==20260905',
  ])
  const script =
    'import airportsdata, json; print(json.dumps([[a["country"], a["icao"], a["name"], a["elevation"], a["lat"]] for a in airportsdata.load().values()]))'
  const expected = JSON.parse(
    execFileSync(join(environment, 'bin/python'), ['-c', script], { encoding: 'utf8', maxBuffer: 1 << 28 }),
  ) as [string, string, string, number, number][]
  const stored = [...seen.rows].flatMap(([country, lines]) =>
    lines
      .map((line) => JSON.parse(line))
      .map((row) => [country, row.icao, row.name ?? '', row.elevation_ft, row.latitude]),
  )
  const byCode = (a: unknown[], b: unknown[]) => (String(a[1]) < String(b[1]) ? -1 : 1)
  expect(stored.sort(byCode)).toEqual(expected.sort(byCode))
})

it('folder: JSON lines and CSV side by side, as deep as it goes', async () => {
  const dir = temporary()
  const home = join(dir, 'home')
  const folder = join(dir, 'folder')
  cpSync(join(EXAMPLES, 'folder-data'), folder, { recursive: true })
  const env = { FOLDER: folder }
  const refresh = async () =>
    (await run(['refresh', join(EXAMPLES, 'folder'), '--home', home, '--json'], { env })).lines.at(-1)
  expect(await refresh()).toMatchObject({
    status: 'succeeded',
    fragments: { listed: 3, committed: 3 },
    rows: 6,
    rejected: 0,
  })
  const seen = await observeHome(home, 'folder')
  expect(seen.rows.get('2026/10/north.csv')).toEqual([
    '{"till":1,"item":"apples","price":"2.40","sold_at":"2026-10-30T09:15:00Z"}',
    '{"till":1,"item":"bread, rye","price":"3.10","sold_at":"2026-10-30T09:16:30Z"}',
    '{"till":2,"item":"tea","price":"12.00","sold_at":"2026-10-31T16:02:11Z"}',
  ])
  appendFileSync(
    join(folder, '2026/11/south.jsonl'),
    '{"till": 7, "item": "rice", "price": 2.05, "sold_at": "2026-11-02T10:20:00Z"}\n',
  )
  rmSync(join(folder, '2026/10'), { recursive: true })
  expect(await refresh()).toMatchObject({ fragments: { listed: 2, changed: 1, retracted: 1 }, rows: 2 })
  expect([...(await observeHome(home, 'folder')).rows.keys()].sort()).toEqual([
    '2026/11/north.jsonl',
    '2026/11/south.jsonl',
  ])
})

it('orders: pages of an HTTP API, big numbers digit for digit', async () => {
  const api = owned(spawn(PYTHON, [join(EXAMPLES, 'orders/api.py'), '0'], { stdio: ['ignore', 'pipe', 'ignore'] }))
  onTestFinished(() => void api.kill())
  const { port } = JSON.parse((await createInterface({ input: api.stdout })[Symbol.asyncIterator]().next()).value ?? '')
  const dir = temporary()
  const home = join(dir, 'home')
  const env = { ORDERS_API: JSON.stringify({ url: `http://127.0.0.1:${port}`, token: 'secret-token' }) }
  const result = await run(['refresh', join(EXAMPLES, 'orders'), '--home', home, '--json'], { env })
  expect(result.lines.at(-1), result.stderr).toMatchObject({
    status: 'succeeded',
    fragments: { committed: 2 },
    rows: 12,
    rejected: 0,
  })
  const seen = await observeHome(home, 'orders')
  expect(seen.rows.get('2026-09')![0]).toBe(
    '{"id":9007199254740993,"customer":"Ada","amount":"9007199254740993.10","placed_at":"2026-10-01T12:00:00Z"}',
  )
  const denied = await run(['refresh', join(EXAMPLES, 'orders'), '--home', home, '--json'], {
    env: { ORDERS_API: env.ORDERS_API.replace('secret-token', 'wrong-secret') },
  })
  expect(denied.code).toBe(1)
  expect(denied.lines.at(-1)).toMatchObject({ status: 'failed', error: { code: 'list.failed' } })
  expect(denied.stdout + denied.stderr).not.toContain('wrong-secret')
})
