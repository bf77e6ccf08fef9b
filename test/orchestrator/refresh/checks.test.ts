/** The limits of the checks; what they find is in test/e2e/warnings.test.ts, by real connectors. */
import { expect, it } from 'vitest'
import type { Connector } from '../../../orchestrator/connector/definition.ts'
import { type CheckEvent, checkListing, type Seen } from '../../../orchestrator/refresh/checks.ts'
import type { ExecutorPort, ListedItem } from '../../../orchestrator/refresh/ports.ts'
import { FakeClock } from '../../support/clock.ts'

const connector = { code: 'connector.py', parser: { type: 'json', mode: 'auto' } } as Connector
const item: ListedItem = { name: 'a', fingerprint: '1', extra: '', isPrefix: false, depth: 0 }

async function check(seen: Partial<Seen>, executor: ExecutorPort, signal = new AbortController().signal) {
  const events: CheckEvent[] = []
  const all: Seen = { items: new Map([['a', item]]), listMs: 5, listedAt: 0, sizes: new Map(), ...seen }
  for await (const event of checkListing(connector, { executor, clock: new FakeClock() }, all, signal))
    events.push(event)
  return events
}

const untouched: ExecutorPort = {
  open: () => {
    throw new Error('opened')
  },
}

it('a slow or large listing is not made again, and why is told', async () => {
  expect(await check({ listMs: 12_000 }, untouched)).toMatchObject([
    { type: 'unchecked', why: 'the listing took 12 s, and would be made once more' },
  ])
  const items = new Map(Array.from({ length: 100_001 }, (_, index) => [String(index), item]))
  expect(await check({ items }, untouched)).toMatchObject([{ why: expect.stringContaining('more than 100000') }])
})

it('nothing is looked at for an empty listing, or when the user has left', async () => {
  expect(await check({ items: new Map() }, untouched)).toEqual([])
  expect(await check({}, untouched, AbortSignal.abort())).toEqual([])
})

it('they end after their time, however long the source takes', async () => {
  const hanging: ExecutorPort = {
    open: (_, __, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cancelled')))),
  }
  expect(await check({}, hanging)).toMatchObject([
    { type: 'checking' },
    { type: 'unchecked', why: 'they took longer than 30 s' },
  ])
})

it('a part that cannot be reached is told, it fails nothing', async () => {
  expect(await check({}, untouched)).toMatchObject([
    { type: 'checking' },
    { type: 'unchecked', why: 'listing once more failed: internal: opened', error: new Error('opened') },
  ])
})
