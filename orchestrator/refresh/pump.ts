/** The first half of a call of read: its pieces into the parser, for `refresh` as for `test`. */
import type { ParseInput, ParseJob, ReadEnd, ReadItem, ReadPiece, Session } from './ports.ts'

/** NDJSON bytes of one frame, which is one NATS message; larger gains nothing (measured). */
export const FRAME_BYTES = 256 * 1024

/** What the pump notes of one fragment of the call. */
export interface Incoming {
  end: ReadEnd | undefined
  /** Set by the pump, or by whoever takes the parser's output: nothing of the fragment is wanted any more. */
  error: Error | undefined
  /** The parser was told to forget it. */
  dropped: boolean
}

export interface PumpDeps {
  session: Session
  job: ParseJob
  /** The fragments are tried again: in a new process, with a new context. */
  fresh?: boolean
}

/** Ends with the call, whatever ended it; throws what the session threw. `slots` are in the order of `items`. */
export async function pump(
  slots: Incoming[],
  items: ReadItem[],
  { session, job, fresh = false }: PumpDeps,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const pieces of session.read(items, signal, fresh)) {
      const inputs: ParseInput[] = []
      for (const piece of pieces) {
        const input = toInput(piece, slots[piece.fragment]!)
        if (input) inputs.push(input)
      }
      if (inputs.length > 0) await job.push(inputs)
    }
  } finally {
    job.end() // after a lost link too: what arrived whole is still good
  }
}

function toInput({ fragment, data, end }: ReadPiece, slot: Incoming): ParseInput | undefined {
  if (end) slot.end = end
  if (end?.error) slot.error ??= end.error
  if (!slot.error) return { fragment, data, end: end ? 'end' : undefined }
  if (slot.dropped) return undefined
  slot.dropped = true
  return { fragment, data: data.subarray(0, 0), end: 'drop' }
}
