import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GrokOptions } from '../../../orchestrator/connector/definition.ts'
import { bundledLibrary } from '../../../orchestrator/connector/grok/definitions.ts'
import { expand } from '../../../orchestrator/connector/grok/expand.ts'
import { translate } from '../../../orchestrator/connector/grok/translate.ts'
import { loadConnector } from '../../../orchestrator/connector/load.ts'
import { grokFields } from '../../../orchestrator/connector/parsers/grok.ts'
import { effectiveVersion } from '../../../orchestrator/connector/version.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rowcast-grok-'))
  put('connector.py', '')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true })
  writeFileSync(join(dir, path), text)
}

const A = 'schema: {columns: [{name: a, type: string}]}'

/** `parser` without its type, as the inside of a YAML mapping. */
function load(parser: string, schema = A) {
  put('connector.yaml', `name: logs\nparser: {type: grok, ${parser}}\n${schema}\n`)
  return loadConnector(dir)
}

const options = (parser: string, schema = A) => load(parser, schema).parser as GrokOptions

function problemOf(parser: string, schema = A): string {
  try {
    load(parser, schema)
    return 'no problem'
  } catch (error) {
    return (error as Error).message.replaceAll(dir, 'DIR')
  }
}

describe('the bundled patterns', () => {
  // Translating takes 3 s, and four times as long beside other tests.
  it('are the 312 of the logstash legacy set and two newer names, and all of them translate', {
    timeout: 90_000,
  }, () => {
    const library = bundledLibrary()
    expect(library.size).toBe(314)
    for (const [name, definition] of library) {
      const origin = { label: name, at: () => ({ line: 1, column: 1 }) }
      const { regex, captures } = expand({ ...definition, origin }, library)
      const { source, flags, groups } = translate(`\\A(?:${regex})\\z`, captures.length)
      expect(() => new RegExp(source, flags), name).not.toThrow()
      expect(groups, name).not.toContain(0)
    }
  })

  it('keep their atomic groups', () => {
    const [pattern] = options('pattern: "%{QUOTEDSTRING:a}"').patterns
    expect(pattern!.source).toContain('(?=(')
    // 26 characters behind an unclosed quote took 4.3 s without them; 60,000 would never end.
    expect(new RegExp(pattern!.source, pattern!.flags).exec(`"${'ab '.repeat(20_000)}`)).toBeNull()
  })
})

describe('type: grok', () => {
  it('is plain data: expressions and what their groups capture', () => {
    expect(options('pattern: "%{WORD:a} (?<b>x)(y)(?:%{INT:a:int}|)"')).toEqual({
      type: 'grok',
      compression: 'auto',
      maxRowBytes: 65_536,
      patterns: [
        {
          text: '%{WORD:a} (?<b>x)(y)(?:%{INT:a:int}|)',
          source: expect.stringMatching(/^\^.*\$$/),
          flags: 'u',
          fields: [
            { name: 'a', group: 1, hint: undefined },
            { name: 'b', group: 2, hint: undefined },
            { name: 'a', group: 3, hint: 'int' },
          ],
        },
      ],
    })
    const searching = options('pattern: "x(?<a>y)", anchored: false, max_row_bytes: 1MiB, compression: gzip')
    expect(searching).toMatchObject({ compression: 'gzip', maxRowBytes: 2 ** 20 })
    expect(searching.patterns[0]!.source).toBe('x(y)')
  })

  it('lists what is captured, with the first hint of each name', () => {
    const given = options('pattern: ["%{WORD:a}%{INT:b}", "%{INT:b:int} %{NUMBER:c:float} %{IP:[http][ip]}"]')
    expect(grokFields(given)).toEqual([
      { name: 'a', hint: undefined },
      { name: 'b', hint: 'int' },
      { name: 'c', hint: 'float' },
      { name: '[http][ip]', hint: undefined },
    ])
    const elb = options('pattern: "%{ELB_ACCESS_LOG}"', 'schema: {columns: [{name: elb, type: string}]}')
    expect(grokFields(elb)).toContainEqual({ name: 'received_bytes', hint: 'int' })
    expect(grokFields(elb)).toContainEqual({ name: 'request_processing_time', hint: 'float' })
  })

  it.for([
    ['names in quotes', "(?'a'x)", 'x', 'x'],
    ['a reference back to a group', '(?<a>[a-c]+)-\\\\k<a>', 'ab-ab', 'ab'],
    ['a literal %{', '\\\\%{(?<a>\\\\w+)}', '%{NUMBER}', 'NUMBER'],
    ['brackets that look like groups', '[]()(?<b>%{]+(?<a>.)[[:alpha:]-]', '](?<-z', '-'],
    ['a comment', '(?# (?<b>no\\\\) group)(?<a>x)', 'x', 'x'],
    ['an intersection of classes', '(?<a>[a-z&&[^aeiou]]+)[(?<b>]', 'xyz(', 'xyz'],
    ['possessive and lazy repeats', '(?<a>a++.*?)b', 'aacb', 'aac'],
    ['case that does not matter', '(?i)(?<a>ab)', 'AB', 'AB'],
    ['lines inside of a text', '(?<a>^x$)', 'x', 'x'],
  ])('understands %s', ([, pattern, text, captured]) => {
    const { patterns } = options(`pattern: "${pattern}"`)
    const { source, flags, fields } = patterns[0]!
    expect(new RegExp(source, flags).exec(text!)?.[fields[0]!.group]).toBe(captured)
    expect(fields).toHaveLength(1)
  })

  it('takes a name from custom_patterns, then from the folders, then from the bundled', () => {
    put('patterns/one', '# a comment\r\n\r\n  WORD one\r\nONLY only \r\n')
    put('more/two', 'INT two\n')
    put('more/.hidden', 'this is no definition at all')
    put('more/folder/three', 'neither is this')
    const pattern = '%{WORD:a}|%{ONLY:a}|%{INT:a}|%{POSINT:a}|%{MINE:a}'
    const [made] = options(
      `pattern: "${pattern}", patterns_dir: [patterns, more], custom_patterns: {INT: custom, MINE: "mine%{WORD}"}`,
    ).patterns
    const matches = (text: string) => new RegExp(made!.source, made!.flags).test(text)
    expect(['one', 'only ', 'custom', '12', 'mineone'].map(matches)).toEqual([true, true, true, true, true])
    expect(['word', 'only', 'two', '-1', 'mine'].map(matches)).toEqual([false, false, false, false, false])
  })

  it('has the patterns of a folder in the effective version', () => {
    const version = (text: string) => {
      put('patterns/mine', text)
      const connector = load('pattern: "%{MINE:a}", patterns_dir: patterns')
      return effectiveVersion(connector, { bundleHash: '', lockHash: '' }).id
    }
    expect(version('MINE x\n')).not.toBe(version('MINE y\n'))
    expect(version('MINE x\n')).toBe(version('# the same\nMINE x\n'))
  })

  it('knows the columns of the Apache logs without a schema', () => {
    const common = 'clientip ident auth timestamp verb request httpversion rawrequest response bytes'.split(' ')
    const columns = (parser: string) => {
      const { columns, derivesColumns } = load(parser, '')
      expect(derivesColumns).toBe(false)
      return columns
    }
    const combined = columns('pattern: "%{COMBINEDAPACHELOG}"')
    expect(combined.map(({ name }) => name)).toEqual([...common, 'referrer', 'agent'])
    expect(combined.filter(({ type }) => type.kind !== 'string').map(({ name, type }) => [name, type.kind])).toEqual([
      ['response', 'int'],
      ['bytes', 'long'],
    ])
    expect(columns('pattern: "%{HTTPD_COMBINEDLOG}"')).toEqual(combined)
    expect(columns('pattern: ["%{COMMONAPACHELOG}", "%{COMBINEDAPACHELOG}"]')).toEqual(combined)
    expect(columns('pattern: ["%{HTTPD_COMMONLOG}"]').map(({ name }) => name)).toEqual(common)
    const names = grokFields(options('pattern: "%{COMBINEDAPACHELOG}"', '')).map(({ name }) => name)
    expect(names).toEqual(combined.map(({ source }) => source))
  })

  it('does not know them of a pattern that the author has changed, or of another one', () => {
    const missing = 'DIR/connector.yaml:1:1: schema: missing'
    expect(problemOf('pattern: "%{COMMONAPACHELOG}", custom_patterns: {USER: ".*"}', '')).toContain(missing)
    expect(problemOf('pattern: "%{COMMONAPACHELOG} %{INT:ms}"', '')).toContain(missing)
    expect(problemOf('pattern: ["%{COMMONAPACHELOG}", "%{SYSLOGLINE}"]', '')).toContain(missing)
  })
})

describe('what is wrong with patterns', () => {
  it.for([
    ['A x\nB (y\nC z', 'pattern: "%{B:a}"', '2:3: B: the regex cannot be used: Unclosed group'],
    ['A x\n B  a%{NUMBRE}', 'pattern: "%{A:a}"', '2:6: B: unknown pattern %{NUMBRE}; did you mean "NUMBER"?'],
    ['A x\nB y\nA z', 'pattern: "%{A:a}"', '3:3: A: is already defined at DIR/patterns/file:1'],
    ['A', 'pattern: "%{A:a}"', '1:1: expected NAME regex, the name of letters, digits and "_"'],
    ['A-B x', 'pattern: "x"', '1:1: expected NAME regex, the name of letters, digits and "_"'],
    ['A \xff', 'pattern: "%{A:a}"', '1:1: is no UTF-8 text'],
    [`A ${'x'.repeat(2 ** 20)}`, 'pattern: "%{A:a}"', '1:1: a file of patterns is at most 1 MiB'],
    ['A %{B}\nB %{A}', 'pattern: "x"', '2:3: B: patterns refer to each other in a circle: A → B → A'],
  ])('in a folder is said with file, line and column: %#', ([file, parser, problem]) => {
    put('patterns/file', '')
    writeFileSync(join(dir, 'patterns/file'), Buffer.from(file!, 'latin1'))
    expect(problemOf(`${parser}, patterns_dir: patterns`)).toBe(`DIR/patterns/file:${problem}`)
  })

  it('is a bundled pattern only through what the author has put in its way', () => {
    const circle = 'patterns refer to each other in a circle: IP → IPV6 → HOSTNAME → IP'
    const parser = 'pattern: "%{IP:a}", custom_patterns: {IPV6: "%{HOSTNAME}", HOSTNAME: "%{IP}"}'
    expect(problemOf(parser)).toContain(`: parser.custom_patterns.HOSTNAME: ${circle}`)
    const gone = 'pattern: "%{SYSLOGHOST:a}", custom_patterns: {IPORHOST: "("}'
    expect(problemOf(gone)).toContain('parser.custom_patterns.IPORHOST: the regex cannot be used')
  })

  it('is depth beyond 64, and length beyond 40,000 characters, however it is reached', () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, i) => `D${i} ${i === 0 ? 'x' : `%{D${i - 1}}`}`).join('\n')
    put('patterns/chain', chain(64))
    expect(problemOf('pattern: "%{D63:a}", patterns_dir: patterns')).toBe('no problem')
    put('patterns/chain', chain(66))
    expect(problemOf('pattern: "%{D65:a}", patterns_dir: patterns')).toContain('patterns are nested deeper than 64')
    put('patterns/chain', Array.from({ length: 60 }, (_, i) => `B${i} %{B${i + 1}}%{B${i + 1}}`).join('\n'))
    put('patterns/end', 'B60 x')
    const problem = 'parser.pattern: the pattern expands to more than 40000 characters'
    expect(problemOf('pattern: "%{B0:a}", patterns_dir: patterns')).toContain(problem)
  })
})
