/** A recording as it lies in a connector's folder; whatever is wrong with it is said by file, with the next step. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connector } from '../connector/definition.ts'
import { RecordingError } from '../errors.ts'
import type { ListedItem } from '../refresh/ports.ts'
import {
  LISTING_FILE,
  RECORDING,
  RECORDING_FILE,
  type RecordedFragment,
  type RecordingInfo,
  readInfo,
  readItem,
} from './layout.ts'

export interface Recording {
  info: RecordingInfo
  items: ListedItem[]
  /** Those whose bytes are there. */
  fragments: ReadonlyMap<string, RecordedFragment>
  /** Absolute path. */
  fileOf(fragment: RecordedFragment): string
}

/** Where the last recording waits while a new one takes its place. */
export const OLD = '.recording.old'
const MAX_TEXT = 64 << 20
const CHUNK = 1 << 20

/** Throws RecordingError `recording.missing` or `recording.damaged`. */
export function openRecording({ dir }: Pick<Connector, 'dir'>): Recording {
  restore(dir)
  const folder = join(dir, RECORDING)
  const again = `record it again: rowcast record ${dir}`
  const text = readText(join(folder, RECORDING_FILE), () => {
    return new RecordingError('recording.missing', `${dir} has no recording; make one with: rowcast record ${dir}`)
  })
  const info = readInfo(text, (what) => damaged(join(folder, RECORDING_FILE), what, again))
  const listing = join(folder, LISTING_FILE)
  const lines = readText(listing, () => damaged(listing, 'is missing', again)).split('\n')
  const items = lines.flatMap((line, at) =>
    line.trim() === '' ? [] : [readItem(line, (what) => damaged(`${listing}:${at + 1}`, what, again))],
  )
  const fragments = new Map(info.fragments.map((fragment) => [fragment.name, fragment]))
  const listed = new Set(items.map(({ name }) => name))
  for (const name of fragments.keys())
    if (!listed.has(name))
      throw damaged(listing, `lacks the fragment ${JSON.stringify(name)} of ${RECORDING_FILE}`, again)
  return { info, items, fragments, fileOf: ({ file }) => join(folder, file) }
}

/** The bytes of a recorded fragment; throws `recording.damaged` unless they are what was recorded. */
export async function* readFragment(recording: Recording, fragment: RecordedFragment): AsyncGenerator<Buffer> {
  const path = recording.fileOf(fragment)
  const restored = 'restore it, or record it again'
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw damaged(path, error.code === 'ENOENT' ? 'is missing' : `cannot be read (${error.message})`, restored)
  })
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for (;;) {
      // Of its own, never from the pool: the parser takes the buffer over.
      const chunk = Buffer.allocUnsafeSlow(CHUNK)
      const { bytesRead } = await handle.read(chunk, 0, CHUNK, null)
      if (bytesRead === 0) break
      bytes += bytesRead
      const data = chunk.subarray(0, bytesRead)
      hash.update(data)
      yield data
    }
    if (fragment.sha256 === undefined || hash.digest('hex') === fragment.sha256) return
    const what =
      bytes === fragment.bytes
        ? 'has other bytes than were recorded'
        : `has ${bytes} bytes, and ${fragment.bytes} were recorded`
    throw damaged(path, what, `${restored}; if you changed it on purpose, delete its "sha256" in ${RECORDING_FILE}`)
  } finally {
    await handle.close()
  }
}

/** A process that was killed between two renames has left the last recording, whole, beside its place. */
export function restore(dir: string): void {
  if (existsSync(join(dir, RECORDING)) || !existsSync(join(dir, OLD))) return
  try {
    renameSync(join(dir, OLD), join(dir, RECORDING))
  } catch {
    // Not ours to write: there is no recording here.
  }
}

function damaged(where: string, what: string, next: string): RecordingError {
  return new RecordingError('recording.damaged', `${where} ${what}; ${next}`)
}

function readText(file: string, missing: () => RecordingError): string {
  try {
    if (statSync(file).size > MAX_TEXT) throw damaged(file, `is larger than ${MAX_TEXT >> 20} MiB`, 'record it again')
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ENOENT' || code === 'ENOTDIR') throw missing()
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw damaged(file, 'is no UTF-8 text', 'record it again')
    throw error instanceof RecordingError
      ? error
      : damaged(file, `cannot be read (${(error as Error).message})`, 'record it again')
  }
}
