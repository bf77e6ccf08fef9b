/** The header of a container file: magic ▸ metadata ▸ the marker that ends each block. */
import { FragmentError } from '../../errors.ts'
import { Cursor, Short } from './cursor.ts'

export interface Header {
  /** JSON. */
  schema: Uint8Array
  codec: string
  /** 16 bytes. */
  marker: Uint8Array
  /** Bytes of all of it. */
  length: number
}

const MAGIC = [0x4f, 0x62, 0x6a, 0x01]
export const MARKER_BYTES = 16
/** Generated schemas reach a few MiB. */
const MAX_SCHEMA_BYTES = 16 * 1024 * 1024
/** The schema, and whatever else writers keep there. */
const MAX_HEADER_BYTES = MAX_SCHEMA_BYTES + 1024 * 1024

/** The header that `b` begins with; undefined when it goes on behind `b`, whose last byte is the file's if `isFinal`. */
export function readHeader(b: Uint8Array, isFinal: boolean): Header | undefined {
  if (b.length < MAGIC.length && !isFinal) return undefined
  checkMagic(b)
  const cursor = new Cursor()
  cursor.open(b, MAGIC.length, b.length)
  try {
    const metadata = readMetadata(cursor)
    const at = cursor.take(MARKER_BYTES)
    if (cursor.p > MAX_HEADER_BYTES) throw tooLong()
    const schema = metadata.get('avro.schema')
    if (!schema) throw broken('has no avro.schema')
    return {
      schema: schema.slice(),
      codec: text(metadata.get('avro.codec') ?? new Uint8Array(0)) || 'null',
      marker: b.slice(at, at + MARKER_BYTES),
      length: cursor.p,
    }
  } catch (error) {
    if (!(error instanceof Short))
      throw error instanceof FragmentError ? error : broken(`holds ${(error as Error).message}`)
    if (b.length > MAX_HEADER_BYTES) throw tooLong()
    return undefined
  }
}

function checkMagic(b: Uint8Array): void {
  if (MAGIC.every((byte, at) => at >= b.length || b[at] === byte)) return
  const found = Buffer.from(b.subarray(0, MAGIC.length)).toString('hex')
  throw new FragmentError(
    'fragment.container',
    `no Avro container file: it begins with the bytes 0x${found}, not with "Obj" and 0x01. What has no container (single messages, Confluent's wire format) is not taken; does another parser fit, as json or xsv?`,
  )
}

function readMetadata(cursor: Cursor): Map<string, Uint8Array> {
  const metadata = new Map<string, Uint8Array>()
  for (;;) {
    let left = cursor.long()
    // A count below zero is followed by the size of the entries.
    if (left < 0) {
      left = -left
      cursor.long()
    }
    if (left === 0) return metadata
    if (Number.isNaN(left)) throw broken(`has ${cursor.big} entries`)
    for (; left > 0; left--) {
      const key = text(bytes(cursor, 'a key'))
      const value = bytes(cursor, key)
      // Of the rest there may be millions.
      if (key === 'avro.schema' || key === 'avro.codec') metadata.set(key, value)
    }
  }
}

function bytes(cursor: Cursor, what: string): Uint8Array {
  const length = cursor.long()
  if (length < 0) throw broken(`says that ${what} has ${length} bytes`)
  if (!(length <= MAX_SCHEMA_BYTES)) throw limit(what, MAX_SCHEMA_BYTES)
  const at = cursor.take(length)
  return cursor.b.subarray(at, at + length)
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 100)).toString()
}

function broken(what: string): FragmentError {
  return new FragmentError('fragment.container', `the header of the Avro file ${what}`)
}

function tooLong(): FragmentError {
  return limit('header', MAX_HEADER_BYTES)
}

function limit(what: string, most: number): FragmentError {
  return new FragmentError('fragment.limit', `the Avro file's ${what} is longer than ${most} bytes, more than is taken`)
}
