/** `rowcast test --watch`: save, and see. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Line, type Running, run, start, temporary } from '../support/cli.ts'
import { childrenOf } from '../support/process.ts'

const YAML = 'name: c\nparser: {type: xsv}\nschema: {columns: [{name: id, type: long}]}\n'
const python = (id: string | number) => `
def list_objects(context, metadata): yield {"name": "a", "fingerprint": "1"}
def read_bytes(context, metadata): yield "id\\n${id}\\n"
`

function make() {
  const dir = temporary()
  const folder = join(dir, 'c')
  mkdirSync(folder)
  const put = (file: string, text: string) => writeFileSync(join(folder, file), text)
  put('connector.yaml', YAML)
  put('connector.py', python(1))
  const home = ['--home', join(dir, 'home')]
  const watch = (...args: string[]) => {
    const running = start(['test', folder, '--watch', '--json', ...home, ...args])
    onTestFinished(() => void running.child.kill('SIGKILL'))
    return running
  }
  return { dir, folder, put, home, watch }
}

/** The lines of the n-th run, from its `run` to its `summary`. */
async function runOf(running: Running, n: number): Promise<Line[]> {
  let lines: Line[] = []
  await running.line(({ type }, at, all) => {
    const starts = all.slice(0, at + 1).flatMap((line, start) => (line.type === 'run' ? [start] : []))
    lines = all.slice(starts[n], at + 1)
    return type === 'summary' && starts.length === n + 1
  })
  return lines
}

async function stop(running: Running): Promise<void> {
  running.child.kill('SIGINT')
  expect(await running.result).toMatchObject({ code: 0, signal: null })
}

describe('test --watch', () => {
  it('tests again at each save, with one executor; Ctrl-C ends with 0', { timeout: 60_000 }, async () => {
    const { folder, put, watch } = make()
    const running = watch()
    const [head, ...first] = await runOf(running, 0)
    expect(head).toEqual({ type: 'run', at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), changes: [] })
    expect(first).toMatchObject([{ type: 'row', row: { id: 1 } }, { type: 'fragment' }, { type: 'summary', rows: 1 }])
    const executors = childrenOf(running.child.pid!, '-m rowcast')
    expect(executors).toHaveLength(1)

    put('connector.py', python(2))
    expect(await runOf(running, 1)).toMatchObject([
      { type: 'run', changes: [{ path: 'connector.py', kind: 'saved' }] },
      { type: 'row', row: { id: 2 } },
      { type: 'fragment' },
      { type: 'summary' },
    ])
    // As editors do: written aside, put in place by a rename.
    put('.connector.py.swp', python(3))
    renameSync(join(folder, '.connector.py.swp'), join(folder, 'connector.py'))
    expect((await runOf(running, 2))[1]).toMatchObject({ row: { id: 3 } })
    expect(childrenOf(running.child.pid!, '-m rowcast')).toEqual(executors)
    await stop(running)
    expect(executors.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
  })

  it('lives through what is broken while one works: yaml, code, a file, the folder', { timeout: 60_000 }, async () => {
    const { folder, put, watch } = make()
    put('connector.yaml', 'name: [')
    const running = watch()
    expect((await runOf(running, 0))[1]).toMatchObject({ type: 'error', stage: 'config' })
    put('connector.yaml', YAML)
    expect((await runOf(running, 1)).at(-1)).toMatchObject({ rows: 1 })
    put('connector.py', 'def list_objects(:')
    expect((await runOf(running, 2))[1]).toMatchObject({ type: 'error', stage: 'load' })
    rmSync(join(folder, 'connector.py'))
    expect(await runOf(running, 3)).toMatchObject([
      { changes: [{ path: 'connector.py', kind: 'removed' }] },
      { type: 'error', stage: 'config' },
      { type: 'summary' },
    ])
    rmSync(folder, { recursive: true })
    expect((await runOf(running, 4))[1]).toMatchObject({ type: 'error', stage: 'config' })
    mkdirSync(folder)
    put('connector.yaml', YAML)
    put('connector.py', python(7))
    // Both files may be seen at once, or one after the other.
    await running.line(({ type, row }) => type === 'row' && row.id === 7)
    await stop(running)
  })

  it('gives up the run under way when something is saved', { timeout: 60_000 }, async () => {
    const { put, watch } = make()
    put(
      'connector.py',
      `
import time
def list_objects(context, metadata): yield {"name": "a", "fingerprint": "1"}
def read_bytes(context, metadata):
    yield "id\\n1\\n"
    print("sleeping")
    time.sleep(300)
`,
    )
    const running = watch()
    await running.line(({ type, text }) => type === 'log' && text === 'sleeping')
    put('connector.py', python(2))
    await running.line(({ type }) => type === 'cancelled')
    expect((await runOf(running, 1))[1]).toMatchObject({ row: { id: 2 } })
    await stop(running)
  })

  it('ends at once, with 0, while a run is under way', { timeout: 60_000 }, async () => {
    const { put, watch } = make()
    put('connector.py', `${python(1)}\nimport time\nprint("loading")\ntime.sleep(0.2)\n`)
    put('connector.py', python(1).replace('yield "id', 'print("sleeping"); import time; time.sleep(300); yield "id'))
    const running = watch()
    await running.line(({ type, text }) => type === 'log' && text === 'sleeping')
    await stop(running)
    expect((await running.result).stderr).not.toMatch(/executor\.lost|CANCELLED/)
  })

  it('follows the recording when it replays it, and not otherwise', { timeout: 60_000 }, async () => {
    const { folder, put, home, watch } = make()
    expect((await run(['record', folder, ...home])).code).toBe(0)
    const live = watch()
    await runOf(live, 0)
    expect((await run(['record', folder, ...home])).code).toBe(0)
    put('connector.py', python(2))
    expect((await runOf(live, 1))[0].changes).toEqual([{ path: 'connector.py', kind: 'saved' }])
    await stop(live)

    const replay = watch('--replay')
    expect((await runOf(replay, 0))[1]).toMatchObject({ row: { id: 1 } })
    expect(childrenOf(replay.child.pid!, '-m rowcast')).toEqual([])
    expect((await run(['record', folder, ...home])).code).toBe(0)
    expect((await runOf(replay, 1))[1]).toMatchObject({ row: { id: 2 } })
    const info = readFileSync(join(folder, 'recording/recording.json'), 'utf8')
    put('recording/recording.json', info.slice(0, 40))
    expect((await runOf(replay, 2))[1]).toMatchObject({ type: 'error', error: { code: 'recording.damaged' } })
    await stop(replay)
  })

  it('tells a person what was saved and when', { timeout: 60_000 }, async () => {
    const { dir, folder, put } = make()
    const running = start(['test', folder, '--watch', '--home', join(dir, 'home')])
    onTestFinished(() => void running.child.kill('SIGKILL'))
    await running.stdout(/watching .*: save a file to test again, Ctrl-C ends/)
    put('connector.py', python(5))
    await running.stdout(/\n── \d\d:\d\d:\d\d connector\.py saved\n {2}\{"id":5\}\n/)
    await stop(running)
  })

  it('needs a folder', async () => {
    const { code, stderr } = await run(['test', 'nowhere-at-all', '--watch', '--home', join(temporary(), 'home')])
    expect(code).toBe(2)
    expect(stderr).toContain('rowcast init nowhere-at-all')
  })
})
