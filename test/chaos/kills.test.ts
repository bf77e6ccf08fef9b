/**
 * SIGKILL of each process in the middle of a refresh, many times, at seeded moments; then one refresh to the end. Promises 1, 2, 3 and
 * 8: the consumer's rows equal the source's rows, each version once, and nothing that had committed is read again.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Running, run, start, temporary } from '../support/cli.ts'
import { observeHome } from '../support/embedded.ts'
import { expectSame } from '../support/oracle.ts'
import { childrenOf, random } from '../support/process.ts'
import { rows, Source } from '../support/source.ts'

const SEED = Number(process.env['ROWCAST_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const KILLS = Number(process.env['ROWCAST_CHAOS_KILLS'] ?? 4)

function world(name: string) {
  const dir = temporary()
  const source = new Source(dir, { name, pause: 0.002, chunk: 20_000, yaml: 'refresh: {concurrency: 2}\n' })
  const home = join(dir, 'home')
  // Small ones that share batches, middling ones, and one that goes out in parts.
  for (let i = 0; i < 400; i++) source.put(`small/${i}`, '1', rows(5, i))
  for (let i = 0; i < 6; i++) source.put(`middle/${i}`, '1', rows(5_000, 1_000 + i))
  source.put('zz-large', '1', rows(250_000, 5_000))
  return {
    source,
    home,
    begin: (): Running => start(['refresh', source.dir, '--home', home, '--json'], { env: source.env }),
  }
}

async function converge({ source, home }: ReturnType<typeof world>) {
  const last = await run(['refresh', source.dir, '--home', home, '--json'], { env: source.env })
  expect(last.code, `seed ${SEED}: ${last.stderr}`).toBe(0)
  const seen = await observeHome(home, source.name)
  expectSame(seen, source)
  const settled = source.reads().length
  const idle = await run(['refresh', source.dir, '--home', home, '--json'], { env: source.env })
  expect(idle.lines.at(-1)).toMatchObject({ status: 'succeeded', fragments: { read: 0, committed: 0 } })
  expect(source.reads()).toHaveLength(settled)
  return { seen, last: last.lines.at(-1) }
}

describe(`SIGKILL in the middle of a refresh (ROWCAST_CHAOS_SEED=${SEED})`, () => {
  it('of the orchestrator: the next one goes on with what the stream holds (promises 2, 3, 8)', async () => {
    const chance = random(SEED)
    const here = world('orchestrator')
    /** What the stream held after a kill: fragment → generation. */
    const held = new Map<string, number>()
    for (let kill = 0; kill < KILLS; kill++) {
      const refresh = here.begin()
      const ended = refresh.result.then(() => true)
      await refresh.stderr(/listed/).catch(() => {})
      const early = await Promise.race([ended, pause(50 + chance() * 1200).then(() => false)])
      refresh.child.kill('SIGKILL')
      await refresh.result
      const { commits } = await observeHome(here.home, here.source.name, { interrupted: true })
      const before = here.source.reads().length
      for (const [fragment, , generation] of commits) {
        // Promise 2: what counted once is not published again.
        if (held.has(fragment))
          expect(generation, `${fragment} was published again, seed ${SEED}`).toBe(held.get(fragment))
        held.set(fragment, generation)
      }
      if (early) break
      const next = here.begin()
      await next.stderr(/listed/)
      await pause(30)
      next.child.kill('SIGKILL')
      await next.result
      // Promise 3: what the stream holds is not read again, though the state had not heard of it.
      const again = here.source
        .reads()
        .slice(before)
        .filter(([fragment]) => held.has(fragment))
      expect(again, `read again, seed ${SEED}`).toEqual([])
    }
    const { seen, last } = await converge(here)
    for (const [fragment, , generation] of seen.commits) {
      if (held.has(fragment)) expect(generation, fragment).toBe(held.get(fragment))
    }
    expect(last.fragments.unchanged + last.fragments.committed).toBe(407)
  })

  it('of the executor: the refresh itself goes on with a new one', async () => {
    const chance = random(SEED + 1)
    const here = world('executor')
    const refresh = here.begin()
    await refresh.stderr(/listed/)
    for (let kill = 0; kill < 2; kill++) {
      await pause(200 + chance() * 500)
      for (const pid of childrenOf(refresh.child.pid!, 'rowcast --listen')) process.kill(pid, 'SIGKILL')
    }
    const result = await refresh.result
    expect(result.code, result.stderr).toBe(0)
    expect(result.stderr).toMatch(/executor died|executor\.lost/)
    await converge(here)
  })

  it('of nats-server: the refresh waits for it and goes on; unknown outcomes are resolved (promise 2)', async () => {
    const chance = random(SEED + 2)
    const here = world('server')
    const refresh = here.begin()
    await refresh.stderr(/listed/)
    for (let kill = 0; kill < 3; kill++) {
      await pause(200 + chance() * 700)
      const pid = Number(readFileSync(join(here.home, 'nats', 'pid'), 'utf8'))
      for (const server of childrenOf(refresh.child.pid!, 'nats-server')) if (server) process.kill(server, 'SIGKILL')
      expect(pid).toBeGreaterThan(0)
    }
    const result = await refresh.result
    expect(result.code, result.stderr).toBe(0)
    await converge(here)
  })

  it('of everything at once, state and stream included', async () => {
    const chance = random(SEED + 3)
    const here = world('all')
    for (let kill = 0; kill < 3; kill++) {
      const refresh = here.begin()
      await refresh.stderr(/listed/).catch(() => {})
      await pause(100 + chance() * 900)
      const children = [...childrenOf(refresh.child.pid!, 'nats-server'), ...childrenOf(refresh.child.pid!, 'rowcast')]
      for (const pid of [...children, refresh.child.pid!]) kill9(pid)
      await refresh.result
    }
    await converge(here)
  })
})

describe('signals', () => {
  it('one SIGINT drains: what is under way commits, exit 130, and the rest is read next time', async () => {
    const here = world('drain')
    const refresh = here.begin()
    await refresh.stderr(/listed/)
    await pause(400)
    refresh.child.kill('SIGINT')
    const result = await refresh.result
    expect(result.code, result.stderr).toBe(130)
    expect(result.lines.at(-1)).toMatchObject({ status: 'cancelled', error: { code: 'refresh.cancelled' } })
    await converge(here)
  })

  it('the second SIGINT stops at once and loses nothing', async () => {
    const here = world('stop')
    const refresh = here.begin()
    await refresh.stderr(/listed/)
    await pause(300)
    refresh.child.kill('SIGINT')
    await refresh.stderr(/once more/)
    refresh.child.kill('SIGINT')
    expect((await refresh.result).code).toBe(130)
    await converge(here)
  })

  it('leaves no process behind, whatever ended it', async () => {
    const here = world('leftovers')
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const refresh = here.begin()
      await refresh.stderr(/listed/)
      const children = [...childrenOf(refresh.child.pid!, 'nats-server'), ...childrenOf(refresh.child.pid!, 'rowcast')]
      expect(children.length).toBeGreaterThanOrEqual(2)
      refresh.child.kill(signal)
      await refresh.result
      for (const pid of children) await gone(pid)
    }
  })
})

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended already
  }
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return
    } catch {
      return
    }
    await pause(20)
  }
}
