/**
 * A container file's bytes, as they come, to its header and whole blocks.
 *
 *   header ▸ block ▸ block ▸ …      block: count, size, bytes, marker
 *
 * A block that lies in one chunk is handed out where it lies; one that is spread over several is gathered, so that no more
 * than one is in memory (promise 5). A file that ends anywhere but behind a block was cut off.
 */
import { FragmentError } from '../../errors.ts'
import { Broken, Cursor } from './cursor.ts'
import { type Header, MARKER_BYTES, readHeader } from './header.ts'

/** Bytes of a block, as stored and as decompressed. Writers make them of 16 KiB to a few MiB. */
export const MAX_BLOCK_BYTES = 64 * 1024 * 1024
/** Two numbers. */
const MAX_HEAD_BYTES = 20
/** What stays allocated from fragment to fragment. */
const KEPT_BYTES = 1024 * 1024
/** A header up to this size is tried again with every chunk. */
const SMALL_HEADER = 4096

const NOTHING = new Uint8Array(0)

export interface Block {
  /** It is b[start, end); good until the next one is asked for. */
  b: Uint8Array
  start: number
  end: number
  /** Records in it. */
  count: number
  /** Which one it is, from 1, and where it begins in the fragment. */
  number: number
  offset: number
}

export class Container {
  private chunk: Uint8Array = NOTHING
  /** The next byte of `chunk`, and where its first one is in the fragment. */
  private at = 0
  private base = 0
  private marker: Uint8Array | undefined
  /** Bytes of the header, or of a block's two numbers, that the end of a chunk has cut. */
  private held: Uint8Array = NOTHING
  private heldBytes = 0
  private retryAt = 0
  private readonly numbers = new Cursor()
  /** The block under way; `count` is -1 between two. */
  private count = -1
  private size = 0
  private offset = 0
  private number = 0
  /** What was gathered of it. */
  private body: Uint8Array = NOTHING
  private bodyBytes = 0

  begin(): void {
    this.close()
    this.base = 0
    this.marker = undefined
    this.retryAt = 0
    this.count = -1
    this.number = 0
    this.bodyBytes = 0
  }

  close(): void {
    this.chunk = NOTHING
    this.at = 0
    this.held = NOTHING
    this.heldBytes = 0
    this.numbers.close()
    if (this.body.length > KEPT_BYTES) this.body = NOTHING
  }

  /** The next bytes; all that came before was taken. */
  give(chunk: Uint8Array): void {
    this.base += this.chunk.length
    this.chunk = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
    this.at = 0
  }

  /** The header, once; undefined: it needs more bytes. */
  header(isFinal: boolean): Header | undefined {
    this.hold()
    if (this.heldBytes < this.retryAt && !isFinal) return undefined
    const held = this.held.subarray(0, this.heldBytes)
    const header = readHeader(held, isFinal)
    if (!header) {
      this.retryAt = this.heldBytes < SMALL_HEADER ? 0 : this.heldBytes + (this.heldBytes >> 1)
      return undefined
    }
    this.marker = header.marker
    this.base = 0
    this.chunk = held
    this.at = header.length
    this.held = NOTHING
    this.heldBytes = 0
    return header
  }

  /** The next whole block; undefined: it needs more bytes. */
  block(): Block | undefined {
    if (this.count < 0 && !this.head()) return undefined
    const { chunk, at } = this
    const wanted = this.size + MARKER_BYTES
    if (this.bodyBytes === 0 && chunk.length - at >= wanted) {
      this.at += wanted
      return this.whole(chunk, at)
    }
    if (this.body.length < wanted) this.body = new Uint8Array(Buffer.allocUnsafeSlow(wanted).buffer)
    const part = Math.min(wanted - this.bodyBytes, chunk.length - at)
    this.body.set(chunk.subarray(at, at + part), this.bodyBytes)
    this.bodyBytes += part
    this.at += part
    if (this.bodyBytes < wanted) return undefined
    this.bodyBytes = 0
    return this.whole(this.body, 0)
  }

  /** There are no more bytes. FragmentError `fragment.truncated` unless a block has just ended, or nothing ever came. */
  end(): void {
    const { count, heldBytes, bodyBytes } = this
    if (!this.marker && heldBytes > 0) throw cut(`inside of its header, behind ${heldBytes} bytes`)
    if (count >= 0) throw cut(`inside of ${this.place()}: ${bodyBytes} of ${this.size + MARKER_BYTES} bytes are there`)
    if (this.marker && heldBytes > 0) throw cut(`at the beginning of ${this.place()}`)
  }

  /** As messages name the block under way, or the one that was handed out last. */
  place(): string {
    return `block ${this.number} (at byte ${this.offset})`
  }

  /** Reads the two numbers that a block begins with; false: they need more bytes. */
  private head(): boolean {
    const { chunk, at, heldBytes, numbers } = this
    if (at === chunk.length) return false
    if (heldBytes === 0) {
      this.number++
      this.offset = this.base + at
      numbers.open(chunk, at, chunk.length)
    } else {
      const b = new Uint8Array(heldBytes + Math.min(chunk.length, MAX_HEAD_BYTES))
      b.set(this.held.subarray(0, heldBytes))
      b.set(chunk.subarray(0, b.length - heldBytes), heldBytes)
      numbers.open(b, 0, b.length)
    }
    if (!hasNumbers(numbers)) {
      this.hold()
      return false
    }
    const start = numbers.p
    this.readNumbers()
    this.at += numbers.p - start - heldBytes
    this.heldBytes = 0
    return true
  }

  private readNumbers(): void {
    const { numbers } = this
    try {
      const count = numbers.long()
      const records = numbers.exact(count)
      const size = numbers.long()
      if (count === -40 && size === 49) {
        // As numbers that is what "Ob" says.
        throw new Broken('another file seems to begin here; each file has to be a fragment of its own')
      }
      if (!(count >= 0) || !(size >= 0))
        throw new Broken(`no block has ${records} records in ${numbers.exact(size)} bytes`)
      this.count = count
      this.size = size
    } catch (error) {
      throw new FragmentError('fragment.container', `${this.place()}: ${(error as Error).message}`)
    }
    if (this.size <= MAX_BLOCK_BYTES) return
    throw new FragmentError(
      'fragment.limit',
      `${this.place()} has ${this.size} bytes; at most ${MAX_BLOCK_BYTES} are taken: have the writer make smaller blocks`,
    )
  }

  private whole(b: Uint8Array, start: number): Block {
    const { count, number, offset } = this
    const end = start + this.size
    this.count = -1
    for (let k = 0; k < MARKER_BYTES; k++) {
      if (b[end + k] !== this.marker![k]) {
        throw new FragmentError(
          'fragment.container',
          `${this.place()}: the marker behind it is not the file's own; the file is damaged`,
        )
      }
    }
    return { b, start, end, count, number, offset }
  }

  /** Keeps the rest of the chunk. */
  private hold(): void {
    const { chunk, at, heldBytes } = this
    const rest = chunk.subarray(at)
    if (heldBytes + rest.length > this.held.length) {
      const larger = new Uint8Array(Math.max(heldBytes * 2, heldBytes + rest.length))
      larger.set(this.held.subarray(0, heldBytes))
      this.held = larger
    }
    this.held.set(rest, heldBytes)
    this.heldBytes += rest.length
    this.at = chunk.length
  }
}

/** Whether two numbers stand there, or more bytes than those can have. */
function hasNumbers({ b, p, end }: Cursor): boolean {
  let numbers = 0
  for (let k = p; k < end; k++) {
    if (b[k]! < 128) numbers++
    if (numbers === 2 || k - p + 1 === MAX_HEAD_BYTES) return true
  }
  return false
}

function cut(where: string): FragmentError {
  return new FragmentError('fragment.truncated', `the Avro file ends ${where}: it was cut off`)
}
