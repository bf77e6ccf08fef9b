import { randomFillSync } from 'node:crypto'
import type { FragmentEnd, FragmentToPublish, FragmentToRetract, Receipt } from '../refresh/ports.ts'
import { attemptLines, frameLines, type Lines, markerLines, rejectsLines, tombstoneLines } from './frame.ts'
import { Item } from './item.ts'
import { encodeRejects } from './rejects.ts'
import { fragmentToken, type Subjects } from './subject.ts'

export interface Origin {
  subjects: Subjects
  refresh: string
  traceId: string
  maxRowBytes: number
}

export interface Frame {
  bytes: Uint8Array
  rows: number
}

const EMPTY = new Uint8Array(0)

/** One publication of one version: makes the items that go into batches, and the receipt when it counts. */
export class Attempt {
  readonly fragment: FragmentToPublish
  readonly generation: number
  readonly subject: string
  readonly #origin: Origin
  readonly #token: string
  readonly #lines: Lines
  readonly #traceparent: string
  #frames = 0
  #rows = 0

  constructor(origin: Origin, fragment: FragmentToPublish, generation: number) {
    this.fragment = fragment
    this.generation = generation
    this.#origin = origin
    this.#token = fragmentToken(fragment.name)
    this.subject = origin.subjects.rows(this.#token)
    this.#traceparent = traceparent(origin.traceId)
    this.#lines = attemptLines({
      name: fragment.name,
      generation,
      version: fragment.version,
      schema: fragment.schema,
      refresh: origin.refresh,
      traceparent: this.#traceparent,
    })
  }

  /** The next frames as an item; with `end` the last of them is the marker. */
  item(frames: Frame[], place: { expected: number; firstSequence: number | undefined }, end?: FragmentEnd): Item {
    const firstFrame = this.#frames
    const outgoing = frames.map((frame, index) => {
      let lines = this.#lines + frameLines(this.#frames, this.#rows)
      this.#frames++
      this.#rows += frame.rows
      if (end && index === frames.length - 1) lines += this.#marker(end, place.firstSequence)
      return { lines, data: frame.bytes }
    })
    if (end && this.#rows !== end.rows)
      throw new Error(
        `fragment ${this.fragment.name}: ${this.#rows} rows were written, but the parser counts ${end.rows}`,
      )
    return new Item({
      name: this.fragment.name,
      subject: this.subject,
      ingest: this.#origin.subjects.ingest(this.subject),
      generation: this.generation,
      expected: place.expected,
      firstFrame,
      frames: outgoing,
      marker: end !== undefined,
      // Parts must leave the old version in place until the new one is whole.
      rollUp: firstFrame === 0 && end !== undefined,
      rejects: end && this.#rejects(end),
    })
  }

  receipt(end: FragmentEnd, sequence: number, firstSequence: number): Receipt {
    const { name, fingerprint, version, schema } = this.fragment
    return {
      kind: 'commit',
      name,
      fingerprint,
      version,
      schema,
      generation: this.generation,
      sequence,
      firstSequence,
      frames: this.#frames,
      rows: end.rows,
      rejected: end.rejected,
      bytes: end.bytes,
      crc32: end.crc32 >>> 0,
      refresh: this.#origin.refresh,
    }
  }

  #marker(end: FragmentEnd, firstSequence: number | undefined): Lines {
    return markerLines({
      fingerprint: this.fragment.fingerprint,
      frames: this.#frames,
      rows: end.rows,
      rejected: end.rejected,
      bytes: end.bytes,
      crc32: end.crc32,
      firstSequence,
    })
  }

  #rejects(end: FragmentEnd) {
    if (end.rejected === 0 && !this.fragment.hadRejects) return undefined
    const { name, version } = this.fragment
    const lines = rejectsLines(
      { name, generation: this.generation, version, refresh: this.#origin.refresh, traceparent: this.#traceparent },
      false,
    )
    const subject = this.#origin.subjects.ingest(this.#origin.subjects.rejects(this.#token))
    return { subject, lines, data: encodeRejects(end.rejects, this.#origin.maxRowBytes) }
  }
}

/** The tombstone of a vanished fragment: one message that replaces its rows and goes by itself after 30 days. */
export function tombstone(origin: Origin, fragment: FragmentToRetract, generation: number): Item {
  const token = fragmentToken(fragment.name)
  const { subjects, refresh } = origin
  const subject = subjects.rows(token)
  const identity = { name: fragment.name, generation, refresh, traceparent: traceparent(origin.traceId) }
  return new Item({
    name: fragment.name,
    subject,
    ingest: subjects.ingest(subject),
    generation,
    expected: fragment.tailSequence,
    firstFrame: 0,
    frames: [{ lines: tombstoneLines(identity), data: EMPTY }],
    marker: true,
    rollUp: true,
    rejects: fragment.hadRejects
      ? {
          subject: subjects.ingest(subjects.rejects(token)),
          lines: rejectsLines({ ...identity, version: '' }, true),
          data: EMPTY,
        }
      : undefined,
  })
}

export function tombstoneReceipt(origin: Origin, name: string, item: Item): Receipt {
  return {
    kind: 'retract',
    name,
    fingerprint: '',
    version: '',
    schema: '',
    generation: item.spec.generation,
    sequence: item.last,
    firstSequence: item.last,
    frames: 1,
    rows: 0,
    rejected: 0,
    bytes: 0,
    crc32: 0,
    refresh: origin.refresh,
  }
}

const random = Buffer.alloc(8 * 512)
let used = random.length

/** Flag 00: no span is recorded under this id yet, and the server's own tracing stays off. */
export function traceparent(traceId: string): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  used += 8
  return `00-${traceId}-${random.toString('hex', used - 8, used)}-00`
}
