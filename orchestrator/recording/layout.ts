/**
 * What a recording is on disk, in the connector's folder. Plain text and plain bytes, to be looked at, edited and committed:
 *
 *   recording/
 *     recording.json    when, by which versions, which fragment is in which file
 *     listing.jsonl     the items as the connector yielded them, one a line, in their order, indented by their depth
 *     fragments/        one file each: what `read_bytes` yielded (or the rows of `read_rows`), byte by byte
 *     .gitattributes    keeps git from changing line ends in them
 */
import { createHash } from 'node:crypto'
import { RECORDING, RECORDING_FILE } from '../connector/bundle.ts'
import type { RecordingError } from '../errors.ts'
import type { ListedItem } from '../refresh/ports.ts'

export { RECORDING, RECORDING_FILE }
export const LISTING_FILE = 'listing.jsonl'
export const FRAGMENTS = 'fragments'
export const ATTRIBUTES = `${FRAGMENTS}/** -text\n`
const FORMAT = 1

export interface RecordingInfo {
  connector: string
  /** RFC 3339. */
  recordedAt: string
  /** Of Rowcast; SHA-256 of the code; identity of the packages, '' without any. */
  versions: { rowcast: string; code: string; packages: string }
  yields: 'bytes' | 'rows'
  /** Fragments that were listed. A very long listing is not kept whole. */
  listed: number
  fragments: RecordedFragment[]
  leftOut: { name: string; why: string }[]
}

export interface RecordedFragment {
  name: string
  /** Below `recording/`. */
  file: string
  bytes: number
  /** undefined: its file was changed by hand, and counts as it is. */
  sha256: string | undefined
}

/** A readable name, safe in every file system, and another for each fragment. */
export function fragmentFile(name: string, yields: 'bytes' | 'rows'): string {
  const [, stem = '', suffix = ''] = /^(.*?)(\.[A-Za-z0-9]{1,8})?$/s.exec(name)!
  const readable = stem
    .replaceAll(/[^A-Za-z0-9.-]+/g, '_')
    .slice(-60)
    .replace(/^[._-]+/, '')
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 12)
  return `${FRAGMENTS}/${readable}${readable === '' ? '' : '-'}${hash}${yields === 'rows' ? '.ndjson' : suffix}`
}

// ---------------------------------------------------------------- recording.json

export function writeInfo({ recordedAt, leftOut, ...info }: RecordingInfo): string {
  const { connector, versions, yields, listed, fragments } = info
  const all = { format: FORMAT, connector, recorded_at: recordedAt, versions, yields, listed, fragments }
  return `${JSON.stringify({ ...all, left_out: leftOut }, null, 2)}\n`
}

/** `damaged` makes the error of what is wrong with it. */
export function readInfo(text: string, damaged: (what: string) => RecordingError): RecordingInfo {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw damaged(`is not JSON (${(error as Error).message})`)
  }
  const of = (parent: unknown, key: string): unknown => (parent as Record<string, unknown> | null | undefined)?.[key]
  const textOf = (parent: unknown, key: string): string => {
    const found = of(parent, key)
    if (typeof found !== 'string') throw damaged(`has no text ${JSON.stringify(key)} where one is expected`)
    return found
  }
  const countOf = (parent: unknown, key: string): number => {
    const found = of(parent, key)
    if (!Number.isSafeInteger(found) || (found as number) < 0) throw damaged(`has no number ${JSON.stringify(key)}`)
    return found as number
  }
  const listOf = (key: string): unknown[] => {
    const found = of(value, key)
    if (!Array.isArray(found)) throw damaged(`has no list ${JSON.stringify(key)}`)
    return found
  }
  if (of(value, 'format') !== FORMAT)
    throw damaged(`is of format ${JSON.stringify(of(value, 'format'))}; this version of Rowcast reads ${FORMAT}`)
  const yields = textOf(value, 'yields')
  if (yields !== 'bytes' && yields !== 'rows') throw damaged(`says "yields": ${JSON.stringify(yields)}`)
  const versions = of(value, 'versions')
  return {
    connector: textOf(value, 'connector'),
    recordedAt: textOf(value, 'recorded_at'),
    versions: {
      rowcast: textOf(versions, 'rowcast'),
      code: textOf(versions, 'code'),
      packages: textOf(versions, 'packages'),
    },
    yields,
    listed: countOf(value, 'listed'),
    fragments: listOf('fragments').map((fragment) => {
      const file = textOf(fragment, 'file')
      // What somebody else recorded must not name files of ours.
      if (!/^fragments\/[^/\\]+$/.test(file) || file.endsWith('/..'))
        throw damaged(`names the file ${JSON.stringify(file)}`)
      const sha256 = of(fragment, 'sha256') === undefined ? undefined : textOf(fragment, 'sha256')
      return { name: textOf(fragment, 'name'), file, bytes: countOf(fragment, 'bytes'), sha256 }
    }),
    leftOut: listOf('left_out').map((one) => ({ name: textOf(one, 'name'), why: textOf(one, 'why') })),
  }
}

// ---------------------------------------------------------------- listing.jsonl

/** The line of an item: its own text when it has keys of its own, so that no digit of them is touched. */
export function writeItem({ name, fingerprint, extra, isPrefix, depth }: ListedItem): string {
  const own = {
    name,
    ...(isPrefix && fingerprint === '' ? {} : { fingerprint }),
    ...(isPrefix ? { is_prefix: true } : {}),
  }
  // A raw line break can only stand between two tokens.
  const text = extra === '' ? JSON.stringify(own) : extra.replaceAll(/[\r\n]/g, ' ')
  return `${'  '.repeat(depth)}${text}\n`
}

const KNOWN_KEYS = new Set(['name', 'fingerprint', 'is_prefix'])

/** Only names and fingerprints are taken from the parsed line; numbers stay in its text. */
export function readItem(line: string, damaged: (what: string) => RecordingError): ListedItem {
  const text = line.trim()
  let item: Record<string, unknown>
  try {
    item = JSON.parse(text)
  } catch (error) {
    throw damaged(`is not JSON (${(error as Error).message})`)
  }
  const { name, fingerprint, is_prefix: isPrefix = false } = Object(item)
  if (typeof name !== 'string' || name === '') throw damaged('has no "name"')
  if (isPrefix !== true && isPrefix !== false) throw damaged('has an "is_prefix" that is neither true nor false')
  if (typeof fingerprint !== 'string' && !isPrefix) throw damaged('has no "fingerprint"')
  return {
    name,
    fingerprint: typeof fingerprint === 'string' ? fingerprint : '',
    extra: Object.keys(item).every((key) => KNOWN_KEYS.has(key)) ? '' : text,
    isPrefix,
    depth: Math.floor((line.length - line.trimStart().length) / 2),
  }
}
