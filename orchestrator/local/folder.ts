/**
 * Watches the files of a folder, as deep as it goes. Told is what differs between two looks at it, never an event: editors save
 * by rename, write files of their own beside it, and write twice; a folder may be removed and come back.
 */
import { type FSWatcher, readdirSync, realpathSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'

export interface FileChange {
  /** Relative to the folder, with forward slashes. */
  path: string
  kind: 'saved' | 'added' | 'removed'
}

/** Time without an event after which a save is taken as over. */
const QUIET_MS = 120
/** Network file systems send no events, and a folder that was removed none either: looked at now and then, too. */
const POLL_MS = 1_000
/** Share of the time that polling a large folder may take. */
const POLL_SHARE = 20
const MAX_FILES = 10_000
const MAX_FOLDERS = 500

interface Look {
  /** Path to what tells a saved file from the one before. */
  files: Map<string, string>
  folders: Set<string>
}

export class FolderWatch {
  readonly #dir: string
  readonly #isWatched: (path: string) => boolean
  readonly #watchers = new Map<string, FSWatcher>()
  #files: Map<string, string>
  #timer: NodeJS.Timeout | undefined
  #poll: NodeJS.Timeout | undefined
  #waiting: ((changes: FileChange[]) => void) | undefined

  /** Changes count from now on. `isWatched` gets the relative path of a file or folder. */
  constructor(dir: string, isWatched: (path: string) => boolean) {
    this.#dir = dir
    this.#isWatched = isWatched
    this.#files = this.#look()
    this.#pollLater(0)
  }

  /** What has changed since the last answer, once there is something; nothing when `signal` aborts. One call at a time. */
  next(signal: AbortSignal): Promise<FileChange[]> {
    return new Promise((resolve) => {
      const answer = (changes: FileChange[]) => {
        this.#waiting = undefined
        signal.removeEventListener('abort', leave)
        resolve(changes)
      }
      const leave = () => answer([])
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting = answer
      this.#soon()
    })
  }

  close(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#poll)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #soon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#compare(), QUIET_MS)
  }

  #pollLater(tookMs: number): void {
    this.#poll = setTimeout(
      () => {
        const startedAt = performance.now()
        this.#compare()
        this.#pollLater(performance.now() - startedAt)
      },
      Math.max(POLL_MS, tookMs * POLL_SHARE),
    )
    this.#poll.unref()
  }

  #compare(): void {
    if (!this.#waiting) return
    const before = this.#files
    const now = this.#look()
    const changes: FileChange[] = []
    for (const [path, mark] of now) {
      const known = before.get(path)
      if (known !== mark) changes.push({ path, kind: known === undefined ? 'added' : 'saved' })
    }
    for (const path of before.keys()) if (!now.has(path)) changes.push({ path, kind: 'removed' })
    if (changes.length === 0) return
    this.#files = now
    this.#waiting(changes)
  }

  #look(): Map<string, string> {
    const { files, folders } = look(this.#dir, this.#isWatched)
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watch(folder)
    return files
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, () => this.#soon())
      // A folder that was removed, and made again, is another one.
      watcher.on('error', () => this.#forget(folder))
      this.#watchers.set(folder, watcher)
    } catch {
      // No more watches, or none on this file system: polling sees it.
    }
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
    this.#soon()
  }
}

function look(dir: string, isWatched: (path: string) => boolean): Look {
  const found: Look = { files: new Map(), folders: new Set() }
  walk('', new Set())
  return found

  function walk(prefix: string, above: ReadonlySet<string>): void {
    const folder = join(dir, prefix)
    try {
      const real = realpathSync(folder)
      if (above.has(real) || found.folders.size >= MAX_FOLDERS) return
      const names = readdirSync(folder)
      found.folders.add(folder)
      for (const name of names) if (found.files.size < MAX_FILES) entry(prefix, name, new Set(above).add(real))
    } catch {
      // It was removed meanwhile: it is not there.
    }
  }

  function entry(prefix: string, name: string, above: ReadonlySet<string>): void {
    const path = `${prefix}${name}`
    if (!isWatched(path)) return
    const stat = statSync(join(dir, path), { throwIfNoEntry: false })
    if (stat?.isDirectory()) walk(`${path}/`, above)
    else if (stat?.isFile()) found.files.set(path, `${stat.ino} ${stat.size} ${stat.mtimeMs}`)
  }
}
