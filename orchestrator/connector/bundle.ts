/**
 * The bundle: the files of a connector's folder that its executor gets (proto/rowcast/v1/executor.proto, BundleHeader).
 *
 * Left out: dot files, `__pycache__`, the credentials file under any name, what `rowcast record` stored, and connector.yaml
 * and connector.lock, which say how the code is run: so a new schedule or another credentials variable is no new code.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DefinitionError } from '../errors.ts'
import type { Connector } from './definition.ts'
import { isFile } from './files.ts'
import { FILE_NAME, LOCK_NAME } from './load.ts'

export const MAX_BUNDLE_BYTES = 16 * 2 ** 20
/** What `rowcast record` stores, in the connector's folder. */
export const RECORDING = 'recording'
export const RECORDING_FILE = 'recording.json'

export interface Bundle {
  /** 64 hex digits over the lines "<path>\0<sha256 of the file, hex>\n", sorted by the path's bytes. */
  sha256: string
  files: BundleFile[]
}

export interface BundleFile {
  /** Relative, with forward slashes. */
  path: string
  data: Uint8Array
}

/** Reads the bundle of a connector; at most 16 MiB. `more` files of ours come on top (overlay.ts) and count beside them. */
export function readBundle(connector: Pick<Connector, 'dir' | 'credentials'>, more: BundleFile[] = []): Bundle {
  const found = listFiles(connector)
  checkSize(connector.dir, found)
  const files = found.map(({ path, file }): BundleFile => ({ path, data: readFileSync(file) }))
  files.push(...more)
  files.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  const hash = createHash('sha256')
  for (const { path, data } of files) hash.update(`${path}\0${createHash('sha256').update(data).digest('hex')}\n`)
  return { sha256: hash.digest('hex'), files }
}

/** Bytes of the connector's own files in the bundle. */
export function bundleBytes(connector: Pick<Connector, 'dir' | 'credentials'>): number {
  return sizeOf(listFiles(connector))
}

interface Found {
  path: string
  file: string
  bytes: number
}

function listFiles({ dir, credentials }: Pick<Connector, 'dir' | 'credentials'>): Found[] {
  // Promise 10: the secret never leaves with the code, not even through a link with another name.
  const secret = credentials && 'file' in credentials ? realPath(resolve(dir, credentials.file)) : undefined
  const found: Found[] = []
  walk(dir, '', new Set())
  return found

  function walk(folder: string, prefix: string, above: Set<string>): void {
    const real = realPath(folder)
    if (above.has(real)) return
    const path = new Set(above).add(real)
    for (const name of readdirSync(folder).sort()) {
      if (!isAuthorFile(name)) continue
      if (prefix === '' && (name === FILE_NAME || name === LOCK_NAME)) continue
      if (prefix === '' && name === RECORDING && hasRecording(dir)) continue
      const file = join(folder, name)
      if (secret !== undefined && realPath(file) === secret) continue
      const stat = statSync(file, { throwIfNoEntry: false })
      if (stat?.isDirectory()) walk(file, `${prefix}${name}/`, path)
      else if (stat?.isFile()) found.push({ path: `${prefix}${name}`, file, bytes: stat.size })
    }
  }
}

/** Not what editors, git and Python leave in a folder. */
export function isAuthorFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return !name.startsWith('.') && name !== '__pycache__'
}

/** Whether its `recording/` is one of ours: a package of the author's may have that name. */
export function hasRecording(dir: string): boolean {
  return isFile(join(dir, RECORDING, RECORDING_FILE))
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function checkSize(dir: string, files: Found[]): void {
  const total = sizeOf(files)
  if (total <= MAX_BUNDLE_BYTES) return
  const largest = files.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3)
  throw new DefinitionError(
    `${dir}: the folder holds ${total} bytes, more than the 16 MiB that may go to the executor; ` +
      `the largest: ${largest.map(({ path, bytes }) => `${path} (${bytes})`).join(', ')}. Move data out of it`,
  )
}

function sizeOf(files: Found[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}
