import { describe, expect, it } from 'vitest'
import { isLocal, resolve } from '../../../orchestrator/executor/address.ts'
import { type Load, place } from '../../../orchestrator/executor/placement.ts'

const load = (name: string, more: Partial<Load> = {}) => ({
  name,
  draining: false,
  readers: 0,
  sessions: 0,
  maxReaders: 0,
  environmentCached: true,
  opening: 0,
  ...more,
})
const names = (executors: ReturnType<typeof load>[], concurrency = 4) =>
  place(executors, concurrency).map(({ name }) => name)

describe('a session goes', () => {
  it('to the executor with the fewest readers, those of sessions to come included', () => {
    expect(names([load('a', { readers: 3 }), load('b', { readers: 1 }), load('c', { sessions: 2 })])).toEqual([
      'b',
      'c',
      'a',
    ])
    expect(names([load('a', { opening: 2 }), load('b', { readers: 1 })])).toEqual(['b', 'a'])
  })

  it('where its environment is, unless that one is busier by a whole session', () => {
    const elsewhere = load('elsewhere', { environmentCached: false })
    expect(names([elsewhere, load('here', { readers: 3 })])).toEqual(['here', 'elsewhere'])
    expect(names([elsewhere, load('here', { readers: 5 })])).toEqual(['elsewhere', 'here'])
  })

  it('where its readers find a place; never to one that is about to end', () => {
    expect(names([load('full', { maxReaders: 4, readers: 1 }), load('free', { maxReaders: 16, readers: 10 })])).toEqual(
      ['free', 'full'],
    )
    expect(names([load('ends', { draining: true }), load('stays', { readers: 9 })])).toEqual(['stays'])
    expect(names([load('ends', { draining: true })])).toEqual([])
  })
})

describe('an address', () => {
  it.for(['127.0.0.1:1', '127.8.9.1:1', 'localhost:1', '[::1]:1', 'unix:/run/rowcast'])(
    '%s is on this host',
    (address) => expect(isLocal(address)).toBe(true),
  )
  it.for(['10.0.0.1:1', '0.0.0.0:1', '[::]:1', '128.0.0.1:1', 'localhost.example:1', 'executor:7400'])(
    '%s may be elsewhere',
    (address) => expect(isLocal(address)).toBe(false),
  )
  it.for(['executor', ':1', 'a:b:1', 'executor:0', 'executor:70000', 'executor:1x', '::1:7400'])(
    '%s is none',
    (address) => expect(() => isLocal(address)).toThrow(/is no address; expected host:port/),
  )

  it('that is a name stands for all it has; others for themselves', async () => {
    const lookUp = async (host: string) => {
      if (host !== 'executors') throw new Error(`no such name: ${host}`)
      return [
        { address: '10.0.0.1', family: 4 },
        { address: 'fd00::1', family: 6 },
      ]
    }
    expect(await resolve('executors:7400', lookUp)).toEqual(['10.0.0.1:7400', '[fd00::1]:7400'])
    for (const address of ['10.1.1.1:1', '[::1]:1', 'localhost:1', 'unix:/run/rowcast'])
      expect(await resolve(address, lookUp)).toEqual([address])
    await expect(resolve('elsewhere:1', lookUp)).rejects.toMatchObject({
      code: 'executor.unreachable',
      retryable: true,
      message: expect.stringContaining('no such name: elsewhere'),
    })
  })
})
