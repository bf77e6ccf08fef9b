/** Who may import whom (the design's section 9): the flow knows interfaces, main knows classes, parts do not know each other. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  AUTHOR_CODES,
  FRAGMENT_CODES,
  LINK_CODES,
  REFRESH_CODES,
  ROW_CODES,
  WARNING_CODES,
} from '../orchestrator/errors.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const HERE = join(ROOT, 'orchestrator')

/** What a folder (or file) of orchestrator/ may import: of ours, `types:` for types only; and from outside. */
const RULES: Record<string, { ours: string[]; outside: RegExp }> = {
  'errors.ts': { ours: [], outside: /^$/ },
  gen: { ours: ['gen'], outside: /^(@bufbuild\/protobuf\/wire|@grpc\/grpc-js)$/ },
  'config.ts': { ours: ['errors.ts'], outside: /^node:/ },
  telemetry: { ours: ['telemetry', 'errors.ts'], outside: /^(node:|pino$|prom-client$)/ },
  'nearest.ts': { ours: [], outside: /^$/ },
  connector: { ours: ['connector', 'nearest.ts', 'errors.ts'], outside: /^(node:|oniguruma-to-es$|yaml$|zod$)/ },
  refresh: { ours: ['refresh', 'connector', 'errors.ts'], outside: /^$/ },
  'schedule.ts': { ours: ['refresh', 'connector', 'errors.ts'], outside: /^node:crypto$/ },
  state: { ours: ['state', 'types:refresh', 'types:connector', 'errors.ts'], outside: /^(node:|kysely(\/|$))/ },
  parse: {
    ours: [
      ...['parse', 'nearest.ts', 'types:refresh', 'types:connector', 'errors.ts'],
      ...['connector/format.ts', 'connector/names.ts', 'connector/types.ts'],
    ],
    outside: /^(node:(buffer|zlib|worker_threads|events|url|crypto|stream|fs|vm)|snappy)$/,
  },
  publish: { ours: ['publish', 'types:refresh', 'types:connector', 'errors.ts'], outside: /^(node:|@nats-io\/)/ },
  executor: {
    ours: ['executor', 'types:refresh', 'types:connector', 'errors.ts', 'gen'],
    outside: /^(@grpc\/grpc-js|node:(tls|fs|crypto|net|dns\/promises))$/,
  },
  consume: { ours: ['consume', 'publish/frame.ts', 'publish/subject.ts', 'errors.ts'], outside: /^(node:|@nats-io\/)/ },
  recording: { ours: ['recording', 'connector', 'types:refresh', 'errors.ts'], outside: /^node:/ },
  local: { ours: ['local', 'errors.ts'], outside: /^node:/ },
  // What is found is judged; each part looks at its own.
  doctor: { ours: ['doctor', 'errors.ts'], outside: /^$/ },
  'checks.ts': {
    ours: ['doctor', 'connector', 'executor', 'local', 'publish', 'state', 'setup', 'types:config.ts'],
    outside: /^node:url$/,
  },
  cli: {
    ours: [
      ...['cli', 'types:refresh', 'types:connector', 'types:consume', 'types:doctor', 'types:recording', 'errors.ts'],
      ...['schedule.ts', 'refresh/trial.ts', 'connector/size.ts', 'connector/types.ts'],
    ],
    outside: /^(node:|commander$)/,
  },
  'main.ts': { ours: ['*'], outside: /^(node:|@nats-io\/)/ },
  setup: { ours: ['setup'], outside: /^node:/ },
}

interface Import {
  from: string
  to: string
  types: boolean
}

function sources(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|mjs)$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => join(dir, file))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const found: Import[] = []
  for (const [, types, names, to] of text.matchAll(
    /^(?:import|export)\s+(type\s+)?([\w\s{},*$]*?)(?:\bfrom\s+)?['"]([^'"]+)['"]/gm,
  )) {
    const each = /\{([^}]*)\}/
      .exec(names!)?.[1]
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean)
    found.push({
      from: file,
      to: to!,
      types: types !== undefined || (each?.length ? each.every((name) => name.startsWith('type ')) : false),
    })
  }
  for (const [, to] of text.matchAll(/\bimport\(['"]([^'"]+)['"]\)/g)) found.push({ from: file, to: to!, types: false })
  return found
}

const inside = (path: string) => relative(HERE, path).split(sep).join('/')
const ruleOf = (path: string) => RULES[inside(path)] ?? RULES[inside(path).split('/')[0]!]

describe('architecture', () => {
  const files = sources(HERE)

  it('has a rule for each part of the orchestrator', () => {
    expect(files.filter((file) => !ruleOf(file)).map(inside)).toEqual([])
  })

  it('imports only what the rules allow', () => {
    const broken: string[] = []
    for (const { from, to, types } of files.flatMap(importsOf)) {
      const rule = ruleOf(from)
      if (!rule || inside(from) === 'cli/bin.mjs') continue
      if (!to.startsWith('.')) {
        if (!rule.outside.test(to)) broken.push(`${inside(from)} imports ${to}`)
        continue
      }
      const target = inside(resolve(dirname(from), to))
      const folder = target.split('/')[0]!
      const allowed = rule.ours.some(
        (entry) => entry === '*' || entry === folder || entry === target || (types && entry === `types:${folder}`),
      )
      if (!allowed) broken.push(`${inside(from)} imports ${types ? 'types of ' : ''}${target}`)
    }
    expect(broken).toEqual([])
  })

  it('imports main from nowhere but its launcher', () => {
    const importers = files.flatMap(importsOf).filter(({ to }) => to.endsWith('/main.ts'))
    expect(importers.map(({ from }) => inside(from))).toEqual(['cli/bin.mjs'])
  })

  it('takes clock and chance as arguments in the flow, the state and the schedule', () => {
    const bare = /\b(Date\.now|Math\.random|setTimeout|setInterval|new Date\(\))/
    const users = files.filter(
      (file) =>
        /^(refresh|state|schedule|connector|parse\/(?!pool|watchdog))/.test(inside(file)) &&
        bare.test(readFileSync(file, 'utf8').replace(/^\s*(\/\/|\*).*$/gm, '')),
    )
    expect(users.map(inside)).toEqual([])
  })

  it('keeps each file to one idea: none above 340 lines, but for the interfaces', () => {
    const long = files.filter(
      (file) => !/^(gen\/|refresh\/ports)/.test(inside(file)) && readFileSync(file, 'utf8').split('\n').length > 340,
    )
    expect(long.map(inside)).toEqual([])
  })

  it('raises only codes of the one list', () => {
    const known = new Set<string>([
      ...[...ROW_CODES, ...FRAGMENT_CODES, ...AUTHOR_CODES, ...REFRESH_CODES, ...LINK_CODES, ...WARNING_CODES],
    ])
    const python = pythonSources(join(ROOT, 'executor', 'rowcast'))
    const used = new Set<string>()
    for (const file of python) {
      for (const [, code] of readFileSync(file, 'utf8').matchAll(
        /"((?:environment|connector|context|list|read|parser|fragment)\.[a-z_]+)"/g,
      ))
        used.add(code!)
    }
    expect([...used].filter((code) => !known.has(code) && !/^connector\.(py|yaml|lock)$/.test(code))).toEqual([])
  })
})

function pythonSources(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.py') && !file.includes('_pb2'))
    .map((file) => join(dir, file))
}
