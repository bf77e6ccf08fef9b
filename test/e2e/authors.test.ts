/** What an author's code can do wrong, through the whole path: a named code, their own frames, exit 1, nothing else touched. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, temporary } from '../support/cli.ts'
import { observeHome } from '../support/embedded.ts'

const GOOD = `
def list_objects(context, metadata):
    yield {"name": "good", "fingerprint": "1"}
    yield {"name": "other", "fingerprint": "1"}

def read_bytes(context, metadata):
    yield "id\\n1\\n2\\n"
`

const YAML = 'name: authors\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\n'

const BROKEN: [title: string, code: string, python: string][] = [
  ['a syntax error', 'connector.load_failed', 'def list_objects(context, metadata)\n    pass\n'],
  ['an import error', 'connector.load_failed', `import no_such_module_at_all\n${GOOD}`],
  ['a missing function', 'connector.missing_function', 'def list_objects(context, metadata):\n    return []\n'],
  [
    'a wrong number of parameters',
    'connector.bad_signature',
    GOOD.replace('def read_bytes(context, metadata)', 'def read_bytes(context)'),
  ],
  [
    'an exception in context',
    'context.failed',
    `def context(credentials):\n    raise ValueError("no way in")\n${GOOD}`,
  ],
  [
    'an exception in list_objects at its last item',
    'list.failed',
    GOOD.replace('yield {"name": "other", "fingerprint": "1"}', 'raise KeyError("page 7")'),
  ],
  ['two fragments of one name', 'list.duplicate_name', GOOD.replace('"other"', '"good"')],
  [
    'a fingerprint that is a number',
    'list.bad_item',
    GOOD.replace('"other", "fingerprint": "1"', '"other", "fingerprint": 1'),
  ],
  [
    'a prefix that yields itself',
    'list.prefix_loop',
    GOOD.replace('yield {"name": "other", "fingerprint": "1"}', 'yield {"name": "loop", "is_prefix": True}'),
  ],
  [
    'an item that is no dict',
    'list.bad_item',
    GOOD.replace('yield {"name": "other", "fingerprint": "1"}', 'yield "other"'),
  ],
]

const READS: [title: string, code: string, body: string][] = [
  // Beyond two parts: what was stored of it must not stay behind the marker.
  [
    'an exception half-way',
    'read.failed',
    '    yield "id\\n"\n    yield from ["5\\n" * 100000] * 80\n    raise RuntimeError("connection cut")',
  ],
  ['a chunk that is a number', 'read.bad_chunk', '    yield "id\\n"\n    yield 5'],
  ['a forgotten return', 'read.bad_return', '    return None'],
  ['sys.exit', 'read.exited', '    import sys\n    yield "id\\n"\n    sys.exit(0)'],
  ['os._exit', 'read.exited', '    import os\n    yield "id\\n"\n    os._exit(0)'],
]

function connectorIn(dir: string, python: string): string {
  const folder = join(dir, 'authors')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'connector.yaml'), YAML)
  writeFileSync(join(folder, 'connector.py'), python)
  return folder
}

describe('a connector that cannot be listed', () => {
  it.for(BROKEN)('%s is %s; what was there stays', { timeout: 60_000 }, async ([, code, python]) => {
    const dir = temporary()
    const home = join(dir, 'home')
    const folder = connectorIn(dir, GOOD)
    expect((await run(['refresh', folder, '--home', home, '--json'])).code).toBe(0)
    connectorIn(dir, python)
    const { code: exit, lines, stderr } = await run(['refresh', folder, '--home', home, '--json'])
    expect(exit, stderr).toBe(1)
    expect(lines.at(-1)).toMatchObject({
      type: 'refresh',
      status: 'failed',
      fragments: { committed: 0, retracted: 0 },
      error: { code },
    })
    expect(lines.at(-1).error.message).not.toBe('')
    // The author's frames, none of ours.
    expect(stderr).not.toMatch(/_child|rowcast\/|importlib/)
    expect((await observeHome(home, 'authors')).rows.get('good')).toEqual(['{"id":1}', '{"id":2}'])
  })
})

describe('a fragment that cannot be read', () => {
  it.for(READS)('%s is %s; the other fragment goes on', { timeout: 60_000 }, async ([, code, body]) => {
    const dir = temporary()
    const home = join(dir, 'home')
    const folder = connectorIn(dir, GOOD)
    expect((await run(['refresh', folder, '--home', home, '--json'])).code).toBe(0)
    const changed = GOOD.replaceAll('"fingerprint": "1"', '"fingerprint": "2"').replace(
      '    yield "id\\n1\\n2\\n"',
      '    return good(metadata) if metadata["name"] == "other" else bad(metadata)',
    )
    connectorIn(dir, `${changed}\ndef good(metadata):\n    yield "id\\n3\\n"\n\ndef bad(metadata):\n${body}\n`)
    const { code: exit, lines, stderr } = await run(['refresh', folder, '--home', home, '--json'])
    expect(exit, stderr).toBe(1)
    expect(lines.at(-1)).toMatchObject({
      status: 'failed',
      fragments: { changed: 2, committed: 1, failed: 1 },
      error: { code: 'refresh.fragments_failed' },
    })
    expect(stderr).toContain(code)
    const seen = await observeHome(home, 'authors')
    expect(seen.rows.get('good')).toEqual(['{"id":1}', '{"id":2}'])
    expect(seen.rows.get('other')).toEqual(['{"id":3}'])
    const { lines: fragments } = await run(['fragments', 'authors', '--home', home, '--json', '--state', 'failed'])
    expect(fragments).toMatchObject([{ name: 'good', error: { code } }])
  })

  it('shows the traceback of the author, from the line that raised', { timeout: 60_000 }, async () => {
    const dir = temporary()
    const folder = connectorIn(
      dir,
      GOOD.replace('    yield "id\\n1\\n2\\n"', '    yield "id\\n"\n    helper()').concat(
        '\ndef helper():\n    {}["gone"]\n',
      ),
    )
    const { code, lines, stderr } = await run(['test', folder, '--json', '--home', join(dir, 'home')])
    expect(code).toBe(1)
    expect(lines.find((line) => line.type === 'fragment')).toMatchObject({
      status: 'failed',
      error: { code: 'read.failed' },
    })
    const { traceback } = lines.find((line) => line.type === 'fragment').error
    expect(traceback).toMatch(/connector\.py", line \d+, in helper/)
    expect(traceback).not.toMatch(/_child/)
    expect(stderr).not.toMatch(/_child/)
  })
})

it('prints become log lines beside their fragment, never data', { timeout: 60_000 }, async () => {
  const dir = temporary()
  const folder = connectorIn(
    dir,
    GOOD.replace('    yield "id\\n1', '    print("reading", metadata["name"])\n    yield "id\\n1'),
  )
  const { lines, stderr } = await run(['test', folder, '--json', '--home', join(dir, 'home')])
  expect(stderr).toContain('authors good | reading good')
  expect(lines.at(-1)).toEqual({ type: 'summary', fragments: 2, rows: 4, rejected: 0, failed: 0 })
})

it('author code finds neither the state nor the passwords of NATS (promise 9)', { timeout: 60_000 }, async () => {
  const dir = temporary()
  const home = join(dir, 'home')
  const look = `
import os

def look(*path):
    try:
        return repr(open(os.path.join(${JSON.stringify(home)}, *path), "rb").read(20))
    except OSError as error:
        return type(error).__name__

def list_objects(context, metadata):
    yield {"name": "good", "fingerprint": "1"}

def read_bytes(context, metadata):
    yield "id\\n1\\n"
    print("saw", look("state.sqlite"), look("nats", "users.json"), look("nats", "nats.conf"), os.environ.keys() & {"NATS_URL", "CANARY"})
`
  const folder = connectorIn(dir, look)
  const { code, stderr } = await run(['refresh', folder, '--home', home], { env: { CANARY: 'canary' } })
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(
    /saw (FileNotFoundError|PermissionError) (FileNotFoundError|PermissionError) (FileNotFoundError|PermissionError) set\(\)/,
  )
})

describe('the credentials of another connector (promise 9)', () => {
  it.for(['beside it', 'in ROWCAST_CREDENTIALS_DIR'])('%s are not there for this one', async (where) => {
    const dir = temporary()
    const vault = temporary()
    const env: Record<string, string> = where === 'beside it' ? {} : { ROWCAST_CREDENTIALS_DIR: vault }
    const folder = connectorIn(
      dir,
      `
import os

def list_objects(context, metadata):
    yield {"name": "seen", "fingerprint": "1"}

def read_bytes(context, metadata):
    found = []
    for top in (${JSON.stringify(dir)}, ${JSON.stringify(vault)}):
        for path, _, files in os.walk(top):
            for file in files:
                try:
                    found.append(open(os.path.join(path, file), "rb").read())
                except OSError:
                    pass
    assert any(b"not a secret" in text for text in found), "it sees what its user does"
    yield "id\\n%d\\n" % sum(b"the-secret-of-" + b"bank" in text for text in found)
`,
    )
    writeFileSync(join(dir, 'note.txt'), 'not a secret')
    mkdirSync(join(dir, 'bank'))
    writeFileSync(
      join(dir, 'bank/connector.yaml'),
      YAML.replace('name: authors', 'name: bank\ncredentials: {file: bank.secret}'),
    )
    writeFileSync(join(dir, 'bank/connector.py'), GOOD)
    writeFileSync(join(where === 'beside it' ? join(dir, 'bank') : vault, 'bank.secret'), 'the-secret-of-bank')
    const result = await run(['test', folder, '--json', '--home', join(dir, 'home')], { env })
    expect(result.code, result.stderr).toBe(0)
    expect(result.lines.filter(({ type }) => type === 'row').map(({ row }) => row)).toEqual([{ id: 0 }])
    // Its own connector gets them, as ever.
    expect((await run(['test', join(dir, 'bank'), '--json', '--home', join(dir, 'home')], { env })).code).toBe(0)
  })
})

describe('a fragment that fails for a while', () => {
  it('is read again in a new process with a new context, beside a reader that is idle', {
    timeout: 60_000,
  }, async () => {
    const dir = temporary()
    const folder = connectorIn(
      dir,
      `
import os

TRIED = ${JSON.stringify(join(dir, 'tried'))}

def context(credentials):
    return os.getpid()

def list_objects(pid, metadata):
    for name in ("calm", "moody"):
        yield {"name": name, "fingerprint": "1"}

def read_bytes(pid, metadata):
    if metadata["name"] == "moody":
        with open(TRIED, "a") as log:
            log.write(f"{pid}\\n")
        if len(open(TRIED).readlines()) == 1:
            raise ConnectionError("the source is away")
    yield f"id\\n{pid}\\n"
`,
    )
    const { code, lines, stderr } = await run(['refresh', folder, '--home', join(dir, 'home'), '--json'])
    expect(code, stderr).toBe(0)
    expect(lines.at(-1)).toMatchObject({ status: 'succeeded', fragments: { committed: 2, failed: 0 } })
    expect(stderr).toMatch(/fragment moody: read\.failed, trying again in 1 s/)
    const tried = readFileSync(join(dir, 'tried'), 'utf8').trim().split('\n')
    expect(tried).toHaveLength(2)
    const { rows } = await observeHome(join(dir, 'home'), 'authors')
    const calm = String(JSON.parse(rows.get('calm')![0]!).id)
    expect(new Set([...tried, calm]).size, 'the retry has a process of its own').toBe(3)
  })
})

describe('packages', () => {
  it('are told of while uv works, and cost nothing the second time', { timeout: 60_000 }, async () => {
    const dir = temporary()
    const folder = connectorIn(dir, `import colorama\n${GOOD}`)
    writeFileSync(join(folder, 'connector.yaml'), `${YAML}pip: [colorama==0.4.6]\n`)
    const args = ['refresh', folder, '--home', join(dir, 'home'), '--json']
    const first = await run(args)
    expect(first.code, first.stderr).toBe(0)
    const told = ['resolving 1 requirement', 'Resolved 1 package in', 'installing 1 package', 'Installed 1 package in']
    for (const line of told) expect(first.stderr).toContain(line)
    const second = await run(args)
    expect(second.code).toBe(0)
    expect(second.stderr).not.toMatch(/resolving|installing/)
  })
})
