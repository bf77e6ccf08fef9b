/** Whose session the readers of a refresh use: the flow's own rules, with sessions that only count. */
import { describe, expect, it } from 'vitest'
import { AuthorError, LinkError } from '../../../orchestrator/errors.ts'
import type { Session } from '../../../orchestrator/refresh/ports.ts'
import { Sessions } from '../../../orchestrator/refresh/sessions.ts'
import { FakeClock } from '../../support/clock.ts'

class Counted implements Partial<Session> {
  readonly executor: string
  draining = false
  closed = 0

  constructor(executor: string) {
    this.executor = executor
  }

  async close(): Promise<void> {
    this.closed++
  }
}

function world() {
  const opened: Counted[] = []
  const warnings: string[] = []
  const sessions = new Sessions(
    async () => {
      const session = new Counted(`executor-${opened.length + 1}`)
      opened.push(session)
      return session as unknown as Session
    },
    new FakeClock(),
    new AbortController().signal,
    { warn: (message) => warnings.push(message) },
  )
  return { sessions, opened, warnings }
}

describe('the session of a refresh', () => {
  it('is one for all readers, and closed at the end', async () => {
    const { sessions, opened } = world()
    const lent = await Promise.all([sessions.lend(), sessions.lend(), sessions.lend()])
    for (const one of lent) await one.end()
    await sessions.use(async () => {})
    expect(opened).toHaveLength(1)
    await sessions.close()
    expect(opened.map(({ closed }) => closed)).toEqual([1])
  })

  it('is replaced when its executor drains, and closed with its last call', async () => {
    const { sessions, opened, warnings } = world()
    const [first, second] = await Promise.all([sessions.lend(), sessions.lend()])
    opened[0]!.draining = true
    const next = await Promise.all([sessions.lend(), sessions.lend()])
    expect(next.map(({ session }) => session.executor)).toEqual(['executor-2', 'executor-2'])
    expect(warnings).toEqual([expect.stringContaining('executor-1 is about to end')])
    await first.end()
    expect(opened[0]!.closed).toBe(0)
    await second.end()
    expect(opened.map(({ closed }) => closed)).toEqual([1, 0])
    await sessions.close()
    expect(opened.map(({ closed }) => closed)).toEqual([1, 1])
  })

  it('is given back at once when its last call ends while the executor drains', async () => {
    const { sessions, opened } = world()
    const lent = await sessions.lend()
    opened[0]!.draining = true
    await lent.end()
    expect(opened.map(({ closed }) => closed)).toEqual([1])
    await sessions.close()
    expect(opened).toHaveLength(1)
  })

  it('is left by all when its link is lost, once; an author’s error or a wait in line leaves it as it is', async () => {
    const { sessions, opened, warnings } = world()
    const [first, second, third, fourth] = await Promise.all([1, 2, 3, 4].map(() => sessions.lend()))
    await first!.end(new AuthorError('read.failed', 'no', { retryable: true }))
    await second!.end(new LinkError('executor.busy', 'full', { retryable: true }))
    expect(opened[0]!.closed).toBe(0)
    await third!.end(new LinkError('executor.lost', 'gone', { retryable: true }))
    await fourth!.end(new LinkError('executor.lost', 'gone', { retryable: true }))
    expect(opened[0]!.closed).toBe(1)
    expect((await sessions.lend()).session.executor).toBe('executor-2')
    expect(warnings).toEqual([])
  })
})
