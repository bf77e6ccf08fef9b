/** `rowcast test` as an author sees it: what the code printed is beside the fragment it belongs to. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { run, temporary } from '../support/cli.ts'

function make(python: string) {
  const dir = temporary()
  const folder = join(dir, 'c')
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'connector.yaml'),
    'name: c\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\n',
  )
  writeFileSync(join(folder, 'connector.py'), python)
  return (...args: string[]) => run(['test', folder, '--home', join(dir, 'home'), ...args])
}

const PRINTS = `
import logging, sys
print("at import")
def context(credentials):
    print("in context")
def list_objects(context, metadata):
    print("listing")
    for name in ("a", "b", "c"): yield {"name": name, "fingerprint": "1"}
def read_bytes(context, metadata):
    name = metadata["name"]
    print("reading", name)
    if name == "b":
        for n in range(100): print("step", n)
        logging.warning("about to fail")
        raise ValueError("no paper")
    yield "id\\n1\\n"
    print("unfinished line of", name, end="")
`

it('shows prints above the result of their fragment, in order, long ones cut and counted', async () => {
  const { code, stdout, stderr } = await make(PRINTS)()
  expect(code).toBe(1)
  const steps = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => `  | step ${from + n}`).join('\n')
  expect(stdout.replaceAll(/ \d\.\d\d s/g, ' S')).toBe(`printed while loading and listing:
  | at import
  | in context
  | listing
  {"id":1}
  | reading a
  | unfinished line of a
✓ a: 1 row, 0 rejected, 5 B, S
  | reading b
${steps(0, 8)}
  | … 82 more lines, all of them with --json
${steps(91, 99)}
  | WARNING:root:about to fail
✗ b: 0 rows, 0 rejected, 0 B, S
  {"id":1}
  | reading c
  | unfinished line of c
✓ c: 1 row, 0 rejected, 5 B, S
printed outside of fragments:
  | at import
  | in context
3 fragments, 2 rows, 0 rejected, 1 failed
`)
  // Neither out of order among the notes, nor told twice.
  expect(stderr).not.toMatch(/reading|at import/)
  expect(stderr).toContain('read.failed: no paper')
})

it('gives machines every line, with its fragment, before the fragment’s own', async () => {
  const { lines, stderr } = await make(PRINTS)('--json')
  const logs = (fragment: string) => lines.filter((line) => line.type === 'log' && line.fragment === fragment)
  expect(logs('')[0]).toEqual({ type: 'log', fragment: '', stream: 'stdout', text: 'at import' })
  expect(logs('b')).toHaveLength(102)
  expect(logs('b').at(-1)).toEqual({
    type: 'log',
    fragment: 'b',
    stream: 'stderr',
    text: 'WARNING:root:about to fail',
  })
  for (const name of ['a', 'b', 'c']) {
    const end = lines.findIndex((line) => line.type === 'fragment' && line.name === name)
    expect(lines.findLastIndex((line) => line.type === 'log' && line.fragment === name)).toBeLessThan(end)
  }
  expect(lines.filter(({ type }) => type !== 'log').map(({ type }) => type)).toEqual([
    ...['row', 'fragment', 'fragment', 'row', 'fragment', 'summary'],
  ])
  expect(stderr).toContain('c b | reading b')
})

it('shows what was printed before the connector failed to load, to make its context, to list', async () => {
  const stages: [string, string][] = [
    ['connector.load_failed', 'print("so far")\nraise KeyError("gone")\n'],
    ['context.failed', 'def context(credentials):\n    print("so far")\n    raise KeyError("gone")\n'],
    ['list.failed', 'def list_objects(context, metadata):\n    print("so far")\n    raise KeyError("gone")\n'],
  ]
  const rest =
    'def list_objects(context, metadata):\n    return []\ndef read_bytes(context, metadata):\n    return b""\n'
  for (const [error, python] of stages) {
    const { code, stdout, stderr } = await make(rest + python)()
    expect(code).toBe(1)
    expect(stderr).toContain(error)
    expect(stdout).toBe('printed before it failed:\n  | so far\n0 fragments, 0 rows, 0 rejected, 0 failed\n')
  }
})

it('names the slowest of many fragments', async () => {
  const test = make(`
import time
def list_objects(context, metadata):
    for n in range(12): yield {"name": f"f{n}", "fingerprint": "1"}
def read_bytes(context, metadata):
    yield "id\\n"
    # Longer than any of the others may take, however busy the machine is; the time is not asserted.
    if metadata["name"] in ("f4", "f7"): time.sleep(0.7 if metadata["name"] == "f7" else 0.4)
    yield "1\\n2\\n"
`)
  const { lines } = await test('--json', '--no-checks')
  const { fragments } = lines.find(({ type }) => type === 'slowest')
  expect(fragments).toHaveLength(3)
  expect(fragments.slice(0, 2)).toEqual([
    { name: 'f7', bytes: 7, rows: 2, seconds: expect.any(Number) },
    { name: 'f4', bytes: 7, rows: 2, seconds: expect.any(Number) },
  ])
  expect(lines.at(-1).type).toBe('summary')
  const { stdout } = await test('--no-checks')
  expect(stdout).toMatch(/slowest:\n +fragment +seconds +bytes +rows\n +f7 +0\.\d\d +7 B +2\n +f4/)
})
