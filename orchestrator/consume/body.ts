import { zstdDecompressSync } from 'node:zlib'

/** A frame's NDJSON. */
export function decodeBody(data: Uint8Array, encoding: string): Uint8Array {
  return encoding === 'zstd' ? zstdDecompressSync(data) : data
}
