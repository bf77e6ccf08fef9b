/** The author's own parser, and connectors that yield rows: the same types and rejects as any other. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { run, temporary } from '../support/cli.ts'

function make(yaml: string, python: string): { folder: string; home: string } {
  const dir = temporary()
  const folder = join(dir, 'c')
  mkdirSync(folder)
  writeFileSync(join(folder, 'connector.yaml'), `name: c\n${yaml}`)
  writeFileSync(join(folder, 'connector.py'), python)
  return { folder, home: join(dir, 'home') }
}

const LISTING = 'def list_objects(context, metadata):\n    yield {"name": "a", "fingerprint": "1"}\n\n'
const COLUMNS =
  'schema: {columns: [{name: n, type: long}, {name: d, type: "decimal(30,10)"}, {name: at, type: timestamp}, {name: b, type: binary}]}\n'

it.for([
  ['a generator', 'parse', 'def parse(reader):\n    for line in reader:\n        yield row(line)\n'],
  [
    'a function with onNext',
    'parse',
    'def parse(reader, onNext):\n    for line in reader:\n        onNext(row(line))\n',
  ],
])('parser: {type: python}, %s', async ([, name, parser]) => {
  const { folder, home } = make(
    `parser: {type: python, function: ${name}}\n${COLUMNS}`,
    `
import datetime, decimal
${LISTING}
def read_bytes(context, metadata):
    yield b"1;1.50\\n9007199254740993;0.1"
    yield b"000000001\\nbad;2\\n"

def row(line):
    n, d = line.decode().strip().split(";")
    return {"n": int(n) if n.isdigit() else n, "d": decimal.Decimal(d), "at": datetime.datetime(2026, 11, 2, 6, tzinfo=datetime.timezone.utc), "b": b"x\\x00"}

${parser}`,
  )
  const { code, lines, stderr } = await run(['test', folder, '--json', '--home', home])
  expect(code, stderr).toBe(0)
  expect(lines.filter(({ type }) => type === 'row').map(({ row }) => row)).toMatchObject([
    { n: 1, d: '1.50', b: 'eAA=' },
    { d: '0.1000000001', at: expect.stringMatching(/^2026-11-02T06:00:00(\.0+)?Z$/) },
  ])
  expect(lines.find(({ type }) => type === 'reject')).toMatchObject({ row_number: 3, column: 'n', code: 'row.value' })
})

it('read_rows in place of read_bytes and parser', async () => {
  const { folder, home } = make(
    'schema: {columns: [{name: id, type: int}, {name: t, type: string}]}\n',
    `${LISTING}def read_rows(context, metadata):\n    for i in range(3):\n        yield {"id": i, "t": "ü\\n" * i}\n`,
  )
  const { code, lines, stderr } = await run(['test', folder, '--json', '--home', home])
  expect(code, stderr).toBe(0)
  expect(lines.filter(({ type }) => type === 'row').map(({ row }) => row)).toEqual(
    [0, 1, 2].map((id) => ({ id, t: 'ü\n'.repeat(id) })),
  )
})

it('lock writes what every machine installs, and it is used', { timeout: 60_000 }, async () => {
  const { folder, home } = make(
    'pip: [airportsdata==20260905]\nparser: {type: xsv}\nschema: {columns: [{name: id, type: int}]}\n',
    `import airportsdata\n${LISTING}def read_bytes(context, metadata):\n    yield "id\\n%d\\n" % len(airportsdata.load())\n`,
  )
  const lock = await run(['lock', folder, '--json', '--home', home])
  expect(lock.code, lock.stderr).toBe(0)
  expect(lock.lines).toMatchObject([{ type: 'lock', connector: 'c', packages: 1 }])
  const text = readFileSync(join(folder, 'connector.lock'), 'utf8')
  expect(text).toMatch(/^airportsdata==20260905 \\\n {4}--hash=sha256:/m)
  expect(text).not.toMatch(/https?:/)
  const test = await run(['test', folder, '--json', '--home', home])
  expect(test.lines.at(-1), test.stderr).toMatchObject({ rows: 1, failed: 0 })
  writeFileSync(join(folder, 'connector.lock'), text.replaceAll(/sha256:[0-9a-f]{64}/g, `sha256:${'0'.repeat(64)}`))
  const broken = await run(['test', folder, '--json', '--home', home])
  expect(broken.code).toBe(1)
  expect(broken.lines[0]).toMatchObject({ type: 'error', stage: 'environment' })
})
