import type { FrameHeaders, Marker } from '../publish/frame.ts'

/**
 * The reader's rule (delivery.md section 4): an attempt counts when its frames 0…n−1, all of one generation, have
 * arrived in order, the last naming n. Anything else is provisional or debris and is ignored.
 */

/** Beyond this an attempt's rows are not held; they are read again from the stream once it counts. */
export const HELD_BYTES = 16 * 1024 * 1024
/** Held for all open attempts together: a connector may write many large fragments at once. */
const ALL_HELD_BYTES = 4 * HELD_BYTES

export interface Arrival {
  subject: string
  sequence: number
  headers: FrameHeaders
  data: Uint8Array
}

/** An attempt that counts. */
export interface Counted {
  headers: FrameHeaders
  marker: Marker
  firstSequence: number
  sequence: number
  /** Its frames; undefined when they must be read again. */
  held: Uint8Array[] | undefined
}

interface Open {
  generation: number
  next: number
  firstSequence: number
  held: Uint8Array[] | undefined
  bytes: number
}

export class Rule {
  readonly #start: number
  readonly #open = new Map<string, Open>()
  #heldBytes = 0

  /** `start`: the first sequence that is read; attempts that began before it are known by their marker only. */
  constructor(start: number) {
    this.#start = start
  }

  /** Takes the next message of a fragment; returns the attempt when this one makes it count. */
  accept(arrival: Arrival): Counted | undefined {
    const { subject, sequence, headers } = arrival
    const { frame, generation, marker, kind } = headers
    if (kind === 'retract') {
      this.#drop(subject)
      return marker && { headers, marker, firstSequence: sequence, sequence, held: [] }
    }
    if (marker?.firstSequence !== undefined && marker.firstSequence < this.#start) {
      this.#drop(subject)
      return { headers, marker, firstSequence: marker.firstSequence, sequence, held: undefined }
    }
    let open = this.#open.get(subject)
    if (frame === 0) {
      this.#drop(subject)
      open = { generation, next: 0, firstSequence: sequence, held: [], bytes: 0 }
      this.#open.set(subject, open)
    }
    if (open === undefined) return undefined
    if (open.generation !== generation || open.next !== frame) {
      this.#drop(subject)
      return undefined
    }
    this.#hold(open, arrival.data)
    open.next++
    if (marker === undefined) return undefined
    this.#drop(subject)
    if (marker.frames !== open.next) return undefined
    return { headers, marker, firstSequence: open.firstSequence, sequence, held: open.held }
  }

  /** Promise 5: what is held is bounded, whatever the size of a fragment and however many are open. */
  #hold(open: Open, data: Uint8Array): void {
    if (open.held === undefined) return
    open.held.push(data)
    open.bytes += data.length
    this.#heldBytes += data.length
    if (open.bytes <= HELD_BYTES && this.#heldBytes <= ALL_HELD_BYTES) return
    this.#heldBytes -= open.bytes
    open.held = undefined
    open.bytes = 0
  }

  #drop(subject: string): void {
    const open = this.#open.get(subject)
    if (open === undefined) return
    this.#heldBytes -= open.bytes
    this.#open.delete(subject)
  }
}
