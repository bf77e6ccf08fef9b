/**
 * What main and a worker say to each other. The worker answers every `data` of a job, in order, with one Answer that is
 * its last; some before it when little input became much output, and then it waits for `more`.
 */
import { isMarkedAsUntransferable } from 'node:worker_threads'
import type { ParseInput } from '../refresh/ports.ts'
import type { Frames } from './output.ts'
import type { Program } from './program.ts'
import type { Limits } from './rows.ts'

export type ToWorker =
  | { kind: 'program'; program: Program }
  | { kind: 'open'; job: number; program: string; limits: Limits }
  | { kind: 'data'; job: number; bytes: Uint8Array; index: Uint32Array }
  /** A partial answer was taken. */
  | { kind: 'more'; job: number }
  | { kind: 'close'; job: number }

export interface Answer {
  job: number
  frames: Frames
  /** False: the same message has more to come. */
  isLast: boolean
}

/** A piece in `index`: fragment, offset in `bytes`, length, and one of these. */
export const PIECE_FIELDS = 4
export const GOES_ON = 0
export const END = 1
export const DROP = 2

/** Below this a copy is cheaper than a transfer; and a pooled Buffer, which cannot be transferred, is always smaller. */
const TRANSFER_BYTES = 64 * 1024

export interface Packed {
  bytes: Uint8Array<ArrayBuffer>
  index: Uint32Array<ArrayBuffer>
}

/** The pieces of one message as one buffer and one array. A large buffer is taken over, a small one copied. */
export function pack(pieces: ParseInput[]): Packed {
  const total = pieces.reduce((sum, { data }) => sum + data.length, 0)
  const shared = total < TRANSFER_BYTES ? undefined : sharedBuffer(pieces)
  const bytes = shared ? new Uint8Array(shared) : new Uint8Array(total)
  const index = new Uint32Array(pieces.length * PIECE_FIELDS)
  let offset = 0
  let at = 0
  for (const { fragment, data, end } of pieces) {
    if (!shared) bytes.set(data, offset)
    index[at++] = fragment
    index[at++] = shared ? data.byteOffset : offset
    index[at++] = data.length
    index[at++] = end === 'end' ? END : end === 'drop' ? DROP : GOES_ON
    offset += data.length
  }
  return { bytes, index }
}

/** The one buffer that all bytes are in, when it can be transferred. */
function sharedBuffer(pieces: ParseInput[]): ArrayBuffer | undefined {
  let found: ArrayBufferLike | undefined
  for (const { data } of pieces) {
    if (data.length === 0) continue
    if (found !== undefined && found !== data.buffer) return undefined
    found = data.buffer
  }
  return found instanceof ArrayBuffer && !isMarkedAsUntransferable(found) ? found : undefined
}
