/** The folder that embedded mode keeps everything in: `.rowcast` unless said otherwise. */
import { randomBytes } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { LinkError } from '../errors.ts'

export interface Home {
  dir: string
  state: string
  lock: string
  nats: string
  executor: string
  log: string
}

/** Makes the folders, readable by this user alone. Throws `home.unwritable` saying why and what to do. */
export function openHome(dir: string): Home {
  const home: Home = {
    dir,
    state: join(dir, 'state.sqlite'),
    lock: join(dir, 'home.lock'),
    nats: join(dir, 'nats'),
    executor: join(dir, 'executor'),
    log: join(dir, 'log'),
  }
  try {
    for (const folder of [dir, home.nats, home.executor, home.log]) mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(dir, constants.W_OK | constants.X_OK)
    // What is in here is data and passwords: never for a repository.
    const ignore = join(dir, '.gitignore')
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC')
      throw new LinkError(
        'disk.full',
        `the disk of ${dir} is full: free some space, or choose another home with --home DIR`,
        { cause: error },
      )
    throw new LinkError(
      'home.unwritable',
      `cannot write to the home ${dir} (${message}): choose another with --home DIR or ROWCAST_HOME`,
      { cause: error },
    )
  }
  return home
}

/** Text kept in a file of mode 0600; made by `create` the first time. */
export function keep(file: string, create: () => string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8')
  const text = create()
  writeAside(file, text)
  return text
}

/** Replaces a file in one step. */
export function writeAside(file: string, text: string): void {
  const aside = `${file}.${randomBytes(4).toString('hex')}`
  writeFileSync(aside, text, { mode: 0o600 })
  renameSync(aside, file)
}

/** Why nothing can be written to this home; undefined when something can, seen by doing it. */
export function unwritable(dir: string): string | undefined {
  const file = join(dir, `.try-${randomBytes(4).toString('hex')}`)
  try {
    writeFileSync(file, 'x')
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    rmSync(file, { force: true })
  }
}

/** Bytes of the disk that the home is on. */
export function diskOf(dir: string): { free: number; total: number } {
  const { bavail, blocks, bsize } = statfsSync(dir)
  return { free: bavail * bsize, total: blocks * bsize }
}
