/** `record`: list ▸ read ▸ store, a few fragments of a connector, so that its parser can be tried without the source. */
import type { Connector } from '../connector/definition.ts'
import { AuthorError, DefinitionError, RecordingError } from '../errors.ts'
import type { ExecutorPort, ListedItem, Session, SessionHooks } from '../refresh/ports.ts'
import { type RecordedFragment, writeItem } from './layout.ts'
import { SecretScanner, secretForms } from './secrets.ts'
import { RecordingWriter } from './write.ts'

export interface RecordRequest {
  /** Just these; empty: the first `maxFragments`. */
  fragments: string[]
  maxFragments: number
  /** Of one fragment; a larger one is left out. */
  maxBytes: number
  allowSecrets: boolean
}

export interface RecordDeps {
  executor: ExecutorPort
  hooks: SessionHooks
  credentialsOf(connector: Connector): string
  /** Of Rowcast. */
  version: string
  /** Milliseconds since 1970. */
  now(): number
}

export type RecordEvent =
  | { type: 'listing'; fragments: number }
  | { type: 'reading'; name: string; at: number; of: number }
  | { type: 'stored'; fragment: RecordedFragment }
  | { type: 'left_out'; name: string; why: string }
  | { type: 'recorded'; listed: number; fragments: number; bytes: number; leftOut: number }

/** Characters of the listing that are kept; of a longer one just its head, and the items that were read. */
const MAX_LISTING = 1 << 20
/** Secrets that are named. */
const SHOWN = 5

/** Throws what went wrong; the last recording is untouched then. */
export async function* record(
  connector: Connector,
  deps: RecordDeps,
  request: RecordRequest,
  signal: AbortSignal,
): AsyncGenerator<RecordEvent> {
  try {
    yield* recordWhole(connector, deps, request, signal)
  } catch (error) {
    const { code, syscall, path = connector.dir } = error as NodeJS.ErrnoException
    if (syscall === undefined || !path.startsWith(connector.dir)) throw error
    const next = code === 'ENOSPC' ? 'free some space' : 'make the folder writable'
    const message = `${connector.dir} cannot be written to (${(error as Error).message}): ${next}`
    throw new RecordingError('recording.unwritable', message, { cause: error })
  }
}

async function* recordWhole(
  connector: Connector,
  { executor, hooks, credentialsOf, version, now }: RecordDeps,
  request: RecordRequest,
  signal: AbortSignal,
): AsyncGenerator<RecordEvent> {
  const yields = connector.parser.type === 'rows' ? 'rows' : 'bytes'
  const forms = request.allowSecrets ? [] : secretForms(credentialsOf(connector))
  const writer = new RecordingWriter(connector.dir, yields)
  const secrets: string[] = []
  const leftOut: { name: string; why: string }[] = []
  let session: Session | undefined
  let isWritten = false
  try {
    session = await executor.open(yields === 'rows' ? connector : withoutParser(connector), hooks, signal)
    const chosen = new Map<string, ListedItem>()
    const wanted = new Set(request.fragments)
    let [listed, line, kept] = [0, 0, 0]
    for await (const page of session.list({ prefixes: true }, signal)) {
      for (const item of page) {
        if (!item.isPrefix) listed++
        const isChosen =
          !item.isPrefix && (wanted.size > 0 ? wanted.has(item.name) : chosen.size < request.maxFragments)
        if (isChosen && chosen.has(item.name)) throw twice(item.name)
        if (isChosen) chosen.set(item.name, item)
        const text = writeItem(item)
        if (!isChosen && kept + text.length > MAX_LISTING) continue
        kept += text.length
        writer.item(text)
        line++
        if (new SecretScanner(forms).push(Buffer.from(text)) !== undefined) secrets.push(`line ${line} of the listing`)
      }
      yield { type: 'listing', fragments: listed }
    }
    checkNames(request.fragments, chosen, listed)
    let at = 0
    for (const item of chosen.values()) {
      yield { type: 'reading', name: item.name, at: ++at, of: chosen.size }
      const stored = await store(item, { session, writer, forms, maxBytes: request.maxBytes }, signal)
      if ('file' in stored) yield { type: 'stored', fragment: stored }
      else if ('secretAt' in stored) secrets.push(`fragment ${JSON.stringify(item.name)} at byte ${stored.secretAt}`)
      else {
        leftOut.push({ name: item.name, why: stored.why })
        yield { type: 'left_out', name: item.name, why: stored.why }
      }
    }
    if (secrets.length > 0) throw secretFound(connector, secrets)
    if (chosen.size > 0 && writer.fragments.length === 0)
      throw new RecordingError('recording.nothing', `none of the fragments is small enough; raise --max-bytes`)
    const { bundleHash, lockHash } = session
    writer.commit({
      connector: connector.name,
      recordedAt: `${new Date(now()).toISOString().slice(0, 19)}Z`,
      versions: { rowcast: version, code: bundleHash, packages: lockHash },
      listed,
      leftOut,
    })
    isWritten = true
    const bytes = writer.fragments.reduce((sum, fragment) => sum + fragment.bytes, 0)
    yield { type: 'recorded', listed, fragments: writer.fragments.length, bytes, leftOut: leftOut.length }
  } finally {
    if (!isWritten) writer.abort()
    await session?.close()
  }
}

/** An own parser is what the recording is for: recorded is what it gets. */
function withoutParser(connector: Connector): Connector {
  return { ...connector, parser: { type: 'json', compression: 'none', mode: 'auto' } }
}

interface Store {
  session: Session
  writer: RecordingWriter
  forms: Buffer[]
  maxBytes: number
}

async function store(
  { name, fingerprint, extra }: ListedItem,
  { session, writer, forms, maxBytes }: Store,
  signal: AbortSignal,
): Promise<RecordedFragment | { why: string } | { secretAt: number }> {
  const file = writer.begin(name)
  const scanner = new SecretScanner(forms)
  let bytes = 0
  let isKept = false
  try {
    for await (const pieces of session.read([{ name, fingerprint, extra, traceparent: '' }], signal)) {
      for (const { data, end } of pieces) {
        bytes += data.length
        if (bytes > maxBytes) return { why: `more than --max-bytes (${maxBytes} bytes)` }
        const secretAt = scanner.push(data)
        if (secretAt !== undefined) return { secretAt }
        file.write(data)
        if (end?.error) throw end.error
        if (!end) continue
        isKept = true
        return file.keep()
      }
    }
    throw new RecordingError('recording.nothing', `fragment ${JSON.stringify(name)} was not read to its end`)
  } finally {
    if (!isKept) file.drop()
  }
}

function checkNames(names: string[], chosen: ReadonlyMap<string, ListedItem>, listed: number): void {
  const absent = names.filter((name) => !chosen.has(name))
  if (absent.length === 0) return
  const message = `--fragment ${absent.join(', ')}: the listing has no such fragment (it has ${listed}; see them with: rowcast test DIR --list)`
  throw new DefinitionError(message, undefined, 'config.usage')
}

function twice(name: string): AuthorError {
  return new AuthorError('list.duplicate_name', `two fragments have the name ${JSON.stringify(name)}`)
}

function secretFound({ name }: Connector, places: string[]): RecordingError {
  const more = places.length > SHOWN ? ` and ${places.length - SHOWN} more` : ''
  return new RecordingError(
    'recording.secret',
    `the credentials of ${name}, or a part of them, are in what would be stored: ${places.slice(0, SHOWN).join(', ')}${more}. ` +
      'Nothing was stored: a recording lies in the connector’s folder and is committed with it. Keep them out of what the connector yields, ' +
      'record other fragments (--fragment NAME), or store them nevertheless: --allow-secrets',
  )
}
