/** Reads Avro's binary encoding in a range of bytes, and passes over what nobody wants without decoding it. */
import { FragmentError } from '../../errors.ts'
import { BRANCH, COUNTED, ENTRIES, ITEMS, type Type, VARINT } from './types.ts'

/** What stands there cannot be; whoever knows where makes the fragment's error of it. */
export class Broken extends Error {}

/** It goes on behind the end. */
export class Short extends Broken {
  constructor() {
    super('it goes on behind the end')
  }
}

const NOTHING = new Uint8Array(0)
/** Values inside of values, but for a last field, as in a linked list: that takes no stack. */
const MAX_DEPTH = 1000

export class Cursor {
  b: Uint8Array = NOTHING
  /** The next byte. */
  p = 0
  end = 0
  /** What `long` has read when it gave NaN. */
  big = 0n
  /** Where the block of items ends that `items` has begun; -1 when its writer did not say. */
  until = -1
  private view: DataView = new DataView(NOTHING.buffer)
  private depth = 0

  open(b: Uint8Array, start: number, end: number): void {
    if (b !== this.b) this.view = new DataView(b.buffer, b.byteOffset, b.length)
    this.b = b
    this.p = start
    this.end = end
    this.depth = 0
  }

  /** Lets go of the bytes. */
  close(): void {
    this.open(NOTHING, 0, 0)
  }

  /** An int or long; NaN when it lies beyond 2^53, and then it is in `big`. */
  long(): number {
    const { b } = this
    let { p } = this
    let byte = b[p++]!
    let low = byte & 127
    if (byte >= 128) {
      byte = b[p++]!
      low |= (byte & 127) << 7
      if (byte >= 128) {
        byte = b[p++]!
        low |= (byte & 127) << 14
        if (byte >= 128) {
          byte = b[p++]!
          low |= (byte & 127) << 21
          if (byte >= 128) return this.longer(p, low)
        }
      }
    }
    if (p > this.end) throw new Short()
    this.p = p
    return low & 1 ? -(low >>> 1) - 1 : low >>> 1
  }

  /** The same of more than 28 bits. */
  private longer(start: number, low: number): number {
    const { b } = this
    let p = start
    let high = 0
    let top = 0
    let byte = 128
    for (let shift = 0; shift < 28 && byte >= 128; shift += 7) {
      byte = b[p++]!
      high |= (byte & 127) << shift
    }
    for (let shift = 0; shift < 14 && byte >= 128; shift += 7) {
      byte = b[p++]!
      top |= (byte & 127) << shift
    }
    if (p > this.end) throw new Short()
    // 28 and 28 bits leave 8 of 64.
    if (byte >= 128 || top > 255) throw new Broken('a number of more than 64 bits')
    this.p = p
    if (top === 0 && high < 1 << 26) {
      const half = (low >>> 1) + high * 2 ** 27
      return low & 1 ? -half - 1 : half
    }
    const unsigned = BigInt(low) | (BigInt(high) << 28n) | (BigInt(top) << 56n)
    this.big = (unsigned >> 1n) ^ -(unsigned & 1n)
    return Number.NaN
  }

  /** What `long` gave, for a message. */
  exact(n: number): number | bigint {
    return Number.isNaN(n) ? this.big : n
  }

  int(): number {
    const n = this.long()
    if (n === (n | 0)) return n
    throw new Broken(`an int of ${this.exact(n)}`)
  }

  boolean(): boolean {
    const byte = this.b[this.take(1)]!
    if (byte > 1) throw new Broken(`a boolean of ${byte}`)
    return byte === 1
  }

  float(): number {
    return this.view.getFloat32(this.take(4), true)
  }

  double(): number {
    return this.view.getFloat64(this.take(8), true)
  }

  /** How long the bytes or the text is that follows. */
  length(): number {
    const n = this.long()
    if (n >= 0 && n <= this.end - this.p) return n
    throw new Broken(`a length of ${this.exact(n)}, with ${this.end - this.p} bytes left`)
  }

  /** Which of so many symbols or branches. */
  index(of: number): number {
    const n = this.long()
    if (n >= 0 && n < of) return n
    throw new Broken(`number ${this.exact(n)} of ${of}`)
  }

  /** Moves on by so many bytes; where they begin. */
  take(bytes: number): number {
    const at = this.p
    if (bytes > this.end - at) throw new Short()
    this.p = at + bytes
    return at
  }

  /** How many items follow in an array or map, until `until` if that is known; 0 behind the last. */
  items(width: number): number {
    let n = this.long()
    this.until = -1
    if (n < 0) {
      n = -n
      this.until = this.length() + this.p
    }
    if (n === 0) return 0
    if (!(n <= this.end - this.p)) throw new Broken(`${this.exact(n)} items, with ${this.end - this.p} bytes left`)
    // Five bytes made five million nulls in 0.2 s (measured): what takes no bytes has no bound.
    if (width === 0) throw new FragmentError('fragment.unsupported', `an array of ${n} items that take no bytes each`)
    return n
  }

  /** Behind the last item of a block that was to end at `until`. */
  closeItems(until: number): void {
    if (until >= 0 && this.p !== until) throw new Broken('items that do not end where their block does')
  }

  /** Takes the key of a map's entry; which of those it is. */
  key<T extends { key: Uint8Array }>(of: readonly T[]): T | undefined {
    const length = this.length()
    const start = this.take(length)
    return of.find(({ key }) => key.length === length && key.every((byte, at) => byte === this.b[start + at]))
  }

  /** Passes over a value. */
  skip(given: Type): void {
    let type = given
    if (++this.depth > MAX_DEPTH) throw tooDeep()
    for (;;) {
      if (type.width >= 0) this.take(type.width)
      else if (type.way === VARINT) this.long()
      else if (type.way === COUNTED) this.take(this.length())
      else if (type.way === ITEMS) this.skipItems(type.items!, false)
      else if (type.way === ENTRIES) this.skipItems(type.items!, true)
      else if (type.way === BRANCH) {
        type = type.branches[this.index(type.branches.length)]!
        continue
      } else {
        const { steps } = type
        const last = steps.length - 1
        for (let k = 0; k < last; k++) this.skip(steps[k]!)
        type = steps[last]!
        continue
      }
      this.depth--
      return
    }
  }

  private skipItems(type: Type, hasKeys: boolean): void {
    for (;;) {
      const n = this.items(hasKeys ? 1 : type.width)
      if (n === 0) return
      if (this.until >= 0) this.p = this.until
      else if (!hasKeys && type.width > 0) this.take(n * type.width)
      else
        for (let k = 0; k < n; k++) {
          if (hasKeys) this.take(this.length())
          this.skip(type)
        }
    }
  }
}

function tooDeep(): FragmentError {
  return new FragmentError('fragment.limit', `a record whose values are nested deeper than ${MAX_DEPTH}`)
}
