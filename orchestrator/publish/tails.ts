import { type Bus, Refusal } from './bus.ts'
import { parseHeaders, readFrame } from './frame.ts'
import type { Range } from './parts.ts'

/** No message under that sequence: somebody deleted it, which is what we want. */
const GONE = new Set([10037, 10043, 10057])

/**
 * Deletes frames by their sequences, so that the subject's last message is a marker again. Oldest first and one after
 * the other: after newest first over a block's edge, nats-server 2.15.1 finds no last message of the subject at all,
 * although older ones are there (measured; a restart heals it).
 */
export async function deleteRanges(bus: Bus, stream: string, ranges: Range[]): Promise<void> {
  for (const { first, last } of ranges) {
    for (let seq = first; seq <= last; seq++) await deleteMessage(bus, stream, seq)
  }
}

async function deleteMessage(bus: Bus, stream: string, seq: number): Promise<void> {
  try {
    // no_erase: overwriting with random bytes is for secrets, and costs a write of the whole block.
    await bus.api(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true })
  } catch (error) {
    if (!(error instanceof Refusal && GONE.has(error.code))) throw error
  }
}

/**
 * Deletes what is stored of one attempt of our own that was given up. Frames are named by their sequences, never "the
 * last of the subject": were we fenced meanwhile, those would be somebody else's.
 */
export async function deleteAttempt(
  bus: Bus,
  attempt: { stream: string; subject: string; generation: number },
  stored: Range[],
): Promise<void> {
  const ranges = [...stored]
  const last = await bus.last(attempt.stream, attempt.subject)
  const found = last && readFrame(parseHeaders(last.headers))
  if (last && found?.generation === attempt.generation) {
    // The reply to the last part was lost, but it counts: the next catch-up records it.
    if (found.marker) return
    // A part whose reply was lost: its frames lie behind the last one we know of.
    const known = ranges.at(-1)?.last ?? 0
    if (last.sequence > known) {
      const frames = found.frame + 1 - ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0)
      ranges.push({ first: last.sequence - frames + 1, last: last.sequence })
    }
  }
  await deleteRanges(bus, attempt.stream, ranges)
}

/** Deletes a subject's messages before `sequence`: the version that the attempt from there on has replaced. */
export async function purgeBefore(bus: Bus, stream: string, subject: string, sequence: number): Promise<void> {
  await bus.api(`STREAM.PURGE.${stream}`, { filter: subject, seq: sequence })
}
