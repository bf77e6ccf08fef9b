import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fragmentVersion } from '../../../orchestrator/connector/version.ts'
import {
  C,
  DIALECTS,
  item,
  list,
  type Opened,
  outcome,
  receipt,
  refreshAll,
  reject,
  type State,
  TRACE,
  VERSION,
} from './support.ts'

const DAY = 86_400_000

for (const dialect of DIALECTS) {
  describe(`a refresh in the state, on ${dialect.name}`, () => {
    let opened: Opened
    let state: State
    beforeEach(async () => {
      opened = await dialect.open()
      state = opened.as('one')
    })
    afterEach(() => opened.close())

    it('has one live refresh a connector', async () => {
      const claim = await state.begin(C, 'schedule', TRACE)
      await expect(state.begin(C, 'cli', TRACE)).rejects.toMatchObject({
        code: 'refresh.live',
        message: expect.stringContaining(claim.refresh),
      })
      await expect(state.begin('other', 'cli', TRACE)).resolves.toMatchObject({ connector: 'other', epoch: 1 })
    })

    it('ends what a dead process left and gives a higher epoch', async () => {
      const first = await state.begin(C, 'cli', TRACE)
      await list(state, first, [item('a')])
      const next = opened.as('two')
      const second = await next.begin(C, 'start', TRACE)
      expect(second.epoch).toBeGreaterThan(first.epoch)
      const [live, dead] = await next.refreshes(C, 2)
      expect(live).toMatchObject({ id: second.refresh, status: 'running', ended_at: null })
      expect(dead).toMatchObject({ id: first.refresh, status: 'failed', error_code: 'refresh.interrupted' })
      expect(await next.work(first, 'read', '', 9)).toEqual([])
      expect((await next.status())[0]).toMatchObject({ state: 'running', errorCode: null })
    })

    it('takes over all claims at start, its own not', async () => {
      await state.begin(C, 'cli', TRACE)
      await state.begin('b', 'cli', TRACE)
      expect(await state.takeOver()).toEqual([])
      expect(await opened.as('two').takeOver()).toHaveLength(2)
      expect((await state.status()).map((s) => s.state)).toEqual(['idle', 'idle'])
    })

    it('promise 8: writes nothing once the lease is lost', async () => {
      const old = await state.begin(C, 'cli', TRACE)
      const staging = await state.stage(C)
      await staging.append([item('a')])
      await staging.diff('v1')
      const now = await opened.as('two').begin(C, 'cli', TRACE)
      const attempts = [
        () => state.confirm(old),
        () => state.commit(old, [receipt('a')]),
        () => state.recover(old, [receipt('a')]),
        () => state.fail(old, 'a', { code: 'read.failed', message: 'x' }),
        () => state.keepRejects(old, 'a', 1, [reject(1)]),
        () => state.registerVersion(old, VERSION),
        () => state.raiseEpoch(old, 99),
        () => state.finish(old, outcome()),
        () => staging.schedule(old, 'retract'),
      ]
      for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'lease.lost' })
      await staging.drop()
      for (const table of ['fragment', 'reject', 'work', 'version'] as const) {
        expect(await opened.db.db.selectFrom(table).selectAll().execute()).toEqual([])
      }
      await expect(opened.as('two').confirm(now)).resolves.toBeUndefined()
      expect((await state.refreshes(C, 1))[0]?.ended_at).toBeNull()
    })

    it('frees the lease at the end: a claim that has finished writes no more', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      await state.finish(claim, outcome())
      await expect(state.commit(claim, [receipt('a')])).rejects.toMatchObject({ code: 'lease.lost' })
    })

    it('raises the epoch above what the stream has seen', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      const raised = await state.raiseEpoch(claim, 41)
      expect(raised).toEqual({ ...claim, epoch: 42 })
      await state.confirm(raised)
      await expect(state.confirm(claim)).rejects.toMatchObject({ code: 'lease.lost' })
      await state.finish(raised, outcome())
      expect((await state.begin(C, 'cli', TRACE)).epoch).toBe(43)
    })

    it('promise 2: a receipt may come twice, and an older one changes nothing', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      const [old, newer] = [receipt('a', { fingerprint: 'f1' }), receipt('a', { fingerprint: 'f2', rows: 9 })]
      await state.commit(claim, [newer, old])
      const recorded = await state.fragment(C, 'a')
      expect(recorded).toMatchObject({ fingerprint: 'f2', rows: 9, marker_seq: newer.sequence, state: 'live' })
      await state.commit(claim, [newer])
      await state.recover(claim, [old, { ...old, kind: 'retract', sequence: old.sequence - 1 }])
      expect(await state.fragment(C, 'a')).toEqual(recorded)
    })

    it('promise 3: what the stream holds is recorded and not read again', async () => {
      const first = await state.begin(C, 'cli', TRACE)
      await state.registerVersion(first, VERSION)
      await list(state, first, [item('a'), item('b')])
      // Stored in the stream, then killed before the state knew.
      const stored = receipt('a', { firstSequence: 7, frames: 3 })
      const next = opened.as('two')
      const claim = await next.begin(C, 'start', TRACE)
      await next.recover(claim, [stored])
      const diff = await list(next, claim, [item('a'), item('b')])
      expect(diff).toMatchObject({ new: 1, unchanged: 1, olderVersion: 0 })
      expect((await next.work(claim, 'read', '', 9)).map(({ name }) => name)).toEqual(['b'])
      expect(await next.fragment(C, 'a')).toMatchObject({ first_seq: 7, frames: 3, tail_seq: stored.sequence })
    })

    it('tells by the marker which version a recovered fragment was read with', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      await state.registerVersion(claim, VERSION)
      await state.registerVersion(claim, { ...VERSION, id: 'v2' })
      await state.recover(claim, [
        receipt('a', { version: fragmentVersion('f1', 'v1') }),
        receipt('b', { version: fragmentVersion('f1', 'v2') }),
        receipt('c', { version: 'unknown' }),
      ])
      expect(await list(state, claim, [item('a'), item('b'), item('c')], 'retract', 'v2')).toMatchObject({
        unchanged: 3,
        olderVersion: 2,
      })
    })

    it('remembers what the next attempt has to know', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      const stored = receipt('a', { rejected: 2, bytes: 77 })
      await state.commit(claim, [stored])
      await list(state, claim, [item('a', 'f2')])
      expect(await state.work(claim, 'read', '', 9)).toEqual([
        {
          name: 'a',
          kind: 'changed',
          fingerprint: 'f2',
          extra: '',
          generation: stored.generation,
          tailSequence: stored.sequence,
          hadRejects: true,
          bytes: 77,
        },
      ])
      await state.commit(claim, [receipt('a', { kind: 'retract', fingerprint: '' })])
      expect(await state.work(claim, 'read', '', 9)).toEqual([])
    })

    it('a failure leaves the last good rows and is read again next time', async () => {
      await refreshAll(state, [item('a')])
      const good = await state.fragment(C, 'a')
      const claim = await state.begin(C, 'cli', TRACE)
      await list(state, claim, [item('a', 'f2'), item('never')])
      await state.fail(claim, 'a', { code: 'read.failed', message: 'boom' })
      await state.fail(claim, 'never', { code: 'read.failed', message: 'boom' })
      expect(await state.work(claim, 'read', '', 9)).toEqual([])
      const error = { code: 'refresh.fragments_failed', message: '2 of 2' }
      await state.finish(claim, outcome({ status: 'failed', error }))
      expect(await state.fragment(C, 'a')).toEqual({
        ...good,
        failed_code: 'read.failed',
        failed_message: 'boom',
        failed_at: expect.any(Number),
        failures: 1,
      })
      expect((await state.status())[0]).toMatchObject({
        state: 'error',
        errorCode: 'refresh.fragments_failed',
        failures: 1,
        fragments: 1,
        failed: 2,
      })

      const { diff } = await refreshAll(state, [item('a', 'f2'), item('never')])
      expect(diff).toMatchObject({ new: 1, changed: 1, live: 1 })
      expect((await state.status())[0]).toMatchObject({ state: 'idle', errorCode: null, failures: 0, failed: 0 })
    })

    it('forgets a fragment that never committed and is listed no more', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      await list(state, claim, [item('never')])
      await state.fail(claim, 'never', { code: 'read.failed', message: 'boom' })
      await state.finish(claim, outcome())
      const { diff, retracted } = await refreshAll(state, [])
      expect(diff).toMatchObject({ vanished: 0, live: 0 })
      expect(retracted).toEqual([])
      expect(await state.fragment(C, 'never')).toBeUndefined()
    })

    it('shows rejects once their attempt counts, and drops those of every other attempt', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      await state.keepRejects(claim, 'a', 5, [reject(1), reject(2, 'bytes \xff')])
      await state.keepRejects(claim, 'a', 5, [reject(1)])
      expect(await state.rejects(C, { limit: 9 })).toEqual([])
      await state.commit(claim, [receipt('a', { generation: 5, rejected: 2 })])
      const kept = await state.rejects(C, { limit: 9 })
      expect(kept).toEqual([
        { ...reject(1), fragment: 'a', generation: 5, raw: expect.any(Uint8Array) },
        { ...reject(2), fragment: 'a', generation: 5, raw: expect.any(Uint8Array) },
      ])
      expect(Buffer.from(kept[1]!.raw).toString()).toBe('bytes \xff')
      expect(await state.rejects(C, { after: { fragment: 'a', rowNumber: 1 }, limit: 9 })).toHaveLength(1)
      await state.keepRejects(claim, 'a', 6, [reject(9)])
      await state.commit(claim, [receipt('a', { generation: 7, fingerprint: 'f2' })])
      expect(await opened.db.db.selectFrom('reject').selectAll().execute()).toEqual([])
    })

    it('moves the position only when a refresh ends with one', async () => {
      expect(await state.position(C)).toBeUndefined()
      const claim = await state.begin(C, 'cli', TRACE)
      await state.commit(claim, [receipt('a')])
      expect(await state.position(C)).toBeUndefined()
      await state.finish(claim, outcome({ position: { created: 't', sequence: 12 } }))
      expect(await state.position(C)).toEqual({ created: 't', sequence: 12 })
      const next = await state.begin(C, 'cli', TRACE)
      await state.finish(next, outcome({ status: 'cancelled' }))
      expect(await state.position(C)).toEqual({ created: 't', sequence: 12 })
    })

    it('warns when a new fingerprint brought the same rows', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      await state.commit(claim, [receipt('a', { crc32: 5 })])
      await state.commit(claim, [receipt('a', { crc32: 5, fingerprint: 'f1' })])
      expect(opened.warnings).toEqual([])
      await state.commit(claim, [receipt('a', { crc32: 5, fingerprint: 'f2' })])
      expect(opened.warnings).toEqual([expect.stringContaining('list.unstable_fingerprint')])
    })

    it('forgets for a rebuild, but never under a live refresh', async () => {
      await refreshAll(state, [item('a'), item('b')])
      const claim = await state.begin(C, 'cli', TRACE)
      await expect(state.forget(C)).rejects.toMatchObject({ code: 'refresh.live' })
      await state.finish(claim, outcome())
      await state.forget(C)
      expect(await state.position(C)).toBeUndefined()
      expect(await state.fragments(C, { after: '', limit: 9 })).toEqual([])
      const next = await state.begin(C, 'cli', TRACE)
      await state.recover(next, [receipt('a')])
      expect(await list(state, next, [item('a'), item('b')])).toMatchObject({ unchanged: 1, new: 1 })
      await state.finish(next, outcome())
      await state.remove(C)
      expect(await state.status()).toEqual([])
      expect((await state.begin(C, 'cli', TRACE)).epoch).toBeGreaterThan(next.epoch)
    })

    it('prunes refreshes, rejects and tombstones by their age', async () => {
      await refreshAll(state, [item('a'), item('gone')])
      await refreshAll(state, [item('a')])
      const claim = await state.begin(C, 'cli', TRACE)
      await state.keepRejects(claim, 'a', 1, [reject(1)])
      await state.finish(claim, outcome())
      await state.finish(await state.begin('busy', 'schedule', TRACE), outcome())
      const [first] = await state.refreshes('busy', 1)
      const many = Array.from({ length: 1004 }, (_, i) => ({ ...first!, id: `${i}` }))
      for (let i = 0; i < 1004; i += 251) {
        await opened.db.db
          .insertInto('refresh')
          .values(many.slice(i, i + 251))
          .execute()
      }
      opened.clock.now += 31 * DAY
      await state.prune()
      expect(await opened.db.db.selectFrom('reject').selectAll().execute()).toEqual([])
      expect(await state.refreshes('busy', 2000)).toHaveLength(1005)
      opened.clock.now += 60 * DAY
      await state.finish(await state.begin('busy', 'cli', TRACE), outcome())
      await state.prune()
      expect(await state.refreshes('busy', 2000)).toHaveLength(1000)
      expect(await state.refreshes(C, 2000)).toHaveLength(3)
      expect((await state.fragments(C, { after: '', limit: 9 })).map(({ name }) => name)).toEqual(['a'])
    })

    it('pages fragments by name and state', async () => {
      await refreshAll(
        state,
        ['a', 'b', 'c'].map((name) => item(name)),
      )
      await refreshAll(
        state,
        ['a', 'c'].map((name) => item(name)),
      )
      const names = async (page: Parameters<State['fragments']>[1]) =>
        (await state.fragments(C, page)).map(({ name }) => name)
      expect(await names({ after: '', limit: 2 })).toEqual(['a', 'b'])
      expect(await names({ after: 'b', limit: 2 })).toEqual(['c'])
      expect(await names({ after: '', limit: 9, state: 'retracted' })).toEqual(['b'])
    })
  })
}
