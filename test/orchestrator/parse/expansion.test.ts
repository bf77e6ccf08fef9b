/** Little input that becomes much output: bounded on both sides of the thread, whoever is slow (promise 5). */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { ParsePool } from '../../../orchestrator/parse/pool.ts'
import type { ParsedFrame, ParseJob } from '../../../orchestrator/refresh/ports.ts'
import { collect, connector, parse, parseEveryWayLater, parseLater } from './support.ts'

const pools: ParsePool[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((each) => each.close()))
})
function pool(threads = 1): ParsePool {
  const made = new ParsePool({ threads })
  pools.push(made)
  return made
}

const OF = connector({ columns: ['id long', 'text string'], rejects: { max: 1e9 } })
const OPTIONS = { maxRowBytes: 1 << 20, frameBytes: 256 * 1024 }

/** About `mib` MiB of rows that compress to next to nothing. */
function table(mib: number): string {
  return `id,text\n${`1,${'x'.repeat(1021)}\n`.repeat(mib * 1024)}`
}

const small = table(1)
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Lets everything happen that can happen while nobody reads. */
async function quiet(job: ParseJob): Promise<void> {
  for (let round = 0; round < 200; round++) await turn()
  void job
}

describe('compressed fragments', () => {
  it('are the same rows as uncompressed ones, however they are cut', async () => {
    const text = 'id,text\n1,"a\nb"\n2,\u00e4\u{1f600}\nx,y\n'
    const plain = parse(OF, text)
    const found = await parseEveryWayLater(OF, gzipSync(text))
    expect(found.text).toBe(plain.text)
    expect(found.rejects).toEqual(plain.rejects)
  })

  it('count against limits.fragment_bytes as what they become', async () => {
    const of = connector({ columns: ['id long', 'text string'], fragmentBytes: 512 * 1024 })
    const { error } = await parseLater(of, zstdCompressSync(small))
    expect(error?.code).toBe('fragment.limit')
  })

  it('end where enough rows were seen', async () => {
    const { totals, text } = await parseLater(OF, gzipSync(table(8)), [], { maxRows: 3 })
    expect(totals).toMatchObject({ published: 3, truncated: true })
    expect(text.split('\n')).toHaveLength(4)
  })
})

describe('the pool, when one message becomes much', () => {
  it('makes no more than a reader takes, and then all of it', async () => {
    const job = pool().open(OF, OPTIONS)
    await job.push([{ fragment: 0, data: gzipSync(table(24)), end: 'end' }])
    job.end()
    await quiet(job)
    const frames: ParsedFrame[] = []
    let most = 0
    for await (const batch of job.output) {
      most = Math.max(
        most,
        batch.reduce((sum, { bytes }) => sum + bytes.length, 0),
      )
      frames.push(...batch)
      await turn()
    }
    expect(collect(frames).totals).toMatchObject({ read: 24 * 1024, published: 24 * 1024 })
    // An answer is 4 MiB, and what one piece of 256 KiB becomes.
    expect(most).toBeLessThan(6 << 20)
  })

  it('does the same with rejects, which are no output by themselves', async () => {
    const job = pool().open(OF, OPTIONS)
    const bad = `id,text\n${`x,${'y'.repeat(1021)}\n`.repeat(32 * 1024)}`
    await job.push([{ fragment: 0, data: gzipSync(bad), end: 'end' }])
    job.end()
    let most = 0
    let all = 0
    for await (const batch of job.output) {
      const rejects = batch.reduce((sum, frame) => sum + frame.rejects.length, 0)
      most = Math.max(most, rejects)
      all += rejects
    }
    expect(all).toBe(32 * 1024)
    expect(most).toBeLessThan(6 * 1024)
  })

  it('keeps rows and rejects apart, however many of both there are', () => {
    for (const type of ['xsv', 'json'] as const) {
      const of = connector({ parser: { type }, columns: ['id long', 'text string'], rejects: { max: 1e9 } })
      const long = 'z'.repeat(3000)
      const record = (id: string, text: string) =>
        type === 'xsv' ? `${id},${text}\n` : `{"id":"${id}","text":"${text}"}\n`
      const input = `${type === 'xsv' ? 'id,text\n' : ''}${(record('1', 'a') + record('x', long) + record('2', long)).repeat(400)}`
      const { text, rejects, frames } = parse(of, input)
      expect(text).toBe(`{"id":1,"text":"a"}\n{"id":2,"text":"${long}"}\n`.repeat(400))
      expect(rejects.map(({ rowNumber }) => rowNumber)).toEqual(Array.from({ length: 400 }, (_, i) => 3 * i + 2))
      expect(frames.length).toBeGreaterThan(4)
    }
  })

  it('lets another job on the same thread go on while one waits for its reader', async () => {
    const shared = pool()
    const slow = shared.open(OF, OPTIONS)
    await slow.push([{ fragment: 0, data: gzipSync(table(24)), end: 'end' }])
    slow.end()
    await quiet(slow)
    const quick = shared.open(OF, OPTIONS)
    await quick.push([{ fragment: 0, data: Buffer.from(small), end: 'end' }])
    quick.end()
    const frames: ParsedFrame[] = []
    for await (const batch of quick.output) frames.push(...batch)
    expect(collect(frames).totals).toMatchObject({ published: 1024 })
    slow.abort()
  })

  it('forgets a job that is given up in the middle, and its runner serves the next', async () => {
    const shared = pool()
    for (let round = 0; round < 3; round++) {
      const job = shared.open(OF, OPTIONS)
      await job.push([
        { fragment: 0, data: gzipSync(table(24)), end: 'end' },
        { fragment: 1, data: Buffer.from(small), end: 'end' },
      ])
      if (round < 2) {
        for await (const _ of job.output) break
        continue
      }
      job.end()
      const frames: ParsedFrame[] = []
      for await (const batch of job.output) frames.push(...batch)
      expect(collect(frames.filter(({ fragment }) => fragment === 0)).totals?.published).toBe(24 * 1024)
      expect(collect(frames.filter(({ fragment }) => fragment === 1)).totals?.published).toBe(1024)
    }
  })

  it('does not take a slow reader for a stalled parser', async () => {
    const set: (() => void)[] = []
    const cleared = new Set<unknown>()
    const timers = {
      set: (callback: () => void) => set.push(callback) - 1,
      clear: (timer: unknown) => void cleared.add(timer),
    }
    const made = new ParsePool({ threads: 1, timers })
    pools.push(made)
    const job = made.open(OF, OPTIONS)
    await job.push([{ fragment: 0, data: gzipSync(table(24)), end: 'end' }])
    job.end()
    // Wait until the thread waits for us: no timer is running then.
    while (set.length === 0 || set.some((_, timer) => !cleared.has(timer))) await turn()
    const frames: ParsedFrame[] = []
    for await (const batch of job.output) frames.push(...batch)
    expect(collect(frames).totals?.published).toBe(24 * 1024)
    expect(set.every((_, timer) => cleared.has(timer))).toBe(true)
  })
})
