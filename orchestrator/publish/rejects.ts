import type { Reject } from '../refresh/ports.ts'

/** A version's rejects travel in one message; the full raw bytes are in the state only. */
const MOST_BYTES = 1024 * 1024
const RAW_CUTS = [16_384, 4_096, 1_024, 256, 64, 0]

/** JSON lines, at most 1 MiB in all: raw text is cut, the same for all, until they fit. */
export function encodeRejects(rejects: Reject[], mostBytes = MOST_BYTES): Uint8Array {
  const most = Math.min(mostBytes, MOST_BYTES)
  for (const cut of RAW_CUTS) {
    const lines = encode(rejects, cut, most)
    if (lines) return lines
  }
  // Messages as long as this are our bug; whole lines up to the limit, the marker's header still says how many there were.
  return encode(rejects, 0, most, true) ?? new Uint8Array(0)
}

function encode(rejects: Reject[], cut: number, most: number, partial = false): Uint8Array | undefined {
  const lines: Buffer[] = []
  let bytes = 0
  for (const reject of rejects) {
    const line = Buffer.from(
      `${JSON.stringify({
        row_number: reject.rowNumber,
        line: reject.line,
        byte_offset: reject.byteOffset,
        column: reject.column,
        code: reject.code,
        message: reject.message,
        raw: Buffer.from(reject.raw.subarray(0, cut)).toString(),
      })}\n`,
    )
    if (bytes + line.length > most) {
      if (partial) break
      return undefined
    }
    bytes += line.length
    lines.push(line)
  }
  return Buffer.concat(lines, bytes)
}
