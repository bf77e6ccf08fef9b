import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, temporary } from '../support/cli.ts'
import { observeHome } from '../support/embedded.ts'
import { expectSame } from '../support/oracle.ts'
import { rows, Source } from '../support/source.ts'

/** Refreshes the source on a home of its own and returns the summary line. */
function world(options: ConstructorParameters<typeof Source>[1] = {}) {
  const dir = temporary()
  const home = join(dir, 'home')
  const source = new Source(dir, options)
  const refresh = async (...flags: string[]) => {
    const result = await run(['refresh', source.dir, '--home', home, '--json', ...flags], { env: source.env })
    return { ...result, summary: result.lines.at(-1) }
  }
  return { home, source, refresh, observe: () => observeHome(home, source.name) }
}

describe('a source over time', () => {
  it('is read when new or changed, once, and retracted when it vanishes', async () => {
    const { source, refresh, observe } = world()
    source.put('a', '1', rows(3, 1))
    source.put('deep/er/b', '1', rows(2, 2))
    source.put('deep/c c.ünï', '', rows(1, 3))
    source.put('empty', '1', [])
    for (let i = 0; i < 10; i++) source.put(`more/${i}`, '1', rows(i, 10 + i))

    const first = await refresh()
    expect(first.code, first.stderr).toBe(0)
    expect(first.summary).toMatchObject({
      type: 'refresh',
      connector: 'source',
      status: 'succeeded',
      fragments: {
        listed: 14,
        new: 14,
        changed: 0,
        unchanged: 0,
        vanished: 0,
        read: 14,
        committed: 14,
        failed: 0,
        retracted: 0,
      },
      rows: 3 + 2 + 1 + 45,
      rejected: 0,
    })
    expectSame(await observe(), source)

    const second = await refresh()
    expect(second.summary).toMatchObject({
      status: 'succeeded',
      fragments: { listed: 14, unchanged: 14, read: 0, committed: 0 },
      rows: 0,
    })
    expect(source.reads()).toHaveLength(14)

    source.put('a', '2', rows(5, 4))
    source.remove('more/9')
    source.put('new', '1', rows(1, 5))
    const third = await refresh()
    expect(third.summary).toMatchObject({
      fragments: { listed: 14, new: 1, changed: 1, unchanged: 12, vanished: 1, read: 2, committed: 2, retracted: 1 },
    })
    const seen = await observe()
    expectSame(seen, source)
    expect([...seen.retracted]).toEqual(['more/9'])

    // A → B → A is two changes; a retracted name that returns with its old fingerprint is new.
    source.put('a', '1', rows(3, 1))
    source.put('more/9', '1', rows(9, 19))
    const fourth = await refresh()
    expect(fourth.summary).toMatchObject({ fragments: { new: 1, changed: 1, committed: 2 } })
    const names = (await observe()).rows
    expect(names.get('a')).toHaveLength(3)
    expect(names.get('more/9')).toHaveLength(9)
  })

  it('is not retracted when most of it vanishes, until that is allowed', async () => {
    const { source, refresh, observe } = world()
    for (let i = 0; i < 10; i++) source.put(`f${i}`, '1', rows(1, i))
    expect((await refresh()).code).toBe(0)
    for (let i = 0; i < 5; i++) source.remove(`f${i}`)
    source.put('f9', '2', rows(2, 77))
    const guarded = await refresh()
    expect(guarded.code).toBe(1)
    expect(guarded.summary).toMatchObject({
      status: 'failed',
      fragments: { vanished: 5, retracted: 0, committed: 1 },
      error: { code: 'list.mass_deletion' },
    })
    expect((await observe()).rows.size).toBe(10)
    const allowed = await refresh('--allow-deleted')
    expect(allowed.summary).toMatchObject({ status: 'succeeded', fragments: { retracted: 5 } })
    expectSame(await observe(), source)
  })

  it('keeps the rows of what vanished when the connector says so', async () => {
    const { source, refresh, observe } = world({ yaml: 'refresh: {deleted: keep}\n' })
    source.put('a', '1', rows(1, 1))
    source.put('b', '1', rows(1, 2))
    await refresh()
    source.remove('a')
    expect((await refresh()).summary).toMatchObject({ status: 'succeeded', fragments: { vanished: 1, retracted: 0 } })
    expect((await observe()).rows.size).toBe(2)
  })

  it('goes out in parts when it is large, and is replaced as a whole', async () => {
    const { source, refresh, observe } = world()
    source.put('large', '1', rows(300_000, 1))
    source.put('small', '1', rows(3, 2))
    const first = await refresh()
    expect(first.summary, first.stderr).toMatchObject({ status: 'succeeded', rows: 300_003 })
    expectSame(await observe(), source)
    source.put('large', '2', rows(310_000, 3))
    expect((await refresh()).summary).toMatchObject({ status: 'succeeded', rows: 310_000 })
    const seen = await observe()
    expectSame(seen, source)
    // The old version is gone from the stream, not only superseded.
    expect(seen.commits.filter(([fragment]) => fragment === 'large')).toHaveLength(1)
  })

  it('has its bad rows quarantined beside the good ones, and the sums agree', async () => {
    const { source, refresh, observe } = world()
    source.put('mixed', '1', [
      ...rows(4, 1),
      { id: 'x' as unknown as number, text: 'bad' },
      { id: 1.5, text: 'bad too' },
    ])
    const result = await refresh()
    expect(result.code).toBe(0)
    expect(result.summary).toMatchObject({ rows: 4, rejected: 2, fragments: { committed: 1 } })
    const seen = await observe()
    expect(seen.rows.get('mixed')).toHaveLength(4)
    const rejects = seen.rejects.get('mixed')!.map((line) => JSON.parse(line))
    expect(rejects).toMatchObject([
      { row_number: 5, line: 6, column: 'id', code: 'row.value' },
      { row_number: 6, line: 7, column: 'id', code: 'row.value' },
    ])
    source.put('mixed', '2', rows(2, 1))
    await refresh()
    expect((await observe()).rejects.get('mixed')).toEqual([])
  })

  it('fails a fragment with too many bad rows, keeps its last good rows and lets the others go on', async () => {
    const { source, refresh, observe } = world({ yaml: 'rejects: {max: 1}\n' })
    source.put('a', '1', rows(3, 1))
    source.put('b', '1', rows(3, 2))
    await refresh()
    source.put('a', '2', [...rows(3, 3), ...['x', 'y', 'z'].map((id) => ({ id: id as unknown as number, text: '' }))])
    source.put('b', '2', rows(4, 4))
    const failed = await refresh()
    expect(failed.code).toBe(1)
    expect(failed.summary).toMatchObject({
      status: 'failed',
      fragments: { failed: 1, committed: 1 },
      error: { code: 'refresh.fragments_failed' },
    })
    const seen = await observe()
    expect(seen.rows.get('a')).toEqual(rows(3, 1).map((row) => JSON.stringify(row)))
    expect(seen.rows.get('b')).toHaveLength(4)
    // Read again next time, since its committed fingerprint still differs.
    source.put('a', '2', rows(1, 5))
    expect((await refresh()).summary).toMatchObject({ status: 'succeeded', fragments: { changed: 1, committed: 1 } })
  })

  it('is known again from the stream when the state is lost: nothing is read twice (promise 3)', async () => {
    const { source, home, refresh, observe } = world()
    for (let i = 0; i < 5; i++) source.put(`f${i}`, '1', rows(2, i))
    await refresh()
    for (const file of ['state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm'])
      rmSync(join(home, file), { force: true })
    source.put('f5', '1', rows(1, 5))
    const again = await refresh()
    expect(again.summary, again.stderr).toMatchObject({
      status: 'succeeded',
      fragments: { new: 1, unchanged: 5, committed: 1 },
    })
    expect(source.reads()).toHaveLength(6)
    expectSame(await observe(), source)
  })

  it('is not taken for unchanged when its stream is another one; a rebuild reads what is missing', async () => {
    const { source, home, refresh, observe } = world()
    source.put('a', '1', rows(2, 1))
    await refresh()
    rmSync(join(home, 'nats/store'), { recursive: true })
    const lost = await refresh()
    expect(lost.code).toBe(3)
    expect(lost.summary).toMatchObject({
      status: 'failed',
      error: { code: 'stream.lost', message: expect.stringContaining('rowcast state rebuild source --yes') },
    })
    expect((await run(['state', 'rebuild', 'source', '--yes', '--home', home])).code).toBe(0)
    expect((await refresh()).summary).toMatchObject({ status: 'succeeded', fragments: { new: 1, committed: 1 } })
    expectSame(await observe(), source)
  })
})
