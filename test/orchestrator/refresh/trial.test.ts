/** The order of what `test` tells, over a session whose log lines come as late as they may. */
import { expect, it, onTestFinished } from 'vitest'
import type { Connector } from '../../../orchestrator/connector/definition.ts'
import { AuthorError } from '../../../orchestrator/errors.ts'
import { ParsePool } from '../../../orchestrator/parse/pool.ts'
import type { ExecutorPort, ListedItem, ReadPiece } from '../../../orchestrator/refresh/ports.ts'
import { trial } from '../../../orchestrator/refresh/trial.ts'
import { FakeClock } from '../../support/clock.ts'

const connector = {
  name: 'c',
  parser: { type: 'json', mode: 'auto' },
  columns: [
    {
      ...{ name: 'id', source: 'id', type: { kind: 'long' }, nullable: true, default: undefined, onInvalid: 'skip' },
      ...{ trim: false, decimalSeparator: '.', thousandsSeparator: '' },
    },
  ],
  rejects: { max: 0, maxPercent: undefined },
  limits: { memory: 1 << 30, stallMs: 60_000, fragmentBytes: 1 << 30 },
} as unknown as Connector

const BODIES: Record<string, string | AuthorError> = {
  a: '{"id": 1}',
  unread: new AuthorError('read.failed', 'cut'),
  b: '{"id": 2}',
  refused: '{"id": "no"}',
  c: '{"id": 3}',
}

/** Reads BODIES; each fragment prints one line, which is handed on only when it is asked for. */
const executor: ExecutorPort = {
  async open(_, { log }) {
    const late: string[] = ['']
    return {
      lockHash: '',
      bundleHash: '',
      async *list() {
        yield Object.keys(BODIES).map(
          (name): ListedItem => ({ name, fingerprint: '1', extra: '', isPrefix: false, depth: 0 }),
        )
      },
      async *read(items) {
        for (const [fragment, { name }] of items.entries()) {
          late.push(name)
          const body = BODIES[name]!
          const error = body instanceof AuthorError ? body : undefined
          const data = error ? Buffer.alloc(0) : Buffer.from(body as string)
          const pieces: ReadPiece[] = [
            { fragment, data, end: undefined },
            { fragment, data: Buffer.alloc(0), end: { bytes: data.length, startUs: 0, durationUs: 0, error } },
          ]
          yield pieces
        }
      },
      async settle() {
        for (const fragment of late.splice(0)) log({ timeUs: 0, stream: 'stdout', text: 'line', fragment, dropped: 0 })
      },
      async close() {},
    }
  },
}

it('what a fragment printed has been handed on before its end is told, and ends are told in order', async () => {
  const parse = new ParsePool({ threads: 1 })
  onTestFinished(() => parse.close())
  const told: string[] = []
  const hooks = { note: () => {}, log: ({ fragment }: { fragment: string }) => void told.push(`printed ${fragment}`) }
  const request = { fragments: [], maxRows: undefined, listOnly: false, checks: false }
  const deps = { executor, parse, clock: new FakeClock(), hooks }
  for await (const event of trial(connector, deps, request, new AbortController().signal)) {
    if (event.type === 'reading') told.push('reading')
    if (event.type === 'rows') told.push(`rows ${event.fragment}`)
    if (event.type === 'fragment') told.push(`${event.name} ${event.status}`)
  }
  expect(told.filter((line) => !line.startsWith('printed'))).toEqual([
    ...['reading', 'rows a', 'a ok', 'unread failed', 'rows b', 'b ok', 'refused failed', 'rows c', 'c ok'],
  ])
  expect(told.indexOf('printed ')).toBeLessThan(told.indexOf('reading'))
  for (const name of Object.keys(BODIES))
    expect(told.indexOf(`printed ${name}`), name).toBeLessThan(told.findIndex((line) => line.startsWith(`${name} `)))
  expect(told.filter((line) => line.startsWith('printed'))).toHaveLength(6)
})
