/** Compressed blocks to their bytes. A block is whole and bounded, so each is done in one call (promise 5). */
import { crc32, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { FragmentError, messageOf } from '../../errors.ts'
import { bunzip2 } from './bzip2.ts'
import { MAX_BLOCK_BYTES } from './container.ts'
import { Broken } from './cursor.ts'

/** Throws Broken, or what its library throws; `RangeError` when it would be larger than a block may be. */
export type Codec = (block: Uint8Array) => Uint8Array

/** The codec of that name; a promise when its library has to be loaded. */
export function codecOf(name: string): Codec | undefined | Promise<Codec> {
  switch (name) {
    case 'null':
      return undefined
    case 'deflate':
      // Writers in Python leave the end of a checksum behind the data (measured: fastavro, three bytes), so that more
      // may follow; that the records use exactly what comes out is checked in any case.
      return sized((block, options) => inflateRawSync(block, options))
    case 'zstandard':
      return sized((block, options) => zstdDecompressSync(block, options))
    case 'bzip2':
      return (block) => bunzip2(block, MAX_BLOCK_BYTES)
    case 'snappy':
      return loadSnappy()
    default:
      throw unsupported(`blocks compressed by ${JSON.stringify(name)}`)
  }
}

/** A native library: only who needs it has to have it. */
async function loadSnappy(): Promise<Codec> {
  try {
    const { uncompressSync } = await import('snappy')
    return (block) => unsnap(block, uncompressSync)
  } catch (error) {
    throw unsupported(`blocks compressed by "snappy", which cannot be loaded here: ${messageOf(error, 200)}`)
  }
}

function unsupported(what: string): FragmentError {
  return new FragmentError(
    'fragment.unsupported',
    `${what}; write the file with deflate, zstandard, snappy, bzip2 or null`,
  )
}

const SMALL_BYTES = 64 * 1024

/** How much larger blocks mostly become at most. */
const USUAL_RATIO = 4

/** Blocks of one file have about one size: guessed well, the bytes come out in one piece, and are in memory but once. */
function sized(
  decode: (block: Uint8Array, options: { chunkSize: number; maxOutputLength: number }) => Uint8Array,
): Codec {
  let chunkSize = SMALL_BYTES
  return (block) => {
    while (chunkSize < block.length * USUAL_RATIO && chunkSize < MAX_BLOCK_BYTES) chunkSize *= 2
    const made = decode(block, { chunkSize, maxOutputLength: MAX_BLOCK_BYTES })
    while (chunkSize <= made.length && chunkSize < MAX_BLOCK_BYTES) chunkSize *= 2
    return made
  }
}

function unsnap(block: Uint8Array, uncompress: (bytes: Uint8Array) => string | Buffer): Uint8Array {
  const end = block.length - 4
  if (end < 1) throw new Broken('no snappy: it has no checksum')
  checkSize(block)
  const made = uncompress(block.subarray(0, end)) as Buffer
  const sum = new DataView(block.buffer, block.byteOffset + end, 4).getUint32(0)
  if (crc32(made) !== sum) throw new Broken('its checksum is another')
  return made
}

/** Snappy begins with the size that it will have; a library would believe it. */
function checkSize(block: Uint8Array): void {
  let size = 0
  let at = 0
  do size += (block[at]! & 127) * 2 ** (7 * at)
  while (block[at++]! >= 128 && at < 5)
  if (size > MAX_BLOCK_BYTES) throw new RangeError('too large')
}
