import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { C, DIALECTS, item, list, type Opened, refreshAll, type State, TRACE } from './support.ts'

for (const dialect of DIALECTS) {
  describe(`a listing compared with the fragments, on ${dialect.name}`, () => {
    let opened: Opened
    let state: State
    beforeEach(async () => {
      opened = await dialect.open()
      state = opened.as('one')
    })
    afterEach(() => opened.close())

    it('tells new, changed, unchanged and vanished apart', async () => {
      await refreshAll(state, [item('a'), item('b'), item('c')])
      const { diff, read, retracted } = await refreshAll(state, [item('a'), item('b', 'f2'), item('d')])
      expect(diff).toEqual({ listed: 3, new: 1, changed: 1, unchanged: 1, vanished: 1, live: 3, olderVersion: 0 })
      expect(read).toEqual(['b', 'd'])
      expect(retracted).toEqual(['c'])
      expect((await state.fragment(C, 'c'))?.state).toBe('retracted')
    })

    it('writes nothing for unchanged fragments', async () => {
      await refreshAll(state, [item('a'), item('b')])
      const claim = await state.begin(C, 'cli', TRACE)
      const before = await state.fragments(C, { after: '', limit: 10 })
      await list(state, claim, [item('a'), item('b')])
      expect(await state.work(claim, 'read', '', 10)).toEqual([])
      expect(await state.fragments(C, { after: '', limit: 10 })).toEqual(before)
    })

    it('takes A, then B, then A again as two changes', async () => {
      await refreshAll(state, [item('x', 'A')])
      expect((await refreshAll(state, [item('x', 'B')])).read).toEqual(['x'])
      expect((await refreshAll(state, [item('x', 'A')])).read).toEqual(['x'])
      expect((await refreshAll(state, [item('x', 'A')])).read).toEqual([])
    })

    it('knows an empty fingerprint from a fragment that never committed', async () => {
      expect((await refreshAll(state, [item('x', '')])).diff).toMatchObject({ new: 1 })
      expect((await refreshAll(state, [item('x', '')])).diff).toMatchObject({ unchanged: 1, new: 0 })
      expect((await refreshAll(state, [item('x', '1')])).diff).toMatchObject({ changed: 1 })
    })

    it('reads a retracted fragment again when it returns with the same fingerprint', async () => {
      await refreshAll(state, [item('a'), item('b')])
      await refreshAll(state, [item('a')])
      const { diff, read } = await refreshAll(state, [item('a'), item('b')])
      expect(diff).toMatchObject({ new: 1, live: 1 })
      expect(read).toEqual(['b'])
    })

    it('keeps what vanished when told so, and takes it back without reading', async () => {
      await refreshAll(state, [item('a'), item('b')])
      const { diff, retracted } = await refreshAll(state, [item('a')], 'keep')
      expect(diff).toMatchObject({ vanished: 1, live: 2 })
      expect(retracted).toEqual([])
      expect((await state.fragment(C, 'b'))?.state).toBe('kept')
      // Vanished once: not again.
      expect((await refreshAll(state, [item('a')], 'keep')).diff).toMatchObject({ vanished: 0, live: 1 })
      const back = await refreshAll(state, [item('a'), item('b')], 'keep')
      expect(back.diff).toMatchObject({ unchanged: 2, new: 0, changed: 0 })
      expect((await state.fragment(C, 'b'))?.state).toBe('live')
    })

    it('leaves what vanished when the guard says so', async () => {
      await refreshAll(state, [item('a'), item('b')])
      const { diff, retracted } = await refreshAll(state, [], 'leave')
      expect(diff).toMatchObject({ listed: 0, vanished: 2, live: 2 })
      expect(retracted).toEqual([])
      expect(await state.fragments(C, { state: 'live', after: '', limit: 9 })).toHaveLength(2)
    })

    it('compares names byte for byte: case, composed characters, 2,048 bytes, what comes after the last of ASCII', async () => {
      const long = `${'é'.repeat(1023)}ab`
      const names = [
        'a',
        'A',
        'caf\u00e9',
        'cafe\u0301',
        long,
        `${long.slice(0, -1)}c`,
        '😀',
        '\uffee',
        ' ',
        'a\'b"c\\',
      ]
      const { read } = await refreshAll(
        state,
        names.map((name) => item(name)),
      )
      const byBytes = [...names].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
      expect(read).toEqual(byBytes)
      expect(
        (
          await refreshAll(
            state,
            names.map((name) => item(name)),
          )
        ).diff,
      ).toMatchObject({ unchanged: 10 })
      expect((await refreshAll(state, [item('A'), item('caf\u00e9')])).retracted).not.toContain('A')
    })

    it.for([
      ['longer than 2,048 bytes', item(`${'é'.repeat(1024)}a`)],
      ['empty', item('')],
      ['with a lone surrogate', item('a\ud800')],
      ['with U+0000', item('a\0')],
    ] as const)('refuses a name %s', async ([, bad]) => {
      const staging = await state.stage(C)
      await expect(staging.append([bad])).rejects.toMatchObject({ code: 'list.bad_item' })
      await staging.drop()
    })

    it('refuses a listing with a duplicate name and shows both items', async () => {
      const staging = await state.stage(C)
      await staging.append([item('a'), item('b', 'f1', '{"name":"b","n":1}')])
      await staging.append([item('b', 'f9')])
      await expect(staging.diff('v1')).rejects.toMatchObject({
        code: 'list.duplicate_name',
        message: expect.stringMatching(/"b" twice: \{"name":"b","n":1\} and \{"name":"b","fingerprint":"f9"\}/),
      })
      await staging.drop()
    })

    it('leaves prefixes out: one may share its name with a fragment', async () => {
      const { diff } = await refreshAll(state, [item('a'), { ...item('a'), isPrefix: true }])
      expect(diff).toMatchObject({ listed: 1, new: 1 })
    })

    it('hands the item on as it was listed', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      const extra = '{"name":"a","n":12345678901234567890.10}'
      await list(state, claim, [item('a', 'f1', extra)])
      expect(await state.work(claim, 'read', '', 10)).toEqual([
        {
          name: 'a',
          kind: 'new',
          fingerprint: 'f1',
          extra,
          generation: 0,
          tailSequence: 0,
          hadRejects: false,
          bytes: 0,
        },
      ])
    })

    it('pages work by name', async () => {
      const claim = await state.begin(C, 'cli', TRACE)
      await list(
        state,
        claim,
        ['c', 'a', 'b'].map((name) => item(name)),
      )
      const first = await state.work(claim, 'read', '', 2)
      expect(first.map(({ name }) => name)).toEqual(['a', 'b'])
      expect((await state.work(claim, 'read', 'b', 2)).map(({ name }) => name)).toEqual(['c'])
    })

    it('counts unchanged fragments that were read with another version', async () => {
      await refreshAll(state, [item('a'), item('b')])
      const claim = await state.begin(C, 'cli', TRACE)
      const diff = await list(state, claim, [item('a'), item('b', 'f2')], 'retract', 'v2')
      expect(diff).toMatchObject({ unchanged: 1, olderVersion: 1 })
    })

    it('plans without a claim and leaves no trace', async () => {
      const staging = await state.stage(C)
      await staging.append([item('a')])
      expect(await staging.diff('v1')).toMatchObject({ listed: 1, new: 1 })
      expect(await staging.diff('v1')).toMatchObject({ listed: 1, new: 1 })
      await staging.drop()
      await staging.drop()
      expect(await state.status()).toEqual([])
    })

    it('compares many in a thread as it compares few', async () => {
      const many = Array.from({ length: 12_001 }, (_, i) => item(`n${(i * 7919) % 12_001}`))
      const { diff, read } = await refreshAll(state, many)
      expect(diff).toMatchObject({ listed: 12_001, new: 12_001 })
      expect(read).toHaveLength(10_000)
      const claim = await state.begin(C, 'cli', TRACE)
      const staging = await state.stage(C)
      await staging.append([...many.slice(1), item('n0', 'f2'), item('zz')])
      await staging.append([item('zz')])
      await expect(staging.diff('v1')).rejects.toMatchObject({ code: 'list.duplicate_name' })
      await staging.drop()
      const next = await list(state, claim, [...many.slice(1), item('n0', 'f2'), item('zz')])
      // 2,001 of the first refresh were never read: they are new again.
      expect(next).toMatchObject({ new: 2002, changed: 1, unchanged: 9999, vanished: 0, live: 10_000 })
    })
  })
}
