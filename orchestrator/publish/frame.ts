/**
 * The headers of every message in a connector's stream (delivery.md section 3), written and read.
 * Writing is on the hot path: a header block is one string, encoded once, no header objects.
 */

export type Kind = 'rows' | 'retract' | 'schema' | 'refresh' | 'rejects'

/** Header lines, each ended by CRLF, without the `NATS/1.0` line and the empty line at the end. */
export type Lines = string

const VERSION = 'NATS/1.0\r\n'

/** The header block as the client sends it. The client asks an object for `encode()` and looks at nothing else. */
export function encodeHeaders(lines: Lines): Uint8Array {
  // latin1: every value is ASCII, names and fingerprints are percent-encoded.
  return Buffer.from(`${VERSION + lines}\r\n`, 'latin1')
}

/** Tombstones live 30 days, so that nothing deleted outlives its tombstone unseen. */
const TOMBSTONE_TTL = '720h'

export function percentEncode(text: string): string {
  // encodeURIComponent refuses lone surrogates, which no proto3 string can hold; better a replacement than a crash.
  return encodeURIComponent(text.toWellFormed())
}

export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export interface AttemptLines {
  name: string
  generation: number
  version: string
  schema: string
  refresh: string
  traceparent: string
}

/** What all frames of one attempt repeat. */
export function attemptLines(attempt: AttemptLines): Lines {
  return `Rowcast-Type: rows\r\n${identity(attempt)}Rowcast-Schema: ${attempt.schema}\r\n${origin(attempt)}`
}

export function tombstoneLines(attempt: Omit<AttemptLines, 'version' | 'schema'>): Lines {
  return `Rowcast-Type: retract\r\n${identity({ ...attempt, version: '' })}${origin(attempt)}Nats-TTL: ${TOMBSTONE_TTL}\r\n`
}

/** A tombstone's rejects message goes when the tombstone goes. */
export function rejectsLines(attempt: Omit<AttemptLines, 'schema'>, withTombstone: boolean): Lines {
  const ttl = withTombstone ? `Nats-TTL: ${TOMBSTONE_TTL}\r\n` : ''
  return `Rowcast-Type: rejects\r\n${identity(attempt)}${origin(attempt)}${ttl}Nats-Rollup: sub\r\n`
}

export function schemaLines(source: { refresh: string; traceparent: string }, id: string): Lines {
  return `Rowcast-Type: schema\r\nRowcast-Schema: ${id}\r\n${origin(source)}${expect(0)}`
}

export function refreshLines(source: { refresh: string; traceparent: string }): Lines {
  return `Rowcast-Type: refresh\r\n${origin(source)}Nats-Rollup: sub\r\n`
}

/** One frame's own lines; a header that would say 0 is left out, but for the frame's number. */
export function frameLines(frame: number, firstRow: number): Lines {
  return `Rowcast-Frame: ${frame}\r\n${firstRow === 0 ? '' : `Rowcast-First-Row: ${firstRow}\r\n`}`
}

export interface MarkerLines {
  fingerprint: string
  frames: number
  rows: number
  rejected: number
  bytes: number
  crc32: number
  /** Sequence of frame 0 when the attempt was sent in parts. */
  firstSequence: number | undefined
}

/** What makes an attempt count: on its last frame only. */
export function markerLines(end: MarkerLines): Lines {
  return (
    `Rowcast-Frames: ${end.frames}\r\nRowcast-Rows: ${end.rows}\r\n` +
    (end.rejected === 0 ? '' : `Rowcast-Rejected: ${end.rejected}\r\n`) +
    `Rowcast-Bytes: ${end.bytes}\r\nRowcast-Crc32: ${hex32(end.crc32)}\r\n` +
    `Rowcast-Fingerprint: ${percentEncode(end.fingerprint)}\r\n` +
    (end.firstSequence === undefined ? '' : `Rowcast-First-Sequence: ${end.firstSequence}\r\n`)
  )
}

/** Compare-and-set on the message's own subject: `sequence` is that of its last message of any kind, 0 for none. */
export function expect(sequence: number): Lines {
  return `Nats-Expected-Last-Subject-Sequence: ${sequence}\r\n`
}

export const ROLL_UP: Lines = 'Nats-Rollup: sub\r\n'

function identity(attempt: { name: string; generation: number; version: string }): Lines {
  const version = attempt.version === '' ? '' : `Rowcast-Version: ${attempt.version}\r\n`
  return `Rowcast-Fragment: ${percentEncode(attempt.name)}\r\nRowcast-Generation: ${attempt.generation}\r\n${version}`
}

function origin(source: { refresh: string; traceparent: string }): Lines {
  return `Rowcast-Refresh: ${source.refresh}\r\ntraceparent: ${source.traceparent}\r\n`
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}

// ---------------------------------------------------------------- reading

/** Gives a header's value, '' when it is absent. */
export type HeaderGetter = (name: string) => string

/** A message on a fragment's subject. */
export interface FrameHeaders {
  kind: 'rows' | 'retract'
  name: string
  generation: number
  version: string
  schema: string
  refresh: string
  /** 0 for a tombstone. */
  frame: number
  firstRow: number
  encoding: string
  /** Set on the message that makes the attempt count. */
  marker: Marker | undefined
}

export interface Marker {
  fingerprint: string
  frames: number
  rows: number
  rejected: number
  bytes: number
  crc32: number
  firstSequence: number | undefined
}

export function kindOf(get: HeaderGetter): string {
  return get('Rowcast-Type')
}

/** Reads a frame or a tombstone; undefined for anything else. */
export function readFrame(get: HeaderGetter): FrameHeaders | undefined {
  const kind = get('Rowcast-Type')
  if (kind !== 'rows' && kind !== 'retract') return undefined
  const frames = kind === 'retract' ? '1' : get('Rowcast-Frames')
  const first = get('Rowcast-First-Sequence')
  return {
    kind,
    name: percentDecode(get('Rowcast-Fragment')),
    generation: Number(get('Rowcast-Generation')),
    version: get('Rowcast-Version'),
    schema: get('Rowcast-Schema'),
    refresh: get('Rowcast-Refresh'),
    frame: Number(get('Rowcast-Frame')),
    firstRow: Number(get('Rowcast-First-Row')),
    encoding: get('Content-Encoding'),
    marker:
      frames === ''
        ? undefined
        : {
            fingerprint: percentDecode(get('Rowcast-Fingerprint')),
            frames: Number(frames),
            rows: Number(get('Rowcast-Rows')),
            rejected: Number(get('Rowcast-Rejected')),
            bytes: Number(get('Rowcast-Bytes')),
            crc32: Number.parseInt(get('Rowcast-Crc32') || '0', 16),
            firstSequence: first === '' ? undefined : Number(first),
          },
  }
}

/** Reads a raw header block, as `STREAM.MSG.GET` gives it. */
export function parseHeaders(block: string): HeaderGetter {
  const values = new Map<string, string>()
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return (name) => values.get(name) ?? ''
}
