import { describe, expect, it } from 'vitest'
import {
  changes,
  countedBy,
  followsOrder,
  isSame,
  type Listing,
  looksLikeNow,
  renames,
} from '../../../orchestrator/refresh/listings.ts'

/** "a=1 b=2" */
function listing(text: string): Listing {
  const items = text.split(' ').map((item) => item.split('=') as [string, string])
  return { names: items.map(([name]) => name), fingerprints: items.map(([, fingerprint]) => fingerprint) }
}

describe('a listing with another enumerate', () => {
  const counted = (plain: string, off: string) => countedBy(1000, listing(plain), listing(off))

  it('shows names and fingerprints that are made of it', () => {
    expect(counted('p0=x p1=y', 'p1000=x p1001=y')).toEqual({ names: [0, 1], fingerprints: [], isAll: true })
    expect(counted('a=0 b=1', 'a=1000 b=1001')).toEqual({ names: [], fingerprints: [0, 1], isAll: true })
    expect(counted('f-007=x f-008=y f-009=z', 'f-1007=x f-1008=y f-1009=z').names).toEqual([0, 1, 2])
    expect(counted('a/0=x a/1=y b/0=z b/1=u', 'a/1000=x a/1001=y b/1000=z b/1001=u').names).toHaveLength(4)
    // Some were left out on the way.
    expect(counted('p1=. p2=. p4=. p5=. p9=.', 'p1001=. p1002=. p1004=. p1005=. p1009=.').names).toHaveLength(5)
  })

  it('shows nothing where something else was counted: lines, say', () => {
    expect(counted('a=3 b=7', 'a=1003 b=1007')).toEqual({ names: [], fingerprints: [], isAll: true })
    expect(counted('a=5 b=2 c=9', 'a=1005 b=1002 c=1009').fingerprints).toEqual([])
    expect(counted('a=4 b=4 c=4', 'a=1004 b=1004 c=1004').fingerprints).toEqual([])
    expect(counted('a=0', 'a=1000').fingerprints).toEqual([])
  })

  it('says when there is more that differs', () => {
    expect(counted('a=0 b=1', 'a=1000 b=1002').isAll).toBe(false)
    expect(counted('a=0 b=1 c=2', 'a=1000 b=1001').isAll).toBe(false)
    expect(counted('a=1-1 b=2-2', 'a=1001-1001 b=1002-1002')).toMatchObject({ fingerprints: [], isAll: false })
    expect(counted('a=x b=y', 'a=x b=y')).toEqual({ names: [], fingerprints: [], isAll: true })
  })
})

describe('an order that changed', () => {
  it('shows what stayed where it was', () => {
    expect(followsOrder(listing('p0=x p1=y p2=z'), listing('p0=y p1=z p2=x'))).toBe('names')
    expect(followsOrder(listing('a=0 b=1 c=2'), listing('c=0 a=1 b=2'))).toBe('fingerprints')
  })

  it('is nothing by itself, nor is a source that changed', () => {
    const follows = (before: string, after: string) => followsOrder(listing(before), listing(after))
    expect(follows('a=x b=y c=z', 'b=y c=z a=x')).toBeUndefined()
    expect(follows('a=1 b=1 c=1', 'b=1 a=1 c=1')).toBeUndefined()
    expect(follows('a=x b=y c=z', 'a=x b=z c=u')).toBeUndefined()
    expect(follows('a=x b=y c=z', 'b=x c=y d=z')).toBeUndefined()
    expect(follows('a=x b=y c=z', 'a=x b=y c=z')).toBeUndefined()
    // States that went from one object to another.
    expect(follows('a=leader b=idle c=idle', 'a=idle b=leader c=idle')).toBeUndefined()
    expect(follows('a=leader b=follower', 'a=follower b=leader')).toBeUndefined()
    expect(isSame(listing('a=x b=y'), listing('b=y a=x'))).toBe(true)
  })
})

describe('names', () => {
  const three = (first: string, again: string, elsewhere: string) =>
    renames({ first: listing(first), again: listing(again), elsewhere: listing(elsewhere) })

  it('that are others each time are told from those that are salted', () => {
    expect(three('a=x b=y', 'c=x d=y', 'e=y f=x')).toBe('each listing')
    expect(three('a=x b=y', 'b=y a=x', 'c=x d=y')).toBe('each process')
  })

  it('that come and go with the source are none of it', () => {
    expect(three('a=x b=y', 'b=y c=z', 'c=z d=u')).toBeUndefined()
    expect(three('a=x b=y', 'c=z d=u', 'e=v f=w')).toBeUndefined()
    expect(three('a=x b=y', 'a=x c=y', 'd=x e=y')).toBeUndefined()
    expect(three('a=x', 'b=x', 'c=x')).toBeUndefined()
    expect(three('t1=1 t2=1', 't1=1 t2=1', 't3=1 t4=1')).toBeUndefined()
  })
})

describe('a fingerprint', () => {
  const change = (first: string, again: string, elsewhere: string) =>
    changes('a', { first: listing(first), again: listing(again), elsewhere: listing(elsewhere) })

  it('is unstable when it was another one each time, salted when only the process made it so', () => {
    expect(change('a=1', 'a=2', 'a=3')).toBe('each listing')
    expect(change('a=1', 'a=1', 'a=3')).toBe('each process')
  })

  it('may have changed once with its object', () => {
    expect(change('a=1', 'a=2', 'a=2')).toBeUndefined()
    expect(change('a=1', 'a=2', 'a=1')).toBeUndefined()
    expect(change('a=1', 'a=1', 'a=1')).toBeUndefined()
    expect(change('a=1', 'a=2', 'b=3')).toBeUndefined()
  })

  it('looks like the time of the listing in seconds or as a time of day, in any zone', () => {
    const now = Date.UTC(2026, 10, 25, 21, 59, 58)
    const seconds = String(now / 1000)
    for (const text of [seconds, `v${seconds}`, '2026-11-25T21:59:58Z', '2026-11-25 16:59:57', '03:00:01'])
      expect(looksLikeNow(text, now), text).toBe(true)
    for (const text of ['1', '', String(now / 1000 - 60), '2026-11-25', '2026-11-25T21:20:58Z', 'e3b0c44298fc1c149'])
      expect(looksLikeNow(text, now), text).toBe(false)
  })
})
