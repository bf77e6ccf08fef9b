/** `rowcast record`, then `test --replay`: the same rows, digit for digit, without the source. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EXAMPLES, owned, PYTHON, type Result, run, start, temporary } from '../support/cli.ts'
import { rows, Source } from '../support/source.ts'

function make(yaml: string, python: string) {
  const dir = temporary()
  const folder = join(dir, 'c')
  mkdirSync(folder)
  // SOURCE: what the connector lists and reads; it can be taken away.
  const source = join(dir, 'source')
  mkdirSync(source)
  writeFileSync(join(folder, 'connector.yaml'), `name: c\n${yaml}`)
  writeFileSync(join(folder, 'connector.py'), `SOURCE = ${JSON.stringify(source)}\n${python}`)
  const home = ['--home', join(dir, 'home')]
  return {
    dir,
    folder,
    source,
    record: (args: string[] = [], env: Record<string, string> = {}) =>
      run(['record', folder, '--json', ...home, ...args], { env }),
    test: (args: string[] = [], env: Record<string, string> = {}) =>
      run(['test', folder, '--json', '--no-checks', ...home, ...args], { env }),
  }
}

/** A source of files; their items carry keys that JavaScript would round. */
const FILES = `
import os
def context(credentials):
    assert credentials == "the-secret-token"
    return SOURCE
def list_objects(source, metadata):
    if metadata is None:
        yield {"name": "deep/", "is_prefix": True}
    else:
        for name in sorted(os.listdir(source)):
            yield {"name": name, "fingerprint": "v1", "big": 12345678901234567890123, "real": 0.1, "far": 1e22}
def read_bytes(source, metadata):
    assert metadata["big"] == 12345678901234567890123 and metadata["real"] == 0.1 and metadata["far"] == 1e22
    with open(os.path.join(source, metadata["name"]), "rb") as file:
        while chunk := file.read(7): yield chunk
`
const CREDENTIALS = 'credentials: {env: C_TOKEN}\n'
const TOKEN = { C_TOKEN: 'the-secret-token' }

const data = (lines: Result['lines']) => lines.filter(({ type }) => /^(row|reject|fragment|summary)$/.test(type))

describe('what was recorded gives the same rows and rejects, without source and credentials', () => {
  const KINDS: [title: string, yaml: string, python: string, files: Record<string, string | Buffer>][] = [
    [
      'xsv',
      'parser: {type: xsv}\nschema: {columns: [{name: id, type: long}, {name: amount, type: "decimal(30,4)"}]}\n',
      FILES,
      {
        'a.csv': 'id,amount\n9007199254740993,12345678901234567890.1000\nx,1\n',
        'b.csv': 'id,amount\r\n2,\r\n',
        empty: '',
      },
    ],
    [
      'json',
      'parser: {type: json}\nschema: {columns: [{name: id, type: long}, {name: rest, type: json}]}\n',
      FILES,
      {
        'a.json': '[{"id": 9007199254740993, "rest": {"n": 0.1000000000000000055}},\n{"id": "no"}]',
        'ü 日本': '{"id": 1}',
      },
    ],
    [
      'an own parser over bytes of all kinds',
      'parser: {type: python, function: parse}\nschema: {columns: [{name: size, type: long}, {name: all, type: binary}]}\n',
      `${FILES}
def parse(reader):
    data = reader.read()
    print("parsing", len(data))
    yield {"size": len(data), "all": data}
    yield {"size": "many"}
`,
      { 'x.bin': Buffer.from(Array.from({ length: 2560 }, (_, n) => n % 256)), 'crlf ü 日本': 'a\r\nb\n' },
    ],
    [
      'an own parser in a file of its own, with a helper',
      'parser: {type: python, function: parser_function, code: lib/parser.py}\nschema: {columns: [{name: line, type: string}]}\n',
      FILES,
      { 'a.txt': 'one\ntwo' },
    ],
  ]
  it.for(KINDS)('%s', { timeout: 60_000 }, async ([, yaml, python, files]) => {
    const { folder, source, record, test } = make(CREDENTIALS + yaml, python)
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(source, name), bytes)
    mkdirSync(join(folder, 'lib'))
    writeFileSync(join(folder, 'lib/helper.py'), 'KEY = "line"\n')
    writeFileSync(
      join(folder, 'lib/parser.py'),
      'from lib.helper import KEY\ndef parser_function(reader, onNext):\n    for line in reader: onNext({KEY: line.decode()})\n',
    )
    const live = await test([], TOKEN)
    expect(live.code, live.stderr).toBe(0)
    const recorded = await record([], TOKEN)
    expect(recorded.code, recorded.stderr).toBe(0)
    const names = Object.keys(files).sort()
    expect(recorded.lines.at(-1)).toMatchObject({ type: 'recording', status: 'succeeded', fragments: names.length })
    expect(readFileSync(join(folder, 'recording/listing.jsonl'), 'utf8')).toContain(
      '"big":12345678901234567890123,"real":0.1,"far":1e+22}\n',
    )
    for (const { file, fragment } of recorded.lines.filter(({ type }) => type === 'stored'))
      expect(readFileSync(join(folder, file))).toEqual(Buffer.from(files[fragment]!))

    rmSync(source, { recursive: true })
    const replayed = await test(['--replay'])
    expect(replayed.code, replayed.stderr).toBe(0)
    expect(data(replayed.lines)).toEqual(data(live.lines))
    expect(data(replayed.lines).length).toBeGreaterThan(names.length)
    expect((await test(['--replay', '--list'])).lines).toEqual([
      { type: 'listed', name: 'deep/', fingerprint: null, is_prefix: true, depth: 0 },
      ...names.map((name) => ({ type: 'listed', name, fingerprint: 'v1', is_prefix: false, depth: 1 })),
      { type: 'summary', fragments: names.length, rows: 0, rejected: 0, failed: 0 },
    ])
    const one = await test(['--replay', '--fragment', names[0]!])
    expect(data(one.lines)).toEqual([
      ...data(live.lines).filter(({ fragment, name }) => (fragment ?? name) === names[0]),
      expect.objectContaining({ type: 'summary', fragments: 1 }),
    ])
  })

  it('read_rows, as the rows came', { timeout: 60_000 }, async () => {
    const { folder, record, test } = make(
      'schema: {columns: [{name: id, type: long}, {name: amount, type: "decimal(30,2)"}, {name: at, type: timestamp}]}\n',
      `
import datetime, decimal
def list_objects(context, metadata):
    yield {"name": "a", "fingerprint": "1"}
def read_rows(context, metadata):
    yield {"id": 9007199254740993, "amount": decimal.Decimal("12345678901234567890.10"), "at": datetime.datetime(2026, 11, 25, tzinfo=datetime.timezone.utc)}
    yield {"id": 2 ** 70}
`,
    )
    const live = await test()
    expect((await record()).code).toBe(0)
    // The rows are what was recorded: the code behind them may say what it likes.
    const python = readFileSync(join(folder, 'connector.py'), 'utf8')
    writeFileSync(join(folder, 'connector.py'), `${python}\nraise RuntimeError("never run")\n`)
    const replayed = await test(['--replay'])
    expect(replayed.code).toBe(0)
    expect(data(replayed.lines)).toEqual(data(live.lines))
    expect(replayed.stderr).toContain('the code has changed since')
    writeFileSync(
      join(folder, 'connector.yaml'),
      'name: c\nparser: {type: json}\nschema: {columns: [{name: id, type: long}]}\n',
    )
    const mixed = await test(['--replay'])
    expect(mixed.code).toBe(2)
    expect(mixed.lines[0]).toMatchObject({ type: 'error', stage: 'config', error: { code: 'recording.mismatch' } })
  })

  it('an HTTP API that is gone', { timeout: 60_000 }, async () => {
    const dir = temporary()
    const folder = join(dir, 'orders')
    cpSync(join(EXAMPLES, 'orders'), folder, { recursive: true })
    const api = owned(spawn(PYTHON, [join(folder, 'api.py'), '0'], { stdio: ['ignore', 'pipe', 'ignore'] }))
    onTestFinished(() => void api.kill())
    const listening = (await createInterface({ input: api.stdout })[Symbol.asyncIterator]().next()).value ?? ''
    const { port } = JSON.parse(listening)
    const env = { ORDERS_API: JSON.stringify({ url: `http://127.0.0.1:${port}`, token: 'secret-token' }) }
    const home = ['--home', join(dir, 'home')]
    const recorded = await run(['record', folder, ...home], { env })
    expect(recorded.code, recorded.stderr).toBe(0)
    expect(recorded.stdout).toMatch(
      /✓ 2026-09: \d+ B\n✓ 2026-10.*\n2 of 2 fragments recorded in .*recording, .*\n.*--replay/,
    )
    const ended = new Promise((resolve) => api.once('exit', resolve))
    api.kill()
    await ended
    const replayed = await run(['test', folder, '--json', '--replay', ...home])
    expect(replayed.code, replayed.stderr).toBe(0)
    expect(replayed.lines.at(-1)).toEqual({ type: 'summary', fragments: 2, rows: 12, rejected: 0, failed: 0 })
    expect(replayed.lines[0].row).toMatchObject({ amount: '9007199254740993.10' })
    expect(replayed.stdout).toContain('"id":9007199254740993,')
  })

  it('an own parser where readers see nothing but their bundle', { timeout: 60_000 }, async () => {
    const { dir, folder, source, record, test } = make(
      'parser: {type: python, function: parse}\nschema: {columns: [{name: n, type: long}, {name: saw, type: string}]}\n',
      `
import os
def list_objects(context, metadata):
    yield {"name": "a", "fingerprint": "1"}
def read_bytes(context, metadata):
    return open(os.path.join(SOURCE, "a"), "rb")
def parse(reader):
    try:
        saw = str(os.listdir(SOURCE))
    except OSError as error:
        saw = type(error).__name__
    yield {"n": len(reader.read()), "saw": saw}
`,
    )
    writeFileSync(join(source, 'a'), 'bytes')
    expect((await record()).code).toBe(0)
    const executor = owned(
      spawn(PYTHON, ['-m', 'rowcast', '--listen', '127.0.0.1:0', '--home', join(dir, 'pod'), '--profile', 'pod'], {
        cwd: join(EXAMPLES, '..'),
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    )
    onTestFinished(() => void executor.kill())
    const line = (await createInterface({ input: executor.stdout })[Symbol.asyncIterator]().next()).value ?? ''
    const replayed = await test(['--replay'], { ROWCAST_EXECUTORS: `127.0.0.1:${JSON.parse(line).port}` })
    expect(replayed.code, replayed.stderr).toBe(0)
    expect(replayed.lines[0].row).toEqual({ n: 5, saw: 'PermissionError' })
    // More than a bundle holds is said before anything runs.
    writeFileSync(join(source, 'a'), Buffer.alloc(17 << 20))
    expect((await record(['--max-bytes', '20MiB'])).code).toBe(0)
    const large = await test(['--replay'])
    expect(large.code).toBe(2)
    expect(large.lines[0].error).toMatchObject({
      code: 'recording.too_large',
      message: expect.stringMatching(/at most 16777216 bytes.*--fragment NAME.*--max-bytes/),
    })
    expect(readdirSync(folder).sort()).toEqual(['connector.py', 'connector.yaml', 'recording'])
  })
})

const MANY = `
def list_objects(context, metadata):
    for n in range(8): yield {"name": f"f{n}", "fingerprint": "1"}
def read_bytes(context, metadata):
    yield "id\\n"
    if metadata["name"] == "f1":
        for _ in range(1000): yield "1\\n" * 1000
    yield "2\\n"
`
const XSV = 'parser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\n'

describe('recording', () => {
  it('takes the first five, names what is too large, or takes what is asked for', { timeout: 60_000 }, async () => {
    const { folder, record, test } = make(XSV, MANY)
    const first = await record(['--max-bytes', '100KB'])
    expect(first.code, first.stderr).toBe(0)
    expect(first.lines.map(({ type, fragment }) => [type, fragment])).toEqual([
      ...[
        ['stored', 'f0'],
        ['left_out', 'f1'],
        ['stored', 'f2'],
        ['stored', 'f3'],
        ['stored', 'f4'],
      ],
      ['recording', undefined],
    ])
    expect(first.lines.at(-1)).toEqual({
      ...{ type: 'recording', connector: 'c', status: 'succeeded' },
      ...{ listed: 8, fragments: 4, left_out: 1, bytes: 20 },
    })
    const replayed = await test(['--replay'])
    expect(replayed.lines.at(-1)).toMatchObject({ fragments: 4, rows: 4 })
    expect(replayed.stderr).toMatch(/replaying 4 of 8 fragments, recorded at 2/)
    for (const [name, says] of [
      ['f1', /was listed, but its bytes were not recorded/],
      ['x', /was not listed/],
    ] as const) {
      const { code, stderr } = await test(['--replay', '--fragment', name])
      expect(code).toBe(2)
      expect(stderr).toMatch(says)
      expect(stderr).toContain(`rowcast record ${folder} --fragment ${name}`)
    }

    expect((await record(['--fragment', 'f7', '--fragment', 'f1'])).lines.at(-1)).toMatchObject({ fragments: 2 })
    expect(
      readdirSync(join(folder, 'recording/fragments'))
        .map((file) => file.slice(0, 2))
        .sort(),
    ).toEqual(['f1', 'f7'])
    expect((await record(['--max-fragments', '1'])).lines.at(-1)).toMatchObject({ fragments: 1, listed: 8 })
  })

  it('that fails leaves the last one as it is, and says why', { timeout: 60_000 }, async () => {
    const { folder, record, test } = make(XSV, MANY)
    expect((await record(['--max-fragments', '1'])).code).toBe(0)
    const before = readFileSync(join(folder, 'recording/recording.json'), 'utf8')
    const same = () => {
      expect(readFileSync(join(folder, 'recording/recording.json'), 'utf8')).toBe(before)
      expect(readdirSync(folder).sort()).toEqual(['connector.py', 'connector.yaml', 'recording'])
    }
    const absent = await record(['--fragment', 'nope'])
    expect([absent.code, absent.lines.at(-1).error.code]).toEqual([2, 'config.usage'])
    same()
    const small = await record(['--max-bytes', '1'])
    expect([small.code, small.lines.at(-1).error.code]).toEqual([1, 'recording.nothing'])
    same()
    const python = readFileSync(join(folder, 'connector.py'), 'utf8')
    writeFileSync(
      join(folder, 'connector.py'),
      python.replace('yield "2', 'raise ValueError("no paper")\n    yield "2'),
    )
    const failed = await record()
    expect([failed.code, failed.lines.at(-1)]).toMatchObject([
      1,
      { type: 'recording', status: 'failed', fragment: 'f0', error: { code: 'read.failed', message: 'no paper' } },
    ])
    expect(failed.stderr).toMatch(/fragment "f0": read\.failed: no paper\n.*Traceback[\s\S]*nothing was written/)
    same()
    writeFileSync(join(folder, 'connector.py'), 'def list_objects(context, metadata):\n    raise KeyError("x")\n')
    expect((await record()).code).toBe(1)
    same()
    // The recording of code that is broken now can still be replayed.
    expect((await test(['--replay'])).code).toBe(0)
  })

  it('that is killed in the middle leaves the last one whole', { timeout: 60_000 }, async () => {
    const { dir, folder, record, test } = make(
      XSV,
      `
import os, time
def list_objects(context, metadata):
    for name in "ab": yield {"name": name, "fingerprint": "1"}
def read_bytes(context, metadata):
    yield "id\\n1\\n"
    while metadata["name"] == "b" and os.path.exists(SOURCE + "/hang"):
        print("hanging")
        time.sleep(0.05)
        yield ""
`,
    )
    expect((await record()).code).toBe(0)
    writeFileSync(join(dir, 'source/hang'), '')
    const second = start(['record', folder, '--home', join(dir, 'home')])
    await second.stderr(/hanging/)
    expect(readdirSync(folder).some((name) => name.startsWith('.recording.new'))).toBe(true)
    second.child.kill('SIGKILL')
    await second.result
    rmSync(join(dir, 'source/hang'))
    const replayed = await test(['--replay'])
    expect(replayed.lines.at(-1)).toMatchObject({ fragments: 2, rows: 2, failed: 0 })
    // The next one clears up behind it.
    expect((await record()).code).toBe(0)
    expect(readdirSync(folder).sort()).toEqual(['connector.py', 'connector.yaml', 'recording'])
  })

  it('makes no other version of the connector: nothing is older, nothing is read again', {
    timeout: 60_000,
  }, async () => {
    const dir = temporary()
    const source = new Source(dir)
    source.put('a', '1', rows(3, 1))
    const home = ['--home', join(dir, 'home')]
    const env = source.env
    expect((await run(['refresh', source.dir, '--json', ...home], { env })).code).toBe(0)
    const recorded = await run(['record', source.dir, ...home], { env })
    expect(recorded.code, recorded.stderr).toBe(0)
    expect(existsSync(join(source.dir, 'recording/recording.json'))).toBe(true)
    const plan = await run(['plan', source.dir, '--json', ...home], { env })
    expect(plan.lines.at(-1)).toMatchObject({ unchanged: 1, changed: 0, older_version: 0 })
    // A package of that name is code, and counts as such.
    rmSync(join(source.dir, 'recording/recording.json'))
    expect((await run(['plan', source.dir, '--json', ...home], { env })).lines.at(-1)).toMatchObject({
      older_version: 1,
    })
  })
})

describe('promise 10: credentials are not stored', () => {
  const LEAKY = `
import base64, json
def context(credentials):
    return credentials
def list_objects(token, metadata):
    yield {"name": "plain", "fingerprint": "1"}
    yield {"name": "good", "fingerprint": "1", **({"auth": token} if LEAK == "listing" else {})}
def read_bytes(token, metadata):
    shown = {"raw": token, "base64": base64.b64encode(token.encode()).decode()}.get(LEAK, "none")
    yield "id\\n1\\n"
    if metadata["name"] == "plain": yield f"# {shown[:7]}"; yield shown[7:] + "\\n"
`
  it.for(['raw', 'base64', 'listing'])('not %s; --allow-secrets stores them', { timeout: 60_000 }, async (leak) => {
    const yaml = `credentials: {env: C_TOKEN}\nparser: {type: xsv, comment: "#"}\nschema: {columns: [{name: id, type: long}]}\n`
    const { folder, record, test } = make(yaml, `LEAK = "none"\n${LEAKY}`)
    expect((await record([], TOKEN)).code).toBe(0)
    const python = readFileSync(join(folder, 'connector.py'), 'utf8')
    writeFileSync(join(folder, 'connector.py'), python.replace('LEAK = "none"', `LEAK = "${leak}"`))
    const refused = await record([], TOKEN)
    expect(refused.code).toBe(1)
    expect(refused.lines.at(-1).error).toMatchObject({
      code: 'recording.secret',
      message: expect.stringMatching(
        leak === 'listing'
          ? /in what would be stored: line 2 of the listing\..*--allow-secrets/
          : /fragment "plain" at byte 7/,
      ),
    })
    expect(refused.stdout + refused.stderr).not.toMatch(/the-secret-token|dGhlLXNlY3JldC10b2tlb/)
    expect(readFileSync(join(folder, 'recording/listing.jsonl'), 'utf8')).not.toContain('auth')
    const kept = await record(['--allow-secrets'], TOKEN)
    expect(kept.code, kept.stderr).toBe(0)
    expect((await test(['--replay'])).lines.at(-1)).toMatchObject({ fragments: 2, rows: 2 })
  })
})

describe('a recording that cannot be replayed', () => {
  it('is named, with the next step; exit 2', { timeout: 60_000 }, async () => {
    const { folder, record, test } = make(XSV, MANY)
    const missing = await test(['--replay'])
    expect(missing.code).toBe(2)
    expect(missing.lines).toMatchObject([
      {
        type: 'error',
        stage: 'config',
        error: { code: 'recording.missing', message: expect.stringContaining(`rowcast record ${folder}`) },
      },
      { type: 'summary', fragments: 0 },
    ])
    expect((await record(['--max-fragments', '1'])).code).toBe(0)
    const [file] = readdirSync(join(folder, 'recording/fragments'))
    writeFileSync(join(folder, 'recording/fragments', file!), 'id\n')
    const damaged = await test(['--replay'])
    expect(damaged.code).toBe(2)
    expect(damaged.lines).toMatchObject([
      { type: 'error', stage: 'config', error: { code: 'recording.damaged', message: expect.stringContaining(file!) } },
      { type: 'summary', fragments: 0 },
    ])
    expect(damaged.stderr).toMatch(/has 3 bytes, and 5 were recorded; restore it, or record it again/)
  })
})
