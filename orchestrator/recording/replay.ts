/**
 * An executor that lists and reads what was recorded: no source, no network, no credentials. An own parser runs where it always
 * runs, in a reader of the real executor; it gets the recorded bytes in its bundle, which is all that a reader may see.
 */

import { bundleBytes, MAX_BUNDLE_BYTES } from '../connector/bundle.ts'
import type { Connector } from '../connector/definition.ts'
import { yieldingRecorded } from '../connector/overlay.ts'
import { DefinitionError, RecordingError } from '../errors.ts'
import type { ExecutorPort, ListedItem, ReadItem, ReadPiece, Session, SessionHooks } from '../refresh/ports.ts'
import type { RecordedFragment } from './layout.ts'
import { type Recording, readFragment } from './read.ts'

const PAGE = 1000

/** `wanted`: the fragments that will be read; empty: all that are recorded. */
export function replaying(recording: Recording, executor: ExecutorPort, wanted: string[]): ExecutorPort {
  return {
    async open(connector, hooks, signal) {
      checkParser(recording, connector)
      const fragments = choose(recording, connector, wanted)
      const bytes = (items: ReadItem[], signal: AbortSignal) => readRecorded(recording, items, signal)
      if (connector.parser.type !== 'python') {
        // Before the first row is shown: a damaged recording fails as a whole.
        for (const fragment of fragments)
          for await (const _ of readFragment(recording, fragment)) signal.throwIfAborted()
        return session(recording, { lockHash: '', bundleHash: '', read: bytes, settle, close: settle })
      }
      return session(recording, await openParser(recording, connector, fragments, executor, hooks, signal))
    },
  }
}

const settle = async () => {}

function session(recording: Recording, rest: Omit<Session, 'list'>): Session {
  return {
    ...rest,
    async *list({ prefixes }) {
      // Without its bytes a fragment can be listed, but not read.
      const items = recording.items.filter(({ name }) => prefixes || recording.fragments.has(name))
      for (let at = 0; at < items.length; at += PAGE) yield items.slice(at, at + PAGE)
    },
  }
}

async function openParser(
  recording: Recording,
  connector: Connector,
  fragments: RecordedFragment[],
  executor: ExecutorPort,
  hooks: SessionHooks,
  signal: AbortSignal,
): Promise<Session> {
  const code = bundleBytes(connector)
  const total = fragments.reduce((sum, { bytes }) => sum + bytes, code)
  if (total > MAX_BUNDLE_BYTES) {
    const message =
      `an own parser gets what is recorded in one bundle with its code, at most ${MAX_BUNDLE_BYTES} bytes, and this is ${total} (${code} of code). ` +
      `Replay less (--fragment NAME), or record less: rowcast record ${connector.dir} --max-bytes 1MiB --max-fragments 3`
    throw new RecordingError('recording.too_large', message)
  }
  const files: { name: string; data: Uint8Array }[] = []
  for (const fragment of fragments) {
    const chunks: Buffer[] = []
    for await (const chunk of readFragment(recording, fragment)) chunks.push(chunk)
    files.push({ name: fragment.name, data: Buffer.concat(chunks) })
  }
  const overlay = yieldingRecorded(connector, files)
  return executor.open(overlay.connector, hooks, signal, overlay)
}

async function* readRecorded(
  recording: Recording,
  items: ReadItem[],
  signal: AbortSignal,
): AsyncGenerator<ReadPiece[]> {
  for (const [fragment, { name }] of items.entries()) {
    const startedAt = performance.timeOrigin + performance.now()
    let bytes = 0
    for await (const data of readFragment(recording, recording.fragments.get(name)!)) {
      signal.throwIfAborted()
      bytes += data.length
      yield [{ fragment, data, end: undefined }]
    }
    const durationUs = Math.round((performance.timeOrigin + performance.now() - startedAt) * 1000)
    const end = { bytes, startUs: Math.round(startedAt * 1000), durationUs, error: undefined }
    yield [{ fragment, data: new Uint8Array(), end }]
  }
}

function choose({ fragments, items }: Recording, { dir }: Connector, wanted: string[]): RecordedFragment[] {
  if (wanted.length === 0) return [...fragments.values()]
  return wanted.map((name) => {
    const found = fragments.get(name)
    if (found) return found
    const isListed = items.some((item: ListedItem) => item.name === name && !item.isPrefix)
    const what = isListed ? 'was listed, but its bytes were not recorded' : 'was not listed'
    const known = [...fragments.keys()].slice(0, 5).map((one) => JSON.stringify(one))
    throw new DefinitionError(
      `--fragment ${name}: ${what}; recorded: ${known.join(', ') || 'none'}${fragments.size > 5 ? ', …' : ''}. ` +
        `Record it: rowcast record ${dir} --fragment ${name}`,
      undefined,
      'config.usage',
    )
  })
}

function checkParser({ info }: Recording, { parser, dir }: Connector): void {
  const yields = parser.type === 'rows' ? 'rows' : 'bytes'
  if (info.yields === yields) return
  throw new RecordingError(
    'recording.mismatch',
    `the recording holds ${info.yields === 'rows' ? 'rows of read_rows' : 'bytes of read_bytes'}, and the connector yields ${yields} now; record it again: rowcast record ${dir}`,
  )
}
