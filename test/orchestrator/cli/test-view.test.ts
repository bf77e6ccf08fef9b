import { describe, expect, it } from 'vitest'
import { Printed } from '../../../orchestrator/cli/printed.ts'
import { Slowest } from '../../../orchestrator/cli/slowest.ts'

const line = (fragment: string, text: string, dropped = 0) =>
  ({ timeUs: 0, stream: 'stdout', fragment, text, dropped }) as const

describe('what was printed', () => {
  it('is given by fragment, once', () => {
    const printed = new Printed()
    printed.add(line('', 'import'))
    printed.add(line('a', 'one'))
    printed.add(line('b', 'two'))
    printed.add(line('a', 'three'))
    expect(printed.take('a')).toEqual(['one', 'three'])
    expect(printed.take('a')).toEqual([])
    expect([...printed.rest()]).toEqual([
      { fragment: '', lines: ['import'] },
      { fragment: 'b', lines: ['two'] },
    ])
    expect([...printed.rest()]).toEqual([])
  })

  it('is its first and its last lines, and how many lay between, those lost on the way included', () => {
    const printed = new Printed()
    for (let n = 0; n < 5; n++) printed.add(line('a', String(n)))
    printed.add(line('a', 'after a gap', 100))
    for (let n = 0; n < 30; n++) printed.add(line('a', `late ${n}`))
    const lines = printed.take('a')
    expect(lines.slice(0, 6)).toEqual(['0', '1', '2', '3', '4', '… 121 more lines'])
    expect(lines.slice(6)).toEqual(Array.from({ length: 10 }, (_, n) => `late ${n + 20}`))
    for (let n = 0; n < 30; n++) printed.add(line('b', String(n)))
    expect(printed.take('b')[10]).toBe('… 10 more lines, all of them with --json')
    printed.add(line('a', 'x'.repeat(10_000)))
    expect(printed.take('a')[0]).toHaveLength(501)
  })

  it('stays small however many fragments print late', () => {
    const printed = new Printed()
    for (let n = 0; n < 600; n++) printed.add(line(`f${n}`, 'late'))
    const rest = [...printed.rest()]
    expect(rest).toHaveLength(501)
    expect(rest.at(-1)).toEqual({ fragment: '', lines: ['… 100 more lines of other fragments'] })
  })
})

describe('the slowest fragments', () => {
  const of = (...times: number[]) => {
    const slowest = new Slowest()
    for (const [n, durationMs] of times.entries()) slowest.add({ name: `f${n}`, bytes: n, rows: n, durationMs })
    return slowest.found().map(({ name }) => name)
  }

  it('are three, slowest first', () => {
    expect(of(5, 200, 1, 3000, 2, 700, 1)).toEqual(['f3', 'f5', 'f1'])
  })

  it('are not told of few fragments, nor of quick ones', () => {
    expect(of(500, 400, 300, 200, 100)).toEqual([])
    expect(of(9, 8, 7, 6, 5, 4, 3)).toEqual([])
  })
})
