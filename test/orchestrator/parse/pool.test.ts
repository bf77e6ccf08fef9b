import { afterEach, describe, expect, it } from 'vitest'
import { ParsePool } from '../../../orchestrator/parse/pool.ts'
import type { Timers } from '../../../orchestrator/parse/pool-thread.ts'
import type { ParsedFrame, ParseInput, ParseJob } from '../../../orchestrator/refresh/ports.ts'
import { collect, connector, parse } from './support.ts'

const pools: ParsePool[] = []

function pool(options: Partial<ConstructorParameters<typeof ParsePool>[0]> = {}): ParsePool {
  const made = new ParsePool({ threads: 2, ...options })
  pools.push(made)
  return made
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((each) => each.close()))
})

const OF = connector({ columns: ['id long', 'text string'] })
const OPTIONS = { maxRowBytes: 1 << 20, frameBytes: 4096 }
const misbehaving = new URL('./misbehaving-worker.ts', import.meta.url)

/** Pieces of one message: views of one buffer, as they come from gRPC. */
function message(pieces: [fragment: number, text: string, end?: 'end' | 'drop' | undefined][]): ParseInput[] {
  const buffer = Buffer.from(new Uint8Array(Buffer.from(pieces.map(([, text]) => text).join(''))).buffer)
  let offset = 0
  return pieces.map(([fragment, text, end]) => {
    const length = Buffer.byteLength(text)
    offset += length
    return { fragment, data: buffer.subarray(offset - length, offset), end }
  })
}

async function drain(job: ParseJob): Promise<Map<number, ParsedFrame[]>> {
  const frames = new Map<number, ParsedFrame[]>()
  for await (const batch of job.output) {
    expect(batch.length).toBeGreaterThan(0)
    for (const frame of batch) frames.set(frame.fragment, [...(frames.get(frame.fragment) ?? []), frame])
  }
  return frames
}

function table(rows: number, from = 0): string {
  return `id,text\n${Array.from({ length: rows }, (_, i) => `${from + i},"row ${from + i}"\n`).join('')}`
}

async function run(job: ParseJob, messages: ParseInput[][]): Promise<Map<number, ParsedFrame[]>> {
  const drained = drain(job)
  for (const each of messages) await job.push(each)
  job.end()
  return drained
}

describe('ParsePool', () => {
  it('parses many small fragments of one message, and one that spans several', async () => {
    const big = table(5000)
    const cut = [100, 70_000, 70_001]
    const first = message([
      ...Array.from({ length: 300 }, (_, f): [number, string, 'end'] => [f, table(5, f), 'end']),
      [300, big.slice(0, cut[0])],
    ])
    const rest = [
      message([[300, big.slice(cut[0], cut[1])]]),
      message([[300, big.slice(cut[1], cut[2])]]),
      message([
        [300, big.slice(cut[2]), 'end'],
        [301, 'id,text\n', 'end'],
        [302, 'id\n1\n', 'end'],
        [303, '', 'end'],
      ]),
    ]
    const frames = await run(pool().open(OF, OPTIONS), [first, ...rest])
    expect([...frames.keys()]).toEqual(Array.from({ length: 304 }, (_, f) => f))
    for (let f = 0; f < 300; f++) expect(collect(frames.get(f)!).text).toBe(parse(OF, table(5, f)).text)
    expect(collect(frames.get(300)!)).toMatchObject({ text: parse(OF, big).text, totals: { read: 5000 } })
    expect(frames.get(300)!.length).toBeGreaterThan(10)
    expect(collect(frames.get(301)!)).toMatchObject({ text: '', totals: { read: 0 } })
    expect(collect(frames.get(302)!).error?.code).toBe('fragment.missing_column')
    expect(collect(frames.get(303)!)).toMatchObject({ text: '', totals: { read: 0 } })
  })

  it('takes over a large buffer and copies a small one', async () => {
    const job = pool().open(OF, OPTIONS)
    const large = message([[0, table(8000), 'end']])
    const small = message([[1, table(5), 'end']])
    const frames = await run(job, [large, small])
    expect(large[0]!.data.buffer.byteLength).toBe(0)
    expect(small[0]!.data.buffer.byteLength).toBeGreaterThan(0)
    expect(collect(frames.get(0)!).totals?.published).toBe(8000)
  })

  it('copies buffers that cannot be transferred, and pieces of several', async () => {
    const [one, two] = [table(3), table(4)].map((text) => Buffer.from(text))
    const shared = new Uint8Array(new SharedArrayBuffer(100_000)).fill(32)
    Buffer.from(table(2)).copy(shared)
    const frames = await run(pool().open(OF, OPTIONS), [
      [
        { fragment: 0, data: one!, end: 'end' },
        { fragment: 1, data: two!, end: 'end' },
      ],
      [{ fragment: 2, data: shared, end: 'end' }],
    ])
    expect([...frames.values()].map((each) => collect(each).totals?.published)).toEqual([3, 4, 2])
  })

  it('carries rejects, defaults, unknown names and errors to the right fragment', async () => {
    const of = connector({ columns: ['id long', { name: 'x', type: 'long', default: '1' }], rejects: { max: 1 } })
    const frames = await run(pool().open(of, OPTIONS), [
      message([
        [0, 'id,x,y\n1,,\nz,2,\n', 'end'],
        [1, 'id,x\n1,2\n', 'end'],
        [2, 'id,x,y\nz,2,\nz,2,\n1', undefined],
      ]),
      message([
        [2, ',1,\n', 'end'],
        [3, 'id,x,y\n1,2,3\n', 'end'],
      ]),
    ])
    expect(collect(frames.get(0)!)).toMatchObject({
      rejects: [{ rowNumber: 2, column: 'id', code: 'row.value' }],
      totals: { defaulted: [0, 1], unknown: ['y'], rejected: 1 },
    })
    expect(collect(frames.get(1)!)).toMatchObject({ rejects: [], totals: { defaulted: [0, 0], unknown: [] } })
    expect(collect(frames.get(2)!)).toMatchObject({ error: { code: 'fragment.rejects' } })
    expect(collect(frames.get(3)!)).toMatchObject({ totals: { unknown: ['y'] } })
  })

  it('gives no more output of a dropped fragment', async () => {
    const job = pool().open(OF, { ...OPTIONS, frameBytes: 100 })
    await job.push(message([[0, table(100)]]))
    await job.push(
      message([
        [0, '', 'drop'],
        [1, table(2), 'end'],
        [0, '9,x\n', 'end'],
        [2, table(1)],
      ]),
    )
    await job.push(message([[2, '', 'drop']]))
    job.end()
    const frames = await drain(job)
    expect([...frames.keys()]).toEqual([1])
    expect(collect(frames.get(1)!).totals?.published).toBe(2)
  })

  it('ends a fragment that has no end without output', async () => {
    const frames = await run(pool().open(OF, OPTIONS), [
      message([
        [0, table(3), 'end'],
        [1, table(3)],
      ]),
    ])
    expect([...frames.keys()]).toEqual([0])
  })

  it('says at once that maxRows cut a fragment', async () => {
    const frames = await run(pool().open(OF, { ...OPTIONS, maxRows: 3 }), [message([[0, table(10)]])])
    expect(collect(frames.get(0)!)).toMatchObject({ totals: { published: 3, truncated: true } })
  })

  it('reuses parsers for job after job', async () => {
    const of = pool({ threads: 1 })
    for (let job = 0; job < 20; job++) {
      const frames = await run(of.open(OF, OPTIONS), [
        message(
          [
            [0, table(10, job)],
            [1, 'x', 'end'],
          ].slice(0, 1 + (job % 2)) as [number, string][],
        ),
      ])
      expect(frames.size).toBe(job % 2)
    }
  })

  it('runs several jobs side by side', async () => {
    const of = pool()
    const jobs = await Promise.all(
      Array.from({ length: 6 }, (_, j) =>
        run(
          of.open(OF, OPTIONS),
          Array.from({ length: 9 }, (_, m) =>
            message([[0, m === 0 ? table(200, j) : `${j},${m}\n`, m === 8 ? 'end' : undefined]]),
          ),
        ),
      ),
    )
    for (const frames of jobs) expect(collect(frames.get(0)!).totals?.published).toBe(208)
  })
})

describe('back-pressure (promise 5)', () => {
  it('holds push while nobody reads the output, and lets it go with each batch read', async () => {
    const job = pool().open(OF, OPTIONS)
    let pushed = 0
    const pushing = (async () => {
      for (let f = 0; f < 20; f++) {
        await job.push(message([[f, table(2), 'end']]))
        pushed++
      }
      job.end()
    })()
    const reader = job.output[Symbol.asyncIterator]()
    const seen: number[] = []
    for (let read = 0; ; read++) {
      // Whatever the worker does: no more than four messages lie between push and reader.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(pushed - read).toBeLessThan(4)
      const { done, value } = await reader.next()
      if (done) break
      seen.push(...value.map(({ fragment }: ParsedFrame) => fragment))
    }
    await pushing
    expect(seen).toEqual(Array.from({ length: 20 }, (_, f) => f))
  })

  it('needs no reader for messages that give no output', async () => {
    const job = pool().open(OF, OPTIONS)
    for (let m = 0; m < 30; m++) await job.push(message([[0, m === 0 ? 'id,text\n' : `${m},x\n`]]))
    await job.push(message([[0, '', 'end']]))
    job.end()
    expect(collect((await drain(job)).get(0)!).totals?.published).toBe(29)
  })

  it('lets go of everybody on abort, and takes nothing more', async () => {
    const job = pool().open(OF, OPTIONS)
    const pushing = (async () => {
      for (let f = 0; f < 20; f++) await job.push(message([[f, table(2), 'end']]))
    })()
    await new Promise((resolve) => setImmediate(resolve))
    job.abort()
    await pushing
    expect(await drain(job)).toEqual(new Map())
    job.abort()
    job.end()
  })

  it('ends a reader that waits, on abort and on close', async () => {
    const of = pool()
    const [one, two] = [of.open(OF, OPTIONS), of.open(OF, OPTIONS)]
    const waiting = [drain(one), drain(two)]
    one.abort()
    await of.close()
    expect(await Promise.all(waiting)).toEqual([new Map(), new Map()])
    expect(() => of.open(OF, OPTIONS)).toThrow('closed')
  })
})

describe('threads that fail', () => {
  it.each([
    ['EXIT', 'ended with code 7'],
    ['THROW', 'thrown on purpose'],
  ])('fails what a lost thread held and goes on with another (%s)', async (word, why) => {
    const job = pool({ threads: 1, worker: misbehaving }).open(OF, { ...OPTIONS, frameBytes: 100 })
    const drained = drain(job)
    await job.push(message([[0, table(2), 'end']]))
    // An answer that is still under way when the thread dies is lost with it, and rightly so.
    await untilAnswered(job)
    await job.push(message([[1, table(50)]]))
    await job.push(
      message([
        [1, `5,${word}\n`, 'end'],
        [2, table(1), 'end'],
        [3, table(3)],
      ]),
    )
    // Once the loss is known the rest goes to a new thread.
    await untilSettled(job)
    await job.push(
      message([
        [3, '7,x\n', 'end'],
        [4, table(4), 'end'],
      ]),
    )
    job.end()
    const frames = await drained
    expect(collect(frames.get(0)!).totals?.published).toBe(2)
    for (const fragment of [1, 2, 3]) {
      expect(frames.get(fragment)!.at(-1)!.error).toMatchObject({ code: 'fragment.internal', retryable: true })
      expect(frames.get(fragment)!.at(-1)!.error!.message).toContain(why)
    }
    expect(collect(frames.get(4)!).totals?.published).toBe(4)
  })

  it('gives up a thread that does not answer, and only that one', async () => {
    const fired: (() => void)[] = []
    const timers: Timers = { set: (callback) => fired.push(callback), clear: () => {} }
    const of = pool({ threads: 2, worker: misbehaving, timers })
    const [hanging, good] = [of.open(OF, OPTIONS), of.open(OF, OPTIONS)]
    await hanging.push(
      message([
        [0, 'id,text\n1,HANG\n', 'end'],
        [1, table(1), 'end'],
      ]),
    )
    await good.push(message([[0, table(5), 'end']]))
    good.end()
    expect(collect((await drain(good)).get(0)!).totals?.published).toBe(5)
    for (const fire of fired) fire()
    const drained = drain(hanging)
    await untilSettled(hanging)
    await hanging.push(message([[2, table(6), 'end']]))
    hanging.end()
    const frames = await drained
    expect(frames.get(0)!.at(-1)!.error).toMatchObject({ code: 'fragment.stalled', retryable: true })
    expect(frames.get(1)!.at(-1)!.error).toMatchObject({ code: 'fragment.stalled' })
    expect(collect(frames.get(2)!).totals?.published).toBe(6)
  })

  it('does not take a thread for stalled that has answered in the meantime', async () => {
    const fired: (() => void)[] = []
    const timers: Timers = { set: (callback) => fired.push(callback), clear: () => {} }
    const job = pool({ timers }).open(OF, OPTIONS)
    await job.push(message([[0, table(5), 'end']]))
    job.end()
    const frames = await drain(job)
    for (const fire of fired) fire()
    await new Promise((resolve) => setImmediate(resolve))
    expect(collect(frames.get(0)!).totals?.published).toBe(5)
  })
})

/** Resolves when the job has no thread any more: its fragments have failed. */
async function untilAnswered(job: ParseJob): Promise<void> {
  while ((job as unknown as { unanswered: number }).unanswered > 0)
    await new Promise((resolve) => setImmediate(resolve))
}

async function untilSettled(job: ParseJob): Promise<void> {
  while ((job as unknown as { thread: unknown }).thread) await new Promise((resolve) => setImmediate(resolve))
}
