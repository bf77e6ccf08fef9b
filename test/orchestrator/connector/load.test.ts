import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readBundle } from '../../../orchestrator/connector/bundle.ts'
import { credentialsOf } from '../../../orchestrator/connector/credentials.ts'
import { discover } from '../../../orchestrator/connector/discover.ts'
import { loadConnector } from '../../../orchestrator/connector/load.ts'
import { effectiveVersion, fragmentVersion } from '../../../orchestrator/connector/version.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rowcast-connector-'))
  put('connector.py', 'def list_objects(context, metadata): ...\n')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true })
  writeFileSync(join(dir, path), text)
}

const SMALL = 'name: airports\nparser: {type: json}\nschema: {columns: [{name: id, type: long}]}\n'

function load(yaml: string, at = '') {
  put(join(at, 'connector.yaml'), yaml)
  return loadConnector(join(dir, at))
}

describe('connector.yaml', () => {
  it('has the defaults of the contract', () => {
    expect(load(SMALL)).toEqual({
      name: 'airports',
      dir,
      file: join(dir, 'connector.yaml'),
      code: 'connector.py',
      pip: [],
      lock: '',
      credentials: undefined,
      parser: { type: 'json', compression: 'auto', mode: 'auto' },
      columns: [
        {
          name: 'id',
          type: { kind: 'long' },
          source: 'id',
          nullable: true,
          default: undefined,
          onInvalid: 'skip',
          trim: false,
          decimalSeparator: '.',
          thousandsSeparator: '',
        },
      ],
      derivesColumns: false,
      refresh: {
        schedule: { kind: 'manual' },
        concurrency: 4,
        deleted: 'retract',
        maxDeleted: { percent: 20 },
        maxFailedFragments: 10,
      },
      rejects: { max: 1000, maxPercent: undefined },
      limits: { memory: 2 ** 30, stallMs: 300_000, fragmentBytes: 10 * 2 ** 30 },
    })
  })

  it('is read as the sample of the design says', () => {
    put('connector.lock', 'airportsdata==20260905 --hash=sha256:0\n')
    const connector = load(`
name: airports                # [a-z][a-z0-9-]{0,31}; also the NATS subject token
code: connector.py            # default
pip: [airportsdata==20260905]
credentials: {env: AIRPORTS_TOKEN}
parser: {type: xsv, delimiter: ",", header_lines: 1}
schema:
  columns:
    - {name: icao, type: string}
    - {name: elevation_m, source: elevation, type: double, default: null, on_invalid: default}
    - {name: seen_at, type: timestamp, format: "yyyy-MM-dd HH:mm:ss", timezone: UTC, on_invalid: skip}
refresh: {schedule: every 15m, concurrency: 4, deleted: retract, max_deleted: 20%}
rejects: {max: 1000, max_percent: 1}
limits: {memory: 1GiB, stall: 5m, fragment_bytes: 10GiB}
`)
    expect(connector).toMatchObject({
      lock: 'airportsdata==20260905 --hash=sha256:0\n',
      pip: ['airportsdata==20260905'],
      credentials: { env: 'AIRPORTS_TOKEN' },
      refresh: { schedule: { kind: 'every', ms: 900_000 }, maxDeleted: { percent: 20 } },
      rejects: { max: 1000, maxPercent: 1 },
    })
    expect(connector.columns[1]).toMatchObject({ source: 'elevation', default: 'null', onInvalid: 'default' })
    expect(connector.columns[2]).toMatchObject({ format: ['yyyy-MM-dd HH:mm:ss'], timezone: 'UTC' })
  })

  it('keeps what a column says of its texts, and nothing of what it does not say', () => {
    const { columns } = load(`
name: airports
parser: {type: json}
schema:
  columns:
    - {name: a, type: date, format: [dd.MM.yyyy, iso], default: "2024-01-31"}
    - {name: b, type: "list<struct{d: date, t: timestamp}>", format: [dd.MM.yyyy, epoch_ms], timezone: europe/berlin}
    - {name: c, type: timestamp, timezone: +00:00}
    - {name: d, type: boolean, true_values: [J]}
    - {name: e, type: map<boolean>, true_values: ["1"], false_values: ["0", ""]}
    - {name: f, type: binary, encoding: hex, default: AQID}
    - {name: g, type: long}
`)
    expect(
      columns.map(({ format, timezone, encoding, trueValues, falseValues, default: text }) => [
        format,
        timezone,
        encoding,
        trueValues,
        falseValues,
        text,
      ]),
    ).toEqual([
      [['dd.MM.yyyy', 'iso'], undefined, undefined, undefined, undefined, '"2024-01-31"'],
      [['dd.MM.yyyy', 'epoch_ms'], 'Europe/Berlin', undefined, undefined, undefined, undefined],
      [undefined, 'UTC', undefined, undefined, undefined, undefined],
      [undefined, undefined, undefined, ['J'], ['false', 'f', 'no', 'n', '0'], undefined],
      [undefined, undefined, undefined, ['1'], ['0', ''], undefined],
      [undefined, undefined, 'hex', undefined, undefined, '"AQID"'],
      [undefined, undefined, undefined, undefined, undefined, undefined],
    ])
    expect(Object.keys(columns[6]!)).not.toContain('format')
  })

  it('names the version that named time zones need, where there is none', () => {
    const { Temporal } = globalThis
    Reflect.deleteProperty(globalThis, 'Temporal')
    try {
      const column = (rest: string) => load(SMALL.replace('type: long', `type: timestamp, ${rest}`)).columns[0]
      expect(() => column('timezone: Europe/Berlin')).toThrow(/time zones by name need Node 26, and this is Node \d+/)
      expect(() => column('format: "yyyy-MM-dd HH:mm VV"')).toThrow(/time zones by name need Node 26/)
      expect(column('timezone: +01:00, format: "yyyy-MM-dd HH:mm z"')?.timezone).toBe('+01:00')
      expect(column('timezone: Etc/UTC')?.timezone).toBe('UTC')
    } finally {
      globalThis.Temporal = Temporal
    }
  })

  it('reads the samples of the contract', () => {
    const receipts = load(`
name: receipts
parser: {type: xsv, delimiter: ";", decimal_separator: ","}
schema: {columns: [{name: till, type: int}, {name: total, type: "decimal(12,2)"}]}
refresh: {deleted: keep}
`)
    expect(receipts.parser).toEqual({
      type: 'xsv',
      compression: 'auto',
      delimiter: ';',
      quote: '"',
      escape: '',
      comment: '',
      headerLines: 1,
      trim: false,
      decimalSeparator: ',',
      thousandsSeparator: '',
      nullValues: [''],
      ragged: 'reject',
    })
    expect(receipts.columns[1]).toMatchObject({
      type: { kind: 'decimal', precision: 12, scale: 2 },
      decimalSeparator: ',',
    })
    expect(receipts.refresh.deleted).toBe('keep')
    const orders = load(`
name: orders
pip: [requests]
credentials: {env: ORDERS_TOKEN}
parser: {type: json}
schema: {columns: [{name: id, type: long}, {name: amount, type: "decimal(18,4)"}]}
`)
    expect(orders).toMatchObject({ name: 'orders', parser: { type: 'json', mode: 'auto' } })
  })

  it('promise 7: keeps the digits of a default', () => {
    const columns = (list: string) => load(`${SMALL.split('schema')[0]}schema:\n  columns:\n${list}`).columns
    const written = [
      ['long', '9223372036854775807', '9223372036854775807'],
      ['long', '"-9223372036854775808"', '-9223372036854775808'],
      ['byte', '-128', '-128'],
      ['double', '1.10', '1.10'],
      ['float', '3.4e38', '3.4e38'],
      ['double', '0.0e5', '0.0e5'],
      ['"decimal(12,2)"', '5.50', '"5.50"'],
      ['"decimal(38,0)"', '99999999999999999999999999999999999999', '"99999999999999999999999999999999999999"'],
      ['"decimal(2,2)"', '-0.25', '"-0.25"'],
      ['string', 'no', '"no"'],
      ['string', '"5"', '"5"'],
      ['boolean', 'true', 'true'],
      ['date', '2024-02-29', '"2024-02-29"'],
      ['timestamp', '2026-01-31T12:00:00.123456789Z', '"2026-01-31T12:00:00.123456789Z"'],
      ['binary', 'AQID', '"AQID"'],
      [
        'json',
        '{a: [1.50, x, null, true], "1": 12345678901234567890}',
        '{"a":[1.50,"x",null,true],"1":12345678901234567890}',
      ],
      ['json', 'text', '"text"'],
      ['int', 'null', 'null'],
    ] as const
    const found = columns(
      written.map(([type, text], i) => `    - {name: c${i}, type: ${type}, default: ${text}}\n`).join(''),
    )
    expect(found.map((column) => column.default)).toEqual(written.map(([, , expected]) => expected))
  })

  it('takes an unquoted null as the word it is in on_invalid', () => {
    expect(load(SMALL.replace('type: long', 'type: long, on_invalid: null')).columns[0]?.onInvalid).toBe('null')
  })

  it('inherits separators and trim from the parser, unless a column says otherwise', () => {
    const { columns } = load(`
name: airports
parser: {type: xsv, trim: true, decimal_separator: ",", thousands_separator: ".", escape: "\\\\", comment: "#"}
schema: {columns: [{name: a, type: double}, {name: b, type: double, trim: false, decimal_separator: ".", thousands_separator: ""}]}
`)
    expect(columns).toMatchObject([
      { trim: true, decimalSeparator: ',', thousandsSeparator: '.' },
      { trim: false, decimalSeparator: '.', thousandsSeparator: '' },
    ])
  })

  it.for([
    ['every 10s', { kind: 'every', ms: 10_000 }],
    ['every 1h30m', { kind: 'every', ms: 5_400_000 }],
    ['every 2d', { kind: 'every', ms: 172_800_000 }],
    ['manual', { kind: 'manual' }],
  ] as const)('schedules %s', ([text, schedule]) => {
    expect(load(`${SMALL}refresh: {schedule: ${text}}\n`).refresh.schedule).toEqual(schedule)
  })

  it('reads sizes and shares', () => {
    const { limits, refresh, rejects } = load(
      `${SMALL}limits: {memory: 1.5GiB, stall: 90s, fragment_bytes: 500MB}\nrefresh: {max_deleted: 7}\nrejects: {max_percent: 2.5%}\n`,
    )
    expect(limits).toEqual({ memory: 1.5 * 2 ** 30, stallMs: 90_000, fragmentBytes: 5e8 })
    expect(refresh.maxDeleted).toEqual({ count: 7 })
    expect(rejects.maxPercent).toBe(2.5)
  })

  it('says where to begin when there is none', () => {
    expect(() => loadConnector(dir)).toThrow(/no connector.yaml here; `rowcast init/)
  })
})

describe('credentials', () => {
  it('come from the variable; a missing one is named, its value never', () => {
    const connector = load(`${SMALL}credentials: {env: TOKEN}\n`)
    expect(credentialsOf(connector, { TOKEN: 's3cret' })).toBe('s3cret')
    expect(credentialsOf(connector, { TOKEN: '' })).toBe('')
    expect(() => credentialsOf(connector, {})).toThrow(/variable TOKEN is not set/)
    expect(credentialsOf(load(`${SMALL}credentials: none\n`), {})).toBe('')
  })

  it("come from a file of the connector's folder, or of ROWCAST_CREDENTIALS_DIR", () => {
    const connector = load(`${SMALL}credentials: {file: token.secret}\n`)
    expect(() => credentialsOf(connector, {})).toThrow(/token\.secret does not exist/)
    put('token.secret', 'here')
    put('elsewhere/token.secret', 'there')
    expect(credentialsOf(connector, {})).toBe('here')
    expect(credentialsOf(connector, { ROWCAST_CREDENTIALS_DIR: join(dir, 'elsewhere') })).toBe('there')
  })
})

describe('the bundle', () => {
  it('promise 10: holds the code, never dot files, caches or the secret, not even by a link', () => {
    const connector = load(`${SMALL}credentials: {file: token.secret}\n`)
    for (const path of [
      'lib/b.py',
      'lib/__pycache__/b.pyc',
      '.env',
      '.git/config',
      'token.secret',
      'B.txt',
      'connector.lock',
    ])
      put(path, path)
    symlinkSync(join(dir, 'token.secret'), join(dir, 'innocent.txt'))
    symlinkSync(dir, join(dir, 'lib', 'loop'))
    const { files, sha256 } = readBundle(connector)
    expect(files.map(({ path }) => path)).toEqual(['B.txt', 'connector.py', 'lib/b.py'])
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(readBundle(connector).sha256).toBe(sha256)
    put('lib/b.py', 'other')
    expect(readBundle(connector).sha256).not.toBe(sha256)
  })

  it('leaves out what was recorded, but not a package of that name', () => {
    const connector = load(SMALL)
    const before = readBundle(connector).sha256
    put('recording/recording.json', '{}')
    put('recording/fragments/a-1', 'bytes')
    put('lib/recording/recording.json', '{}')
    expect(readBundle(connector).files.map(({ path }) => path)).toEqual([
      'connector.py',
      'lib/recording/recording.json',
    ])
    rmSync(join(dir, 'lib'), { recursive: true })
    expect(readBundle(connector).sha256).toBe(before)
    rmSync(join(dir, 'recording/recording.json'))
    put('recording/__init__.py', '')
    expect(readBundle(connector).files.map(({ path }) => path)).toEqual([
      ...['connector.py', 'recording/__init__.py', 'recording/fragments/a-1'],
    ])
  })

  it('has files of ours on top, which count beside the 16 MiB of its own', () => {
    const connector = load(SMALL)
    put('connector.py', 'x'.repeat(16 << 20))
    const more = [{ path: '.rowcast/more.py', data: Buffer.from('y') }]
    expect(readBundle(connector, more).files.map(({ path }) => path)).toEqual(['.rowcast/more.py', 'connector.py'])
    expect(readBundle(connector, more).sha256).not.toBe(readBundle(connector).sha256)
  })

  it('has the hash that the proto defines', () => {
    const connector = load(SMALL)
    put('connector.py', 'x')
    // printf 'connector.py\0%s\n' "$(printf x | sha256sum | cut -c1-64)" | sha256sum
    expect(readBundle(connector).sha256).toBe('e010294c4e1efeb165fb01adfc7852aa9a949160ff29131d06c681d9cd9eb394')
  })

  it('is refused beyond 16 MiB, with the largest files', () => {
    const connector = load(SMALL)
    put('data.bin', 'x'.repeat(16 * 2 ** 20))
    expect(() => readBundle(connector)).toThrow(/more than the 16 MiB.*data\.bin \(16777216\)/)
  })
})

describe('the effective version', () => {
  const code = { bundleHash: 'b', lockHash: 'l' }
  const id = (yaml: string) => effectiveVersion(load(yaml), code).id

  it('changes with code, lock, parser and schema, and with nothing else', () => {
    const first = id(SMALL)
    expect(
      id(`# comment\n${SMALL}credentials: {env: X}\nrefresh: {schedule: every 1h}\nlimits: {memory: 2GiB}\n`),
    ).toBe(first)
    expect(id(SMALL.replace('json', 'json, mode: lines'))).not.toBe(first)
    expect(id(SMALL.replace('long', 'int'))).not.toBe(first)
    expect(id(SMALL.replace('type: long', 'type: long, on_invalid: fail'))).not.toBe(first)
    const texts = ['', ', format: dd.MM.yyyy', ', format: epoch_s', ', timezone: Europe/Berlin']
    expect(new Set(texts.map((rest) => id(SMALL.replace('long', `timestamp${rest}`)))).size).toBe(4)
    const connector = load(SMALL)
    expect(effectiveVersion(connector, { ...code, bundleHash: 'c' }).id).not.toBe(first)
    expect(effectiveVersion(connector, { ...code, lockHash: 'm' }).id).not.toBe(first)
  })

  it('gives a fragment version of 16 hex digits, of fingerprint and version', () => {
    expect(fragmentVersion('f', 'v')).toMatch(/^[0-9a-f]{16}$/)
    expect(new Set([fragmentVersion('f', 'v'), fragmentVersion('', 'v'), fragmentVersion('f', 'w')]).size).toBe(3)
  })

  it('names the schema by its content, and the content is what a subscriber needs', () => {
    const yaml = SMALL.replace(
      '{name: id, type: long}',
      '{name: id, type: long, nullable: false, default: 7}, {name: p, type: "decimal(4,2)"}',
    )
    const { schemaId, schemaBody } = effectiveVersion(load(yaml), code)
    expect(schemaId).toMatch(/^airports-[0-9a-f]{16}$/)
    expect(JSON.parse(schemaBody)).toEqual({
      connector: 'airports',
      columns: [
        { name: 'id', type: 'long', nullable: false, default: 7 },
        { name: 'p', type: 'decimal(4,2)', nullable: true },
      ],
      row: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          id: { type: 'integer', format: 'int64' },
          p: { type: ['string', 'null'], pattern: '^-?[0-9]{1,2}(\\.[0-9]{1,2})?$' },
        },
        required: ['id', 'p'],
        additionalProperties: false,
      },
    })
    // How a value is found or mended is no matter of the subscribers.
    expect(
      effectiveVersion(load(yaml.replace('name: p,', 'name: p, source: q, on_invalid: fail,')), code).schemaId,
    ).toBe(schemaId)
    expect(effectiveVersion(load(yaml.replace('default: 7', 'default: 8')), code).schemaId).not.toBe(schemaId)
  })
})

describe('discovery', () => {
  it('finds each folder with a connector.yaml, and a folder that is one', () => {
    for (const name of ['b', 'a']) {
      put(`${name}/connector.py`, '')
      put(`${name}/connector.yaml`, SMALL.replace('airports', name))
    }
    put('notes/readme.txt', '')
    expect(discover([dir]).map(({ name }) => name)).toEqual(['a', 'b'])
    expect(discover([join(dir, 'b'), dir]).map(({ name }) => name)).toEqual(['b', 'a'])
  })

  it('refuses two of one name and tells of every bad one', () => {
    for (const folder of ['one', 'two', 'bad']) {
      put(`${folder}/connector.py`, '')
      put(`${folder}/connector.yaml`, folder === 'bad' ? `${SMALL}nme: x\n` : SMALL)
    }
    expect(() => discover([dir, join(dir, 'none')])).toThrow(
      /none: there is no such folder[\s\S]*unknown key "nme"[\s\S]*two\/connector\.yaml: another connector is named airports/,
    )
  })
})
