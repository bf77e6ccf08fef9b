/** Executors that end, or have no place free, in the middle of refreshes: the rest goes elsewhere, or waits. */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { start, temporary } from '../support/cli.ts'
import { observeHome } from '../support/embedded.ts'
import { type RunningExecutor, startExecutor } from '../support/executor.ts'
import { expectSame } from '../support/oracle.ts'
import { rows, Source } from '../support/source.ts'

async function executorWith(args: string[] = [], options: { port?: number } = {}): Promise<RunningExecutor> {
  const executor = await startExecutor(temporary(), ['--drain-seconds', '60', ...args], options)
  onTestFinished(async () => void (await executor.end()))
  return executor
}

function refresh(source: Source, home: string, executors: string) {
  return start(['refresh', source.dir, '--home', home, '--json'], {
    env: { ...source.env, ROWCAST_EXECUTORS: executors },
  })
}

describe('an executor that is told to end', () => {
  it('finishes what it has begun; the rest goes to another, each fragment read once', {
    timeout: 120_000,
  }, async () => {
    const dir = temporary()
    const home = join(dir, 'home')
    const source = new Source(dir, { pause: 0.01, yaml: 'refresh: {concurrency: 2}\n' })
    for (let i = 0; i < 600; i++) source.put(`f${i}`, '1', rows(3, i))
    const both = [await executorWith(), await executorWith()]
    const running = refresh(source, home, both.map(({ address }) => address).join(','))
    await expect.poll(() => source.reads().length, { timeout: 60_000 }).toBeGreaterThan(60)
    const [first, second] = both[0]!.readers().length > 0 ? [both[0]!, both[1]!] : [both[1]!, both[0]!]
    expect(second.readers()).toEqual([])

    expect(await first.end()).toBe(0)
    // It ended because it was done, long before its 60 s; the refresh still had fragments to read.
    expect(source.reads().length).toBeLessThan(600)
    const { code, lines, stderr } = await running.result
    expect(code, stderr).toBe(0)
    expect(lines.at(-1)).toMatchObject({ status: 'succeeded', fragments: { read: 600, committed: 600, failed: 0 } })
    expect(stderr).toMatch(new RegExp(`executor ${first.address} is about to end.*the rest goes to another`))
    expect(stderr).not.toContain('executor.lost')
    const reads = source.reads().map(([name]) => name)
    expect(reads).toHaveLength(600)
    expect(new Set(reads).size).toBe(600)
    expectSame(await observeHome(home, source.name), source)
  })

  it('is waited out, with a warning, while there is no other', { timeout: 120_000 }, async () => {
    const dir = temporary()
    const home = join(dir, 'home')
    const gate = join(dir, 'gate')
    const source = new Source(dir, { gate, yaml: 'refresh: {concurrency: 2}\n' })
    for (let i = 0; i < 40; i++) source.put(`f${i}`, '1', rows(3, i))
    const first = await executorWith()
    const port = await freePort()
    const running = refresh(source, home, `${first.address},127.0.0.1:${port}`)
    await expect.poll(() => first.readers().length, { timeout: 60_000 }).toBe(2)
    const ended = first.end()
    await first.drains()
    // Calls end now, and the next ones need a place.
    writeFileSync(gate, '')
    await running.stderr(/executor\.draining: .*no other executor.*waiting; trying again/)
    const second = await executorWith([], { port })
    const { code, lines, stderr } = await running.result
    expect(code, stderr).toBe(0)
    expect(lines.at(-1)).toMatchObject({ status: 'succeeded', fragments: { committed: 40 } })
    expect(source.reads()).toHaveLength(40)
    expect(await ended).toBe(0)
    expect(second.child.exitCode).toBe(null)
  })
})

describe('an executor without a free place', () => {
  it('is waited for by a second refresh, however long the first takes', { timeout: 120_000 }, async () => {
    const dir = temporary()
    const gate = join(dir, 'gate')
    const one = new Source(dir, { name: 'one', gate })
    const two = new Source(dir, { name: 'two' })
    one.put('a', '1', rows(2, 1))
    two.put('a', '1', rows(2, 2))
    const executor = await executorWith(['--max-sessions', '1'])
    const first = refresh(one, join(dir, 'home-one'), executor.address)
    await expect.poll(() => executor.readers().length, { timeout: 60_000 }).toBeGreaterThan(0)
    const second = refresh(two, join(dir, 'home-two'), executor.address)
    await second.stderr(/executor\.busy: .*--max-sessions.*waiting; trying again in [4-6] s/)
    writeFileSync(gate, '')
    expect((await first.result).code).toBe(0)
    expect((await second.result).lines.at(-1)).toMatchObject({ status: 'succeeded', rows: 2 })
  })

  it('keeps the session whose readers have to wait in line', { timeout: 120_000 }, async () => {
    const dir = temporary()
    const source = new Source(dir, { pause: 0.02, yaml: 'refresh: {concurrency: 3}\n' })
    for (let i = 0; i < 60; i++) source.put(`f${i}`, '1', rows(1, i))
    const executor = await executorWith(['--max-readers', '1'])
    const { code, lines, stderr } = await refresh(source, join(dir, 'home'), executor.address).result
    expect(code, stderr).toBe(0)
    expect(lines.at(-1)).toMatchObject({ status: 'succeeded', fragments: { committed: 60 } })
    expect(source.reads()).toHaveLength(60)
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
