import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setConnectorState } from '../../../orchestrator/state/connectors.ts'
import type { ConnectorState } from '../../../orchestrator/state/tables.ts'
import { C, DIALECTS, type Opened, outcome, type State, TRACE } from './support.ts'

const STATES: ConnectorState[] = ['idle', 'running', 'error', 'paused']
const LEGAL = ['idle>running', 'idle>paused', 'running>idle', 'running>error', 'running>paused', 'error>running']
LEGAL.push('error>paused', 'paused>idle', 'paused>error')

for (const dialect of DIALECTS) {
  describe(`the states of a connector, on ${dialect.name}`, () => {
    let opened: Opened
    let state: State
    beforeEach(async () => {
      opened = await dialect.open()
      state = opened.as('one')
    })
    afterEach(() => opened.close())

    const now = async () => (await state.status())[0]
    const run = async (given: Parameters<typeof outcome>[0] = {}) =>
      state.finish(await state.begin(C, 'cli', TRACE), outcome(given))
    const failed = (code: string) => ({ status: 'failed', error: { code, message: 'why' } }) as const

    it('refuses every move that is not listed', async () => {
      await run()
      const { db } = opened.db
      for (const from of STATES)
        for (const to of STATES) {
          await db.updateTable('connector').set({ state: from }).execute()
          const row = await db.selectFrom('connector').selectAll().executeTakeFirstOrThrow()
          const moved = db.transaction().execute((trx) => setConnectorState(trx, row, to, 1))
          if (LEGAL.includes(`${from}>${to}`)) await expect(moved).resolves.toBeUndefined()
          else await expect(moved).rejects.toThrow(`cannot go from ${from} to ${to}`)
        }
    })

    it('goes to error by what the author has to mend, and back by a success', async () => {
      await run(failed('list.failed'))
      await run(failed('list.failed'))
      expect(await now()).toMatchObject({ state: 'error', errorCode: 'list.failed', errorMessage: 'why', failures: 2 })
      await run()
      expect(await now()).toMatchObject({ state: 'idle', errorCode: null, failures: 0 })
      expect((await now())?.lastSuccessAt).not.toBeNull()
    })

    it('is left as it was by a part that could not be reached, and by a cancelled refresh', async () => {
      await run(failed('nats.unreachable'))
      expect(await now()).toMatchObject({ state: 'idle', failures: 0, refresh: { error_code: 'nats.unreachable' } })
      await run(failed('read.failed'))
      await run(failed('executor.lost'))
      await run({ status: 'cancelled', error: { code: 'refresh.cancelled', message: '' } })
      expect(await now()).toMatchObject({ state: 'error', errorCode: 'read.failed', failures: 1 })
    })

    it('pauses at once when idle, at the end when running, and comes back as it was', async () => {
      await state.pause(C)
      expect(await now()).toMatchObject({ state: 'paused' })
      await expect(state.begin(C, 'schedule', TRACE)).rejects.toThrow(/is paused since 2026-01-01T/)
      await state.resume(C)
      const claim = await state.begin(C, 'cli', TRACE)
      await state.pause(C)
      expect(await now()).toMatchObject({ state: 'running' })
      await state.finish(claim, outcome(failed('read.failed')))
      expect(await now()).toMatchObject({ state: 'paused' })
      await state.resume(C)
      expect(await now()).toMatchObject({ state: 'error' })
    })

    it('tells when it is due', async () => {
      await state.reschedule(C, 1234)
      expect(await now()).toMatchObject({ state: 'idle', nextDueAt: 1234, fragments: 0, rows: 0, refresh: undefined })
      await state.reschedule(C, null)
      expect(await now()).toMatchObject({ nextDueAt: null })
      expect(await state.lastStart(C)).toBeUndefined()
    })
  })
}
