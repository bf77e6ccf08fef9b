import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRecording, readFragment } from '../../../orchestrator/recording/read.ts'
import { RecordingWriter } from '../../../orchestrator/recording/write.ts'
import { NODE } from '../../support/cli.ts'

/** Writes 'two' and kills itself before its n-th step in the file system. */
const KILLED = `
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const { RecordingWriter } = await import(${JSON.stringify(join(import.meta.dirname, '../../../orchestrator/recording/write.ts'))})
const [dir, step] = process.argv.slice(1)
let steps = 0
for (const name of ['openSync', 'writeSync', 'closeSync', 'mkdirSync', 'writeFileSync', 'renameSync', 'rmSync']) {
  const real = fs[name]
  fs[name] = (...given) => {
    if (++steps === Number(step)) process.kill(process.pid, 'SIGKILL')
    return real(...given)
  }
}
syncBuiltinESMExports()
const writer = new RecordingWriter(dir, 'bytes')
writer.item('{"name":"a","fingerprint":"2"}\\n')
const file = writer.begin('a')
file.write(Buffer.from('two'))
file.keep()
writer.commit({ connector: 'c', recordedAt: '', versions: { rowcast: '', code: '', packages: '' }, listed: 1, leftOut: [] })
`

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rowcast-recording-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const REST = {
  connector: 'c',
  recordedAt: '2026-11-25T22:00:00Z',
  versions: { rowcast: '0', code: '', packages: '' },
  listed: 1,
  leftOut: [],
}

function write(data: string): RecordingWriter {
  const writer = new RecordingWriter(dir, 'bytes')
  writer.item('{"name":"a","fingerprint":"1"}\n')
  const file = writer.begin('a')
  file.write(Buffer.from(data))
  file.keep()
  return writer
}

async function held(): Promise<string> {
  const recording = openRecording({ dir })
  const chunks: Buffer[] = []
  for await (const chunk of readFragment(recording, recording.fragments.get('a')!)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

describe('writing', () => {
  it('replaces the last recording whole, and leaves nothing behind', async () => {
    write('one').commit(REST)
    const second = write('two')
    second.begin('dropped').drop()
    expect(await held()).toBe('one')
    second.commit(REST)
    expect(await held()).toBe('two')
    expect(readdirSync(dir)).toEqual(['recording'])
    expect(readdirSync(join(dir, 'recording')).sort()).toEqual([
      ...['.gitattributes', 'fragments', 'listing.jsonl', 'recording.json'],
    ])
    expect(readdirSync(join(dir, 'recording/fragments'))).toHaveLength(1)
    expect(readFileSync(join(dir, 'recording/.gitattributes'), 'utf8')).toBe('fragments/** -text\n')
  })

  it('killed before any of its steps leaves one of the two, whole (promise 8)', { timeout: 60_000 }, async () => {
    const seen = new Set<string>()
    let isDone = false
    for (let step = 1; !isDone; step++) {
      rmSync(dir, { recursive: true })
      mkdirSync(dir)
      write('one').commit(REST)
      const { signal, status, stderr } = spawnSync(NODE, ['--input-type=module', '-e', KILLED, dir, String(step)], {
        encoding: 'utf8',
      })
      expect(signal ?? status, stderr).toBe(signal === null ? 0 : 'SIGKILL')
      isDone = signal === null
      seen.add(await held())
      // Whatever it left, the next one does its work.
      write('three').commit(REST)
      expect(await held()).toBe('three')
      expect(readdirSync(dir)).toEqual(['recording'])
    }
    expect(seen).toEqual(new Set(['one', 'two']))
  })

  it('that is given up changes nothing', async () => {
    write('one').commit(REST)
    write('two').abort()
    expect(await held()).toBe('one')
    expect(readdirSync(dir)).toEqual(['recording'])
  })

  it('killed between its two renames leaves the last recording, which the next use puts back', async () => {
    write('one').commit(REST)
    renameSync(join(dir, 'recording'), join(dir, '.recording.old'))
    expect(await held()).toBe('one')
    renameSync(join(dir, 'recording'), join(dir, '.recording.old'))
    write('two').abort()
    expect(await held()).toBe('one')
    // Killed after the second: the old one is only in the way.
    mkdirSync(join(dir, '.recording.old'))
    write('three').commit(REST)
    expect(await held()).toBe('three')
    expect(readdirSync(dir)).toEqual(['recording'])
  })

  it('that fails while it takes the place leaves the last recording in it', async () => {
    write('one').commit(REST)
    const second = write('two')
    const aside = readdirSync(dir).find((name) => name.startsWith('.recording.new'))!
    mkdirSync(join(dir, aside, 'recording.json'))
    expect(() => second.commit(REST)).toThrow(/EISDIR/)
    second.abort()
    expect(await held()).toBe('one')
    expect(readdirSync(dir)).toEqual(['recording'])
  })

  it('clears what a killed process left, never what another is writing', () => {
    const other = write('other')
    // Pids are at most 2^22 on Linux.
    mkdirSync(join(dir, '.recording.new-99999999-ab/fragments'), { recursive: true })
    write('one').commit(REST)
    expect(readdirSync(dir).filter((name) => name.startsWith('.recording'))).toHaveLength(1)
    other.abort()
    expect(readdirSync(dir)).toEqual(['recording'])
  })

  it('does not touch a folder of that name that is something else', () => {
    mkdirSync(join(dir, 'recording'))
    writeFileSync(join(dir, 'recording/__init__.py'), '')
    expect(() => write('x')).toThrow(/recording is there, and is no recording/)
    expect(existsSync(join(dir, 'recording/__init__.py'))).toBe(true)
  })
})

describe('reading', () => {
  const path = (file: string) => join(dir, 'recording', file)
  const fragment = () => path(`fragments/${readdirSync(path('fragments'))[0]}`)

  it.for<[title: string, code: string, says: RegExp, damage: () => void]>([
    ['nothing', 'recording.missing', /has no recording.*rowcast record/, () => rmSync(path(''), { recursive: true })],
    [
      'a cut recording.json',
      'recording.damaged',
      /recording\.json is not JSON.*record it again/,
      () => writeFileSync(path('recording.json'), '{"format": 1,'),
    ],
    [
      'no listing',
      'recording.damaged',
      /listing\.jsonl is missing.*record it again/,
      () => rmSync(path('listing.jsonl')),
    ],
    [
      'a cut listing',
      'recording.damaged',
      /listing\.jsonl:1 is not JSON/,
      () => writeFileSync(path('listing.jsonl'), '{"name":"a","finger'),
    ],
    [
      'a listing without the fragment',
      'recording.damaged',
      /lacks the fragment "a"/,
      () => writeFileSync(path('listing.jsonl'), ''),
    ],
    [
      'a binary listing',
      'recording.damaged',
      /no UTF-8/,
      () => writeFileSync(path('listing.jsonl'), Buffer.from([0xff, 0xfe])),
    ],
    [
      'a folder for a file',
      'recording.damaged',
      /cannot be read/,
      () => {
        rmSync(path('listing.jsonl'))
        mkdirSync(path('listing.jsonl'))
      },
    ],
    ['no bytes', 'recording.damaged', /a-\w+ is missing; restore it/, () => rmSync(fragment())],
    ['cut bytes', 'recording.damaged', /has 2 bytes, and 3 were recorded/, () => writeFileSync(fragment(), 'on')],
    [
      'changed bytes',
      'recording.damaged',
      /other bytes.*on purpose, delete its "sha256"/,
      () => writeFileSync(fragment(), 'eno'),
    ],
  ])('%s is %s', async ([, code, says, damage]) => {
    write('one').commit(REST)
    damage()
    await expect(held()).rejects.toMatchObject({ code, exitCode: 2, message: expect.stringMatching(says) })
  })

  it('takes bytes that were changed on purpose', async () => {
    write('one').commit(REST)
    writeFileSync(fragment(), 'changed by hand')
    const text = readFileSync(path('recording.json'), 'utf8')
    writeFileSync(path('recording.json'), text.replace(/,\s+"sha256": "\w+"/, ''))
    expect(await held()).toBe('changed by hand')
  })
})
