import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FolderWatch } from '../../../orchestrator/local/folder.ts'

const never = new AbortController().signal
let dir: string
let watch: FolderWatch
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rowcast-watch-'))
  writeFileSync(join(dir, 'a.py'), 'one')
  mkdirSync(join(dir, 'lib'))
  writeFileSync(join(dir, 'lib/b.py'), 'one')
  watch = new FolderWatch(dir, (path) => !path.split('/').at(-1)!.startsWith('.'))
})
afterEach(() => {
  watch.close()
  rmSync(dir, { recursive: true, force: true })
})

it('tells what was saved, added and removed, as deep as it goes', async () => {
  writeFileSync(join(dir, 'lib/b.py'), 'other')
  expect(await watch.next(never)).toEqual([{ path: 'lib/b.py', kind: 'saved' }])
  const next = watch.next(never)
  mkdirSync(join(dir, 'lib/deep'))
  writeFileSync(join(dir, 'lib/deep/c.py'), '')
  rmSync(join(dir, 'a.py'))
  expect(await next).toEqual([
    { path: 'lib/deep/c.py', kind: 'added' },
    { path: 'a.py', kind: 'removed' },
  ])
  writeFileSync(join(dir, 'lib/deep/c.py'), 'in a folder that is new')
  expect(await watch.next(never)).toEqual([{ path: 'lib/deep/c.py', kind: 'saved' }])
})

it('sees a save by rename, one that changes nothing but the time, and one between two calls', async () => {
  writeFileSync(join(dir, '.a.py.tmp'), 'one')
  renameSync(join(dir, '.a.py.tmp'), join(dir, 'a.py'))
  expect(await watch.next(never)).toEqual([{ path: 'a.py', kind: 'saved' }])
  utimesSync(join(dir, 'a.py'), 1, 1)
  expect(await watch.next(never)).toEqual([{ path: 'a.py', kind: 'saved' }])
})

it('takes what happens at once as one change, and files that come and go as none', async () => {
  const next = watch.next(never)
  for (let n = 0; n < 20; n++) {
    writeFileSync(join(dir, '4913'), '')
    rmSync(join(dir, '4913'))
    writeFileSync(join(dir, 'a.py'), String(n))
  }
  writeFileSync(join(dir, '.hidden'), '')
  expect(await next).toEqual([{ path: 'a.py', kind: 'saved' }])
})

it('lives through the removal of the folder itself', async () => {
  rmSync(dir, { recursive: true })
  expect((await watch.next(never)).map(({ kind }) => kind)).toEqual(['removed', 'removed'])
  mkdirSync(dir)
  writeFileSync(join(dir, 'a.py'), 'again')
  expect(await watch.next(never)).toEqual([{ path: 'a.py', kind: 'added' }])
  writeFileSync(join(dir, 'a.py'), 'and again')
  expect(await watch.next(never)).toEqual([{ path: 'a.py', kind: 'saved' }])
})

it('does not follow a link in circles', async () => {
  symlinkSync(dir, join(dir, 'lib/up'))
  writeFileSync(join(dir, 'a.py'), 'two')
  expect(await watch.next(never)).toEqual([{ path: 'a.py', kind: 'saved' }])
})

it('gives nothing when it is left', async () => {
  const leave = new AbortController()
  const next = watch.next(leave.signal)
  leave.abort()
  expect(await next).toEqual([])
  expect(await watch.next(AbortSignal.abort())).toEqual([])
})
