import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Connector, GrokOptions } from '../../../orchestrator/connector/definition.ts'
import { loadConnector } from '../../../orchestrator/connector/load.ts'
import { GrokMatcher, TIMED_OUT } from '../../../orchestrator/parse/grok-matcher.ts'
import { ParsePool } from '../../../orchestrator/parse/pool.ts'
import { compile } from '../../../orchestrator/parse/program.ts'
import { scalarText } from '../../../orchestrator/parse/scalar-text.ts'
import type { ParsedFrame } from '../../../orchestrator/refresh/ports.ts'
import { chance, codes, collect, parse, parseEveryWay, parseLater } from './support.ts'

const dir = mkdtempSync(join(tmpdir(), 'rowcast-grok-'))
writeFileSync(join(dir, 'connector.py'), '')
afterAll(() => rmSync(dir, { recursive: true }))

/** `parser` without its type, `columns` as in a connector.yaml; none: they are known. */
function grok(parser: string, columns?: string, rest = ''): Connector {
  const schema = columns === undefined ? '' : `schema: {columns: [${columns}]}\n`
  writeFileSync(join(dir, 'connector.yaml'), `name: logs\nparser: {type: grok, ${parser}}\n${schema}${rest}`)
  return loadConnector(dir)
}

const APACHE = 'pattern: "%{COMBINEDAPACHELOG}"'
const HEAD = '192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] '
const GOOD = `${HEAD}"GET / HTTP/1.1" 200 1 "-" "x"\n`
/** As many ways through a line as there are subsets of its letters. */
const EVIL = 'pattern: "%{EVIL:a}", custom_patterns: {EVIL: "(a+)+$"}'
const A = '{name: a, type: string}'
const HANGS = `${'a'.repeat(40)}b\n`

describe('grok', () => {
  it('gives the same however a fragment of several batches is cut', { timeout: 60_000 }, () => {
    const of = grok('pattern: "%{WORD:word} %{INT:n}"', '{name: word, type: string}, {name: n, type: short}')
    const lines = Array.from({ length: 1501 }, (_, i) =>
      i % 7 === 0 ? '\r' : i % 11 === 0 ? 'no match' : `w${i} ${i * 30}${i % 2 ? '\r' : ''}`,
    )
    const { rows, totals, rejects } = parseEveryWay(of, lines.join('\n'))
    expect(totals).toMatchObject({ read: 1286, blank: 215 })
    expect(rows[0]).toEqual({ word: 'w1', n: 30 })
    expect(rejects[0]).toMatchObject({ rowNumber: 10, line: 12, code: 'row.no_match' })
    expect(rejects.at(-1)).toMatchObject({ line: 1501, column: 'n', code: 'row.range' })
  })

  it('writes what was captured, whatever it is', () => {
    const of = grok(
      'pattern: "(?<a>[^|]*)\\\\|(?<b>[^|]*)"',
      '{name: b, type: string}, {name: a, type: string, default: ""}, {name: twice, source: b, type: string}',
    )
    const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((each) => each.replace(/[|\r\n]/g, '"\\\t\u0001'))
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 12 }), fc.nat(), (pairs, seed) => {
        const input = Buffer.from(pairs.map(([a, b]) => `${a}|${b}\n`).join(''))
        const random = chance(seed)
        const cuts = Array.from({ length: input.length }, (_, i) => i).filter((i) => i > 0 && random() < 0.05)
        const { rows, rejects } = parse(of, input, cuts)
        expect(rejects).toEqual([])
        expect(rows).toEqual(pairs.map(([a, b]) => ({ b: b || null, a, twice: b || null })))
      }),
      { numRuns: 60 },
    )
  })

  it('has the rules of the slow path for integers', () => {
    const of = grok('pattern: "(?<n>.*)"', '{name: n, type: long}', 'rejects: {max: 1000000}\n')
    const [column] = compile(of).columns
    const digits = fc.oneof(
      fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
      fc.stringMatching(/^.{1,30}$/),
    )
    const odd = fc.constantFrom('٣', '１２', '\u0130', '007', '+7', '-0', '1.', ' 1', '1 ', '9'.repeat(40), '1\u0000')
    fc.assert(
      fc.property(fc.array(fc.oneof(digits, odd), { minLength: 1, maxLength: 20 }), (texts) => {
        const wanted = texts.map((text) => scalarText(column!, text)).filter((each) => typeof each === 'string')
        const { text } = parse(of, texts.map((each) => `${each}\n`).join(''))
        expect(text).toBe(wanted.map((each) => `{"n":${each}}\n`).join(''))
      }),
      { numRuns: 60 },
    )
  })

  it('works with an ECS set that the author brings along', () => {
    mkdirSync(join(dir, 'ecs'), { recursive: true })
    writeFileSync(
      join(dir, 'ecs', 'httpd'),
      [
        '# Elastic Common Schema',
        'HTTPD_COMMONLOG %{IPORHOST:[source][address]} (?:-|%{HTTPDUSER:[apache][access][user][identity]}) (?:-|%{HTTPDUSER:[user][name]}) \\[%{HTTPDATE:timestamp}\\] "(?:%{WORD:[http][request][method]} %{NOTSPACE:[url][original]}(?: HTTP/%{NUMBER:[http][version]})?|%{DATA})" (?:-|%{INT:[http][response][status_code]:int}) (?:-|%{INT:[http][response][body][bytes]:int})',
        'HTTPD_COMBINEDLOG %{HTTPD_COMMONLOG} "(?:-|%{DATA:[http][request][referrer]})" "(?:-|(?<[user_agent][original]>.*?))"',
        'COMBINEDAPACHELOG %{HTTPD_COMBINEDLOG}',
      ].join('\n'),
    )
    const of = grok(
      `${APACHE}, patterns_dir: ecs`,
      [
        '{name: method, source: "[http][request][method]", type: string}',
        '{name: status, source: "[http][response][status_code]", type: short}',
        '{name: "[http][response][body][bytes]", type: long}',
        '{name: agent, source: "[user_agent][original]", type: string}',
        '{name: user, source: "[user][name]", type: string}',
      ].join(', '),
    )
    const { rows, totals } = parse(of, `${GOOD}${HEAD}"GET /x HTTP/2.0" 404 - "-" "-"\n`)
    const bytes = '[http][response][body][bytes]'
    expect(rows).toEqual([
      { method: 'GET', status: 200, [bytes]: 1, agent: 'x', user: null },
      { method: 'GET', status: 404, [bytes]: null, agent: null, user: null },
    ])
    expect(totals?.unknown).toContain('[url][original]')
  })

  it('counts what is captured and not used, of the patterns that matched', () => {
    const of = grok('pattern: ["%{INT:a} %{WORD:x}", "%{WORD:a} %{INT:y} (?<x>.)", "z%{SPACE:z}"]', A)
    expect(parse(of, '1 one\n').totals?.unknown).toEqual(['x'])
    expect(parse(of, 'one 1 x\n').totals?.unknown).toEqual(['y', 'x'])
    expect(parse(of, 'one 1 x\n1 one\n').totals?.unknown).toEqual(['x', 'y'])
    expect(parse(of, 'none\n').totals?.unknown).toEqual([])
  })

  it('takes the first group with text of a name that is there twice', () => {
    const of = grok('pattern: "(?<a>x*)-(?:(?<a>y)|(?<a>z))"', A)
    expect(parse(of, 'x-y\n-y\n-z\n').rows).toEqual([{ a: 'x' }, { a: 'y' }, { a: 'z' }])
  })

  it('reads compressed fragments', async () => {
    expect((await parseLater(grok(APACHE), gzipSync(GOOD.repeat(5000)))).totals?.published).toBe(5000)
  })

  it('rejects lines longer than max_row_bytes, with their end counted, wherever they are cut', () => {
    const of = grok('pattern: "(?<a>x+)", max_row_bytes: 10B', A)
    const lines = ['x'.repeat(9), 'x'.repeat(10), 'x'.repeat(8), 'x'.repeat(500), 'x', 'x'.repeat(11)]
    const { rows, rejects, totals } = parseEveryWay(of, lines.join('\n'))
    expect(rows.map(({ a }) => String(a).length)).toEqual([9, 8, 1])
    expect(rejects.map(({ line, code, truncated }) => [line, code, truncated])).toEqual(
      [2, 4, 6].map((line) => [line, 'row.too_long', true]),
    )
    expect(totals?.read).toBe(6)
    const longest = grok('pattern: "(?<a>x+)"', A)
    expect(parse(longest, `${'x'.repeat(65_535)}\n${'x'.repeat(65_536)}\n`).rejects).toMatchObject([{ line: 2 }])
  })

  it('stops after as many rows as are wanted', () => {
    const { totals, text } = parseEveryWay(grok(APACHE), GOOD.repeat(5), { maxRows: 3 })
    expect(totals).toMatchObject({ read: 3, published: 3, truncated: true })
    expect(text.split('\n')).toHaveLength(4)
  })

  it('cuts frames, and rejects a row too long to be published before all of it was written', () => {
    const columns = (count: number) =>
      Array.from({ length: count }, (_, i) => `{name: c${i}, source: a, type: string}`).join(', ')
    const of = grok('pattern: "(?<a>.+)"', columns(300))
    const { frames, totals } = parse(of, `${'"'.repeat(1000)}\n`.repeat(5))
    expect(totals).toMatchObject({ published: 5 })
    expect(frames.length).toBeGreaterThan(1)
    const wide = grok('pattern: "(?<a>.+)"', columns(1000))
    const long = parse(wide, `short\n${'"'.repeat(60_000)}\nshort\n`)
    expect(codes(long)).toEqual(['row.too_long'])
    expect(long.totals?.published).toBe(2)
  })
})

describe('hostile lines (promise 5)', () => {
  it.for([
    ['25,000 quotes', `${HEAD}${'"'.repeat(25_000)}`],
    ['64 KiB without a space', 'a'.repeat(65_000)],
    ['64 KiB of labels', 'a.'.repeat(32_000)],
    ['64 KiB of at signs', `192.0.2.1 ${'a@'.repeat(32_000)}`],
    ['64 KiB of hexadecimal groups', '1:'.repeat(32_000)],
    ['an unclosed quote behind a long agent', `${HEAD}"GET / HTTP/1.1" 200 1 "-" "${'Mozilla (X) '.repeat(5000)}`],
    ['an unclosed quote behind escaped ones', `${HEAD}"GET / HTTP/1.1" 200 1 "-" "${'\\"'.repeat(32_000)}`],
    ['many ends of a request', `${HEAD}"${'" 1 1 "'.repeat(9000)}`],
    ['many ends with other quotes', `${HEAD}"${'" 1 1 \''.repeat(9000)}`],
  ])('%s: no match, and its neighbours are rows', ([, line]) => {
    const parsed = parse(grok(APACHE), `${GOOD}${line}\n${GOOD}`)
    expect(parsed.totals?.published).toBe(2)
    expect(parsed.rejects).toMatchObject([{ line: 2, code: 'row.no_match', byteOffset: GOOD.length }])
  })

  it('are given up one by one by a pattern with too many ways, which is named', { timeout: 60_000 }, () => {
    const parsed = parse(grok(EVIL, A), `${'aa\n'.repeat(1500)}${HANGS}aaa\n${HANGS}${'aa\n'.repeat(1500)}`)
    expect(parsed.totals).toMatchObject({ read: 3003, published: 3001, rejected: 2 })
    expect(parsed.rejects).toMatchObject([
      { line: 1501, code: 'row.timeout', message: 'the pattern "%{EVIL:a}" did not come to an end in 100 ms' },
      { line: 1503, code: 'row.timeout', raw: new Uint8Array(Buffer.from(HANGS.trimEnd())) },
    ])
    expect(parsed.rows[1500]).toEqual({ a: 'aaa' })
  })

  it('are given up by the one of several patterns that hangs', { timeout: 60_000 }, () => {
    const of = grok('pattern: ["x(?<a>y)", "(?<a>(a|a)+)$", "(?<a>a+b)"]', A)
    const { rejects, rows } = parse(of, `xy\n${HANGS}aab\n`)
    expect(rejects).toMatchObject([{ line: 2, message: expect.stringContaining('"(?<a>(a|a)+)$"') }])
    expect(rows).toEqual([{ a: 'y' }, { a: 'aab' }])
  })

  it('fail the fragment when they are ten, and the next fragment begins anew', { timeout: 120_000 }, () => {
    expect(parse(grok(EVIL, A), `${HANGS.repeat(9)}aa\n`).totals).toMatchObject({ published: 1, rejected: 9 })
    const ten = parse(grok(EVIL, A), `aa\n${HANGS.repeat(6)}${'aa\n'.repeat(1200)}${HANGS.repeat(6)}aa\n`)
    expect(ten.error).toMatchObject({ code: 'fragment.stalled' })
    expect(ten.error?.message).toContain('on 10 lines, the last is line 1211, the pattern "%{EVIL:a}"')
  })

  it('are given up when an expression runs out of memory', { timeout: 60_000 }, () => {
    const of = grok('pattern: "(?<a>(?:(?<x>a)|(?<y>b))*?)d", max_row_bytes: 8MiB', A)
    const parsed = parse(of, `ad\n${'a'.repeat(8_000_000)}\nad\n`)
    expect(parsed.rows).toEqual([{ a: 'a' }, { a: 'a' }])
    expect(parsed.rejects).toMatchObject([
      { line: 2, code: 'row.timeout', message: expect.stringContaining('needs more memory for this line') },
    ])
  })

  it('are given more time when the thread did not get its processor', { timeout: 60_000 }, () => {
    const of = grok(EVIL, A)
    const measured = [0, 0, 0, 49_000, 0, 50_000]
    const matcher = new GrokMatcher(
      (of.parser as GrokOptions).patterns,
      compile(of).columns,
      3,
      () => measured.shift()!,
    )
    matcher.match(['aa', HANGS.trimEnd(), 'aaa'])
    // The last line had its own two looks at the processor's clock, had it needed them: it asked once, and was done.
    expect(measured).toEqual([])
    expect([...matcher.outcomes]).toEqual([1, TIMED_OUT, 1])
  })
})

describe('the pool', () => {
  const pool = new ParsePool({ threads: 1 })
  afterEach(() => pool.close())

  it('keeps the thread: other fragments of the same job, and jobs after it, are parsed', {
    timeout: 60_000,
  }, async () => {
    const of = grok(EVIL, A)
    const options = { maxRowBytes: 1 << 20, frameBytes: 4096 }
    const fragments = async (texts: string[]) => {
      const job = pool.open(of, options)
      const found: ParsedFrame[][] = texts.map(() => [])
      const drained = (async () => {
        for await (const frames of job.output) for (const frame of frames) found[frame.fragment]!.push(frame)
      })()
      for (const [fragment, text] of texts.entries()) {
        await job.push([{ fragment, data: Buffer.from(new Uint8Array(Buffer.from(text))), end: 'end' }])
      }
      job.end()
      await drained
      return found.map(collect)
    }
    const [hanging, healthy] = await fragments([`aa\n${HANGS}aaa\n`, 'a\n'])
    expect(hanging!.rows).toEqual([{ a: 'aa' }, { a: 'aaa' }])
    expect(codes(hanging!)).toEqual(['row.timeout'])
    expect(healthy!.rows).toEqual([{ a: 'a' }])
    const [failed, after] = await fragments([HANGS.repeat(10), 'aaaa\n'])
    expect(failed!.error?.code).toBe('fragment.stalled')
    expect(after!.rows).toEqual([{ a: 'aaaa' }])
  })
})
