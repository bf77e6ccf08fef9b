import { describe, expect, it } from 'vitest'
import type { Reject } from '../../../orchestrator/refresh/ports.ts'
import { Quarantine } from '../../../orchestrator/refresh/quarantine.ts'

const reject = (rowNumber: number, bytes: number): Reject => ({
  rowNumber,
  line: rowNumber,
  byteOffset: 0,
  column: null,
  code: 'row.value',
  message: 'm',
  raw: new Uint8Array(bytes).fill(rowNumber),
  truncated: false,
})

describe('the rejects of an attempt', () => {
  it('promise 6: every one reaches the state, in order, before the flush resolves', async () => {
    const kept: number[] = []
    const quarantine = new Quarantine(async (rejects) => {
      await new Promise((resolve) => setImmediate(resolve))
      kept.push(...rejects.map(({ rowNumber }) => rowNumber))
    })
    for (let at = 1; at <= 3000; at += 3)
      await quarantine.add([reject(at, 16_384), reject(at + 1, 1), reject(at + 2, 0)])
    await quarantine.flush()
    await quarantine.flush()
    expect(kept).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1))
  })

  it('promise 5: neither side waits for more than a few MiB, whole where they fit', async () => {
    const steps: number[] = []
    const quarantine = new Quarantine(async (rejects) => {
      steps.push(rejects.reduce((sum, { raw }) => sum + raw.length, 0))
    })
    for (let at = 1; at <= 100; at++) await quarantine.add([reject(at, 16_384)])
    expect(quarantine.told.every(({ raw, truncated }) => raw.length === 16_384 && !truncated)).toBe(true)
    for (let at = 101; at <= 20_000; at++) await quarantine.add([reject(at, 16_384)])
    await quarantine.flush()
    expect(Math.max(...steps)).toBeLessThan(2 << 20)
    expect(steps.reduce((sum, bytes) => sum + bytes, 0)).toBe(20_000 * 16_384)
    expect(quarantine.told).toHaveLength(10_000)
    expect(quarantine.told[5000]).toMatchObject({ rowNumber: 5001, truncated: true })
    const held = new Set(quarantine.told.map(({ raw }) => raw.buffer))
    expect([...held].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(6 << 20)
  })
})
