/** SIGKILL at each named step of a refresh, at its first and its second passage: promises 1, 2, 3 and 8. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CRASH_POINTS } from '../../orchestrator/refresh/crash.ts'
import { run, temporary } from '../support/cli.ts'
import { observeHome } from '../support/embedded.ts'
import { expectSame } from '../support/oracle.ts'
import { rows, Source } from '../support/source.ts'

const CASES = CRASH_POINTS.flatMap((point) =>
  (point === 'batch.stored' || point === 'state.committed' ? [1, 2] : [1]).map((passage) => ({
    at: `${point}#${passage}`,
  })),
)

describe('SIGKILL at', () => {
  it.for(CASES)(
    '$at: nothing lost, nothing doubled, nothing stored read again',
    { timeout: 60_000 },
    async ({ at }) => {
      const dir = temporary()
      const home = join(dir, 'home')
      const source = new Source(dir)
      // Two batches at least: small ones by themselves, and a large fragment in parts.
      for (let i = 0; i < 20; i++) source.put(`small/${i}`, '1', rows(3, i))
      source.put('zz-large', '1', rows(200_000, 99))
      const refresh = (env: Record<string, string> = {}) =>
        run(['refresh', source.dir, '--home', home, '--json'], { env: { ...source.env, ...env } })

      expect((await refresh({ CRASH_AT: at })).signal).toBe('SIGKILL')
      const held = at.startsWith('claim') ? [] : (await observeHome(home, source.name, { interrupted: true })).commits
      const before = source.reads().length
      const next = await refresh()
      expect(next.code, next.stderr).toBe(0)
      const seen = await observeHome(home, source.name)
      expectSame(seen, source)
      // Promise 3: what the stream held was not read again. Promise 2: it was not published again either.
      const again = source
        .reads()
        .slice(before)
        .map(([name]) => name)
      expect(again.filter((name) => held.some(([fragment]) => fragment === name))).toEqual([])
      const generations = new Map(seen.commits.map(([fragment, , generation]) => [fragment, generation]))
      for (const [fragment, , generation] of held) expect(generations.get(fragment), fragment).toBe(generation)
      expect(next.lines.at(-1).fragments).toMatchObject({
        listed: 21,
        unchanged: held.length,
        committed: 21 - held.length,
      })
      if (at === 'batch.stored#1') expect(held.length).toBeGreaterThan(0)
    },
  )
})
