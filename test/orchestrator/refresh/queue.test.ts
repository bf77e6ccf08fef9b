import { describe, expect, it } from 'vitest'
import type { Work } from '../../../orchestrator/refresh/ports.ts'
import { type Attempt, WorkQueue } from '../../../orchestrator/refresh/queue.ts'
import { FakeClock } from '../../support/clock.ts'

const never = new AbortController().signal
const work = (index: number, more: Partial<Work> = {}): Work => ({
  name: String(index).padStart(6, '0'),
  kind: 'new',
  fingerprint: '1',
  extra: '',
  generation: 0,
  tailSequence: 0,
  hadRejects: false,
  bytes: 0,
  ...more,
})

function queueOf(all: Work[], readers = 2, clock = new FakeClock()) {
  const pages: string[] = []
  const page = async (after: string, limit: number) => {
    pages.push(after)
    return all.filter(({ name }) => name > after).slice(0, limit)
  }
  return { queue: new WorkQueue(page, all.length, readers, clock), pages, clock }
}

async function drain(queue: WorkQueue): Promise<Attempt[][]> {
  const batches: Attempt[][] = []
  for (;;) {
    const batch = await queue.take(never)
    if (!batch) return batches
    batches.push(batch)
    queue.done()
  }
}

describe('the work queue', () => {
  it('hands out each fragment once, in order, in batches that shrink towards the end', async () => {
    const { queue, pages } = queueOf(Array.from({ length: 12_000 }, (_, i) => work(i)))
    const batches = await drain(queue)
    expect(batches.flat().map(({ work: { name } }) => Number(name))).toEqual(
      Array.from({ length: 12_000 }, (_, i) => i),
    )
    expect(batches[0]).toHaveLength(500)
    expect(batches.at(-1)).toHaveLength(1)
    expect(pages).toEqual(['', '004999', '009999'])
  })

  it('serves readers side by side without doubling or losing any', async () => {
    const { queue } = queueOf(
      Array.from({ length: 7_000 }, (_, i) => work(i)),
      3,
    )
    const taken = (await Promise.all([drain(queue), drain(queue), drain(queue)]))
      .flat(2)
      .map(({ work: { name } }) => name)
    expect(new Set(taken).size).toBe(7_000)
    expect(taken).toHaveLength(7_000)
  })

  it('keeps a request below 1 MiB and a call below 64 MiB of known bytes', async () => {
    const heavy = Array.from({ length: 4_000 }, (_, i) => work(i, { extra: 'x'.repeat(60_000) }))
    expect((await queueOf(heavy).queue.take(never))!.length).toBeLessThan(16)
    const large = Array.from({ length: 4_000 }, (_, i) => work(i, { bytes: 30 << 20 }))
    expect(await queueOf(large).queue.take(never)).toHaveLength(2)
    const huge = [work(1, { bytes: 1 << 40 }), work(2)]
    expect(await queueOf(huge).queue.take(never)).toHaveLength(1)
  })

  it('gives a retry when it is due, and does not end before', async () => {
    const { queue, clock } = queueOf([work(1)], 1)
    const first = (await queue.take(never))![0]!
    queue.retry(first, 5_000)
    queue.done()
    expect((await queue.take(never))![0]).toEqual({ work: first.work, number: 2 })
    expect(clock.slept).toEqual([5_000])
    queue.done()
    expect(await queue.take(never)).toBeUndefined()
  })

  it('gives what a lost call did not come to again, together, and not as tries of their own', async () => {
    const { queue } = queueOf([work(1), work(2), work(3)], 1)
    const { queue: many } = queueOf(
      Array.from({ length: 40 }, (_, i) => work(i)),
      1,
    )
    const batch = (await many.take(never))!
    expect(batch).toHaveLength(10)
    many.again(batch.slice(4), 0, true)
    many.done()
    expect(await many.take(never)).toEqual(batch.slice(4).map(({ work }) => ({ work, number: 1, lost: 1 })))
    // Who only waited in line has lost no call.
    const one = (await queue.take(never))!
    queue.again(one, 0, false)
    queue.done()
    expect((await queue.take(never))![0]).toMatchObject({ number: 1, lost: 0 })
  })

  it('waits for what is under way, since it may come back', async () => {
    const { queue } = queueOf([work(1)], 2)
    const first = (await queue.take(never))![0]!
    const second = queue.take(never)
    queue.retry(first, 0)
    queue.done()
    expect((await second)![0]!.number).toBe(2)
  })

  it('hands out nothing more once it is stopped', async () => {
    const { queue } = queueOf([work(1), work(2)], 1)
    await queue.take(never)
    const waiting = queue.take(never).then((batch) => batch?.length)
    queue.stop()
    queue.done()
    await waiting
    expect(await queue.take(never)).toBeUndefined()
  })
})
