/** What `rowcast test` warns of: connectors that earn it, and connectors that look as if they did. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, temporary } from '../support/cli.ts'

const YAML = 'name: c\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\n'
const READ = `
def read_bytes(context, metadata):
    yield "id\\n1\\n"
`

function make(python: string, yaml = YAML) {
  const dir = temporary()
  const folder = join(dir, 'c')
  mkdirSync(folder)
  writeFileSync(join(folder, 'connector.yaml'), yaml)
  // STATE: a file that lasts from one process to the next, as a source does.
  const text = `STATE = ${JSON.stringify(join(dir, 'state'))}\n${python}`
  writeFileSync(join(folder, 'connector.py'), text.includes('def read_') ? text : text + READ)
  return { folder, home: ['--home', join(dir, 'home')] }
}

async function warningsOf(python: string, yaml = YAML, args: string[] = []) {
  const { folder, home } = make(python, yaml)
  const { code, lines, stderr } = await run(['test', folder, '--json', ...home, ...args])
  expect(code, stderr).toBe(0)
  expect(lines.at(-1)).toMatchObject({ type: 'summary', failed: 0 })
  expect(
    lines.filter(({ type }) => type === 'unchecked'),
    stderr,
  ).toEqual([])
  return lines.filter(({ type }) => type === 'warning')
}

/** Python that counts how often it came here, over all processes. */
const TICK = `
def tick():
    try:
        count = int(open(STATE).read()) + 1
    except OSError:
        count = 1
    open(STATE, "w").write(str(count))
    return count
`

const EARNED: [title: string, code: string, says: RegExp, python: string][] = [
  [
    'a random fingerprint',
    'list.unstable_fingerprint',
    /others in each listing.*the bytes read are the same.*modification time/,
    `
import uuid
def list_objects(context, metadata):
    for name in "abc": yield {"name": name, "fingerprint": str(uuid.uuid4())}
`,
  ],
  [
    'the time of the listing, in seconds',
    'list.unstable_fingerprint',
    /others in each listing/,
    `
import time
def list_objects(context, metadata):
    yield {"name": "only", "fingerprint": str(int(time.time()))}
`,
  ],
  [
    'a salted hash',
    'list.unstable_fingerprint',
    /others in each process.*hash\(\) is salted.*hashlib\.sha256/,
    `
def list_objects(context, metadata):
    for name in "abc": yield {"name": name, "fingerprint": str(hash(name))}
`,
  ],
  [
    'what is random at import, with rows in place of bytes',
    'list.unstable_fingerprint',
    /others in each process/,
    `
import random
RUN = str(random.random())
def list_objects(context, metadata):
    if metadata is None: yield {"name": "p", "is_prefix": True}
    else: yield {"name": "p/a", "fingerprint": RUN}
def read_rows(context, metadata): yield {"id": 1}
`,
  ],
  [
    'fingerprints by enumerate',
    'list.order_dependent',
    /fingerprints count the items.*"0", "1", "2": enumerate.*ETag/,
    `
def list_objects(context, metadata):
    for i, name in enumerate(["x", "y", "z"]): yield {"name": name, "fingerprint": str(i)}
`,
  ],
  [
    'names by enumerate',
    'list.order_dependent',
    /names count the items.*"part-00001", "part-00002".*a path, a key/,
    `
def list_objects(context, metadata):
    for i, etag in enumerate(["e7", "e9"], start=1): yield {"name": f"part-{i:05}", "fingerprint": etag}
`,
  ],
  [
    'fingerprints by the order of a set',
    'list.order_dependent',
    /fingerprints follow the order/,
    `
def list_objects(context, metadata):
    count = 0
    for name in {f"name {n}" for n in range(50)}:
        count += 1
        yield {"name": name, "fingerprint": str(count)}
`,
  ],
  [
    'names by an order that is another each time',
    'list.order_dependent',
    /names follow the order/,
    `
import random
def list_objects(context, metadata):
    etags = [f"e{n}" for n in range(50)]
    random.shuffle(etags)
    for n in range(50): yield {"name": f"part {n}", "fingerprint": etags[n]}
`,
  ],
  [
    'signed addresses as names',
    'list.unstable_name',
    /names are others in each listing.*a signed address/,
    `
import uuid
def list_objects(context, metadata):
    for key in "ab": yield {"name": f"https://bucket/{key}?signature={uuid.uuid4()}", "fingerprint": key}
`,
  ],
]

describe('a warning is earned by', () => {
  it.for(EARNED)('%s', { timeout: 60_000 }, async ([, code, says, python]) => {
    const warnings = await warningsOf(python, python.includes('read_rows') ? YAML.replace(/parser.*\n/, '') : YAML)
    expect(warnings).toMatchObject([{ type: 'warning', code, message: expect.stringMatching(says) }])
    expect(warnings[0].fragments.length).toBeGreaterThan(0)
    expect(warnings[0].count).toBeGreaterThanOrEqual(warnings[0].fragments.length)
  })
})

const INNOCENT: [title: string, python: string][] = [
  [
    'a source that changes with each look at it',
    `${TICK}
def list_objects(context, metadata):
    yield {"name": "a", "fingerprint": str(tick())}
def read_bytes(context, metadata):
    yield f"id\\n{tick()}\\n"
`,
  ],
  // The checks list and read up to eight times: whenever it happens.
  ...[2, 3, 4, 5, 6, 7].map((at): [string, string] => [
    `a source that changes once, between look ${at - 1} and look ${at}`,
    `${TICK}
def list_objects(context, metadata):
    yield {"name": "a", "fingerprint": str(tick() >= ${at})}
def read_bytes(context, metadata):
    yield f"id\\n{int(tick() >= ${at})}\\n"
`,
  ]),
  [
    'objects that come and go',
    `${TICK}
def list_objects(context, metadata):
    now = tick()
    for n in range(now, now + 5): yield {"name": f"f{n}", "fingerprint": f"v{n}"}
`,
  ],
  [
    'the order of a set, which nothing is made of',
    `
def list_objects(context, metadata):
    for name in {f"name {n}" for n in range(50)}: yield {"name": name, "fingerprint": name.upper()}
`,
  ],
  [
    'an enumerate that is an index',
    `
NAMES = ["a", "b", "c"]
def list_objects(context, metadata):
    for i, _ in enumerate(NAMES): yield {"name": NAMES[i], "fingerprint": str(len(NAMES[i]))}
`,
  ],
  [
    'an enumerate that counts lines of an object, or ends a listing early',
    `
OBJECTS = {"a": "x\\ny", "b": "x", "c": "x\\ny\\nz\\nu"}
def list_objects(context, metadata):
    for n, name in enumerate(OBJECTS):
        if n >= 500: break
        for lines, _ in enumerate(OBJECTS[name].splitlines(), 1): pass
        yield {"name": name, "fingerprint": str(lines)}
`,
  ],
  [
    'numbers that are the objects’ own, in order',
    `
def list_objects(context, metadata):
    for page in range(1, 20): yield {"name": f"page-{page}", "fingerprint": str(page)}
`,
  ],
  [
    'one date for all, and bytes that are others at each read',
    `
import uuid
def list_objects(context, metadata):
    for name in "ab": yield {"name": name, "fingerprint": "2026-11-25"}
def read_bytes(context, metadata):
    yield f"id,x\\n1,{uuid.uuid4()}\\n"
`,
  ],
  [
    'the seconds at which a file was saved, just now',
    `
import os, time
if not os.path.exists(STATE): open(STATE, "w").close()
def list_objects(context, metadata):
    yield {"name": "a", "fingerprint": str(int(os.stat(STATE).st_mtime))}
`,
  ],
  [
    'a new name at each refresh of fragments that are kept',
    `
import time
def list_objects(context, metadata):
    for n in range(2): yield {"name": f"snapshot {time.time_ns()} {n}", "fingerprint": str(n)}
`,
  ],
]

describe('no warning is given for', () => {
  it.for(INNOCENT)('%s', { timeout: 60_000 }, async ([, python]) => {
    const yaml = python.includes('snapshot') ? `${YAML}refresh: {deleted: keep}\n` : YAML
    expect(await warningsOf(python, yaml)).toEqual([])
  })
})

it('a warning is shown with its cure, beside a good result; --no-checks and --list leave it out', async () => {
  const salted = EARNED[2]![3]
  const { folder, home } = make(salted)
  const { code, stdout } = await run(['test', folder, ...home])
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /! list\.unstable_fingerprint: fingerprints .*\n {4}Python's hash\(\) .*\n3 fragments, 3 rows, 0 rejected, 0 failed\n$/,
  )
  expect(await warningsOf(salted, YAML, ['--no-checks'])).toEqual([])
  expect(await warningsOf(salted, YAML, ['--list'])).toEqual([])
})

it('a source that fails the second time is told, and is no failure', async () => {
  const { folder, home } = make(`${TICK}
def list_objects(context, metadata):
    if tick() > 1: raise ConnectionError("closed for today")
    yield {"name": "a", "fingerprint": "1"}
`)
  const { code, lines } = await run(['test', folder, '--json', ...home])
  expect(code).toBe(0)
  expect(lines.slice(-2)).toMatchObject([
    { type: 'unchecked', message: expect.stringContaining('closed for today'), error: { code: 'list.failed' } },
    { type: 'summary', rows: 1, failed: 0 },
  ])
})
