/**
 * Promise 10, end to end: a connector that says its credentials wherever it can, run through every command; then everything that
 * was printed and every file of the home is searched for them, in every form. What it yields as rows is data, and not in question.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, start, temporary } from '../support/cli.ts'

/** Differs in each form: a quote, a backslash, a slash, a plus, a space, and a letter beyond ASCII. */
const CANARY = 'cAnary"7\\q/r+ &é=9XzQ2wk'
/** Stands beside the canary wherever it is said: where this is found, the canary was looked for in the right place. */
const MARKER = 'marker-beside-it'

const CODE = `
import base64, json, logging, sys, traceback
from urllib.parse import quote, quote_plus

log = logging.getLogger("author")
BROKEN = False

def secret_of(credentials):
    return json.loads(credentials)["deep"][0]["password"] if credentials.startswith("{") else credentials

def forms(secret):
    raw = secret.encode()
    yield from (secret, repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False))
    yield from (quote(raw), quote(raw, safe=""), quote_plus(raw))
    # In each of the three ways in which it may lie across groups of three bytes.
    for before in (b"", b"u:", b"bob:"):
        yield base64.b64encode(before + raw + b"@host").decode()
        yield base64.urlsafe_b64encode(before + raw).decode()

def say(secret):
    for form in forms(secret):
        print("${MARKER}", form)
        sys.stderr.write("${MARKER} " + form + "\\n")
        log.warning("${MARKER} https://host/?key=%s", form)
    # Cut where the secret is.
    print("x" * 16370 + secret)

def context(credentials):
    secret = secret_of(credentials)
    say(secret)
    return secret

def list_objects(secret, metadata):
    say(secret)
    yield {"name": "good", "fingerprint": "1"}
    for number, _ in enumerate(forms(secret)):
        yield {"name": f"bad{number:02}", "fingerprint": "1"}
    if BROKEN:
        raise LookupError("${MARKER} " + " ".join(forms(secret)))

def read_bytes(secret, metadata):
    if metadata["name"] == "good":
        say(secret)
        yield "id\\n1\\n"
        return
    yield "id\\n"
    form = list(forms(secret))[int(metadata["name"][3:])]
    try:
        try:
            raise KeyError(form)
        except KeyError:
            log.exception("${MARKER} %s", form)
            traceback.print_exc()
            raise
    except KeyError as error:
        raise type("Error" + form, (ValueError,), {})("${MARKER} " + form, {"headers": {"Authorization": form}}) from error
`

function canaryForms(): string[] {
  const url = encodeURIComponent(CANARY)
  const json = JSON.stringify(CANARY).slice(1, -1)
  const ascii = json.replace('é', '\\u00e9')
  const inBase64 = [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(CANARY)])
    const encoded = bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6))
    return [encoded, encoded.replaceAll('+', '-').replaceAll('/', '_')]
  })
  const whole = [CANARY, url, url.replaceAll('%20', '+'), url.replace('%2F', '/'), json, ascii, ...inBase64]
  // Cut anywhere, six characters are a secret still: of each form its head, its tail and its middle.
  return [...new Set(whole.flatMap((form) => [form.slice(0, 6), form.slice(-6), form.slice(6, 14)]))].filter(
    (form) => form.length >= 6,
  )
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

const YAML =
  'credentials: {env: CANARY}\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\nrefresh: {max_failed_fragments: 100}\n'

describe.for([
  ['a text', CANARY],
  ['JSON', JSON.stringify({ user: 'bob', deep: [{ password: CANARY }] })],
] as const)('credentials that are %s', ([, credentials]) => {
  it('are in nothing that is printed, logged or stored (promise 10)', { timeout: 120_000 }, async () => {
    const dir = temporary()
    for (const name of ['said', 'broken']) {
      mkdirSync(join(dir, 'connectors', name), { recursive: true })
      const code = name === 'broken' ? CODE.replace('BROKEN = False', 'BROKEN = True') : CODE
      writeFileSync(join(dir, 'connectors', name, 'connector.py'), code)
      writeFileSync(join(dir, 'connectors', name, 'connector.yaml'), `name: ${name}\n${YAML}`)
    }
    const home = join(dir, 'home')
    const printed = new Map<string, string>()
    const call = async (...args: string[]) => {
      const result = await run([...args, '--home', home], { cwd: dir, env: { CANARY: credentials } })
      printed.set(args.join(' '), result.stdout + result.stderr)
      return result
    }
    const refresh = await call('refresh', 'said', '--json')
    expect(refresh.lines.at(-1), refresh.stderr).toMatchObject({ fragments: { committed: 1, failed: 13 } })
    await call('refresh', 'said')
    expect((await call('refresh', 'broken', '--json')).lines.at(-1)).toMatchObject({ error: { code: 'list.failed' } })
    for (const json of [[], ['--json']]) await call('test', 'said', ...json)
    for (const args of [['plan', 'said'], ['status'], ['fragments', 'said'], ['tail', 'said', '--until-idle', '500']])
      await call(...args, '--json')
    await call('doctor')
    const up = start(['up', '--json', '--home', home], { cwd: dir, env: { CANARY: credentials } })
    await up.line(({ type }) => type === 'up')
    up.child.kill('SIGTERM')
    const ended = await up.result
    printed.set('up', ended.stdout + ended.stderr)

    const searched = new Map([...printed].map(([name, text]) => [name, Buffer.from(text)]))
    for (const file of filesBelow(home)) searched.set(file.slice(home.length + 1), readFileSync(file))
    // It was said, and kept, in all these places.
    const where = [...searched].filter(([, bytes]) => bytes.includes(MARKER)).map(([name]) => name)
    expect(where).toEqual(
      expect.arrayContaining(['refresh said --json', 'refresh said', 'test said', 'fragments said --json']),
    )
    expect(where.some((name) => name.startsWith('state.sqlite'))).toBe(true)
    expect([...searched.keys()].some((name) => /^nats\/store\/.*\.blk$/.test(name))).toBe(true)
    expect([...searched.keys()]).toEqual(expect.arrayContaining(['log/executor.log', 'log/nats-server.log']))

    const found = [...searched].flatMap(([name, bytes]) =>
      canaryForms().flatMap((form) => (bytes.includes(form) ? [`${form} in ${name}`] : [])),
    )
    expect(found).toEqual([])
  })
})
