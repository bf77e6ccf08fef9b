import { describe, expect, test } from 'vitest'
import { HELD_BYTES, Rule } from '../../../orchestrator/consume/rule.ts'
import type { FrameHeaders } from '../../../orchestrator/publish/frame.ts'

const body = new Uint8Array([10])

/** Feeds frames `generation.frame` or, for a marker, `generation.frame/frames`; returns what counted. */
function feed(rule: Rule, messages: string[], data = body, first = 1): string[] {
  return messages.flatMap((message, index) => {
    const [, generation, frame, frames] = /^(\d+)\.(\d+)(?:\/(\d+))?$/.exec(message)!
    const headers = { kind: 'rows', name: 'a', generation: Number(generation), frame: Number(frame) } as FrameHeaders
    if (frames !== undefined) headers.marker = { frames: Number(frames) } as NonNullable<FrameHeaders['marker']>
    const counted = rule.accept({ subject: 's', sequence: first + index, headers, data })
    return counted ? [`${counted.headers.generation}@${counted.firstSequence}${counted.held ? '' : ' again'}`] : []
  })
}

describe("the reader's rule", () => {
  test.for([
    [['1.0/1'], ['1@1']],
    [['1.0', '1.1', '1.2/3'], ['1@1']],
    [['1.0', '1.2/3'], []],
    [['1.0', '1.2', '1.1', '1.2/3'], []],
    [['1.0', '1.0', '1.1/2'], ['1@2']],
    [['1.0', '2.0', '2.1/2'], ['2@2']],
    [['1.0', '2.1/2'], []],
    [['1.1', '1.2/3'], []],
    [['1.0', '1.1/3'], []],
    [['1.0/1', '2.0', '1.1', '2.1/2'], ['1@1']],
    [
      ['1.0/1', '2.0/1'],
      ['1@1', '2@2'],
    ],
  ] as const)('%j gives %j', ([messages, counted]) => {
    expect(feed(new Rule(1), [...messages])).toEqual(counted)
  })

  test('Promise 5: beyond 16 MiB only the place is kept', () => {
    const third = new Uint8Array(HELD_BYTES / 3 + 1)
    expect(feed(new Rule(1), ['1.0', '1.1', '1.2/3'], third)).toEqual(['1@1 again'])
    expect(feed(new Rule(1), ['1.0', '1.1/2'], third)).toEqual(['1@1'])
  })

  test('Promise 5: many open attempts share one bound', () => {
    const rule = new Rule(1)
    const half = new Uint8Array(HELD_BYTES / 2 - 10)
    let again = 0
    for (let index = 0; index < 20; index++) {
      const headers = { kind: 'rows', name: `f${index}`, generation: 1, frame: 0 } as FrameHeaders
      rule.accept({ subject: `s${index}`, sequence: index + 1, headers, data: half })
    }
    for (let index = 0; index < 20; index++) {
      const headers = { kind: 'rows', generation: 1, frame: 1, marker: { frames: 2 } } as FrameHeaders
      const counted = rule.accept({ subject: `s${index}`, sequence: index + 21, headers, data: body })
      if (counted?.held === undefined) again++
    }
    expect(again).toBe(12)
  })
})
