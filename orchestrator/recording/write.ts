/** Writes a recording aside and puts it in the place of the last one when it is complete: it is there whole, or not at all. */
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { RecordingError } from '../errors.ts'
import {
  ATTRIBUTES,
  FRAGMENTS,
  fragmentFile,
  LISTING_FILE,
  RECORDING,
  RECORDING_FILE,
  type RecordedFragment,
  type RecordingInfo,
  writeInfo,
} from './layout.ts'
import { OLD, restore } from './read.ts'

const NEW = '.recording.new-'

export interface FragmentFile {
  write(bytes: Uint8Array): void
  /** Closes it; it counts. */
  keep(): RecordedFragment
  /** Closes and removes it. */
  drop(): void
}

export class RecordingWriter {
  readonly #dir: string
  readonly #aside: string
  readonly #listing: number
  readonly #yields: RecordingInfo['yields']
  #isOpen = true
  readonly fragments: RecordedFragment[] = []

  /** `dir`: the connector's folder. RecordingError `recording.foreign` when its `recording/` is something else. */
  constructor(dir: string, yields: RecordingInfo['yields']) {
    restore(dir)
    const target = join(dir, RECORDING)
    if (existsSync(target) && !existsSync(join(target, RECORDING_FILE))) {
      const message = `${target} is there, and is no recording (it has no ${RECORDING_FILE}): rename it, or remove it`
      throw new RecordingError('recording.foreign', message)
    }
    clearKilled(dir)
    this.#dir = dir
    this.#yields = yields
    this.#aside = join(dir, `${NEW}${process.pid}-${randomBytes(4).toString('hex')}`)
    mkdirSync(join(this.#aside, FRAGMENTS), { recursive: true })
    this.#listing = openSync(join(this.#aside, LISTING_FILE), 'wx')
  }

  item(line: string): void {
    writeSync(this.#listing, line)
  }

  begin(name: string): FragmentFile {
    const file = fragmentFile(name, this.#yields)
    const path = join(this.#aside, file)
    const descriptor = openSync(path, 'wx')
    const hash = createHash('sha256')
    let bytes = 0
    return {
      write: (data) => {
        for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at)
        hash.update(data)
        bytes += data.length
      },
      keep: () => {
        closeSync(descriptor)
        const kept = { name, file, bytes, sha256: hash.digest('hex') }
        this.fragments.push(kept)
        return kept
      },
      drop: () => {
        closeSync(descriptor)
        rmSync(path)
      },
    }
  }

  /** Killed at any line of it, the last recording or this one is there, whole: see `restore`. */
  commit(info: Omit<RecordingInfo, 'yields' | 'fragments'>): void {
    this.#close()
    const all = { ...info, yields: this.#yields, fragments: this.fragments }
    writeFileSync(join(this.#aside, RECORDING_FILE), writeInfo(all))
    writeFileSync(join(this.#aside, '.gitattributes'), ATTRIBUTES)
    const [target, old] = [join(this.#dir, RECORDING), join(this.#dir, OLD)]
    rmSync(old, { recursive: true, force: true })
    if (existsSync(target)) renameSync(target, old)
    renameSync(this.#aside, target)
    rmSync(old, { recursive: true, force: true })
  }

  /** Also of a commit that failed half-way: the last recording is in its place again. */
  abort(): void {
    this.#close()
    rmSync(this.#aside, { recursive: true, force: true })
    restore(this.#dir)
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#listing)
    this.#isOpen = false
  }
}

/** What processes left that were killed while they wrote. */
function clearKilled(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(NEW)) continue
    const pid = Number.parseInt(basename(name).slice(NEW.length), 10)
    if (!isAlive(pid)) rmSync(join(dir, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}
