import { describe, expect, it } from 'vitest'
import type { Connector, MaxDeleted } from '../../../orchestrator/connector/definition.ts'
import { massDeletion } from '../../../orchestrator/refresh/guard.ts'

function trips(
  live: number,
  vanished: number,
  maxDeleted: MaxDeleted = { percent: 20 },
  { deleted = 'retract', allowed = false, listed = live - vanished } = {},
): boolean {
  const connector = { name: 'c', refresh: { maxDeleted, deleted } } as Connector
  const diff = { live, vanished, listed, new: 0, changed: 0, unchanged: 0, olderVersion: 0 }
  return massDeletion(connector, diff, allowed) !== undefined
}

describe('the guard on mass deletion (promise 4)', () => {
  it('lets up to the ceiling of the percentage go', () => {
    expect(trips(10, 2)).toBe(false)
    expect(trips(10, 3)).toBe(true)
    expect(trips(11, 3)).toBe(false) // ⌈2.2⌉
    expect(trips(3, 1)).toBe(false) // ⌈0.6⌉
  })

  it('trips when everything vanishes, however little that is', () => {
    expect(trips(1, 1)).toBe(true)
    expect(trips(2, 2, { count: 5 })).toBe(true)
  })

  it('is lifted by 100 %, by keep, and once by order', () => {
    expect(trips(10, 10, { percent: 100 })).toBe(false)
    expect(trips(10, 10, { percent: 20 }, { deleted: 'keep' })).toBe(false)
    expect(trips(10, 10, { percent: 20 }, { allowed: true })).toBe(false)
  })

  it('takes a number as a number', () => {
    expect(trips(100, 5, { count: 5 })).toBe(false)
    expect(trips(100, 6, { count: 5 })).toBe(true)
  })

  it('says both counts and the next step', () => {
    const connector = { name: 'orders', refresh: { maxDeleted: { percent: 20 }, deleted: 'retract' } } as Connector
    const error = massDeletion(
      connector,
      { live: 10, vanished: 4, listed: 6, new: 0, changed: 0, unchanged: 6, olderVersion: 0 },
      false,
    )
    expect(error).toMatchObject({ code: 'list.mass_deletion', exitCode: 1 })
    expect(error!.message).toMatch(/4 of 10 .*\(6 listed\).*\(2\).*rowcast refresh orders --allow-deleted/)
  })
})
