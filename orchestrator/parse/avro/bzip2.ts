/**
 * A whole bzip2 stream to its bytes.
 *
 * Our own, as unbzip2-stream keeps each byte of a block as an element of an array before anybody can say that it is
 * enough: 50 bytes took 830 MB (measured), 210 here.
 */
import { Broken } from './cursor.ts'

const MAX_CODE_BITS = 20
const CODE_MASK = (1 << MAX_CODE_BITS) - 1
/** Symbols that one Huffman table decodes before the next one is chosen. */
const GROUP = 50
/** What follows on four equal bytes: how many more of them. */
const RUN = 4
/** Above the size of any block. */
const MAX_RUN = 1 << 21

/** Throws Broken when it is none, or damaged; RangeError when it would be larger than `most` bytes. */
export function bunzip2(input: Uint8Array, most: number): Uint8Array {
  const bits = new Bits(input)
  const out = new Out(most)
  if (bits.read(24) !== 0x425a68) throw new Broken('no bzip2')
  const level = bits.read(8) - 48
  if (level < 1 || level > 9) throw new Broken('no bzip2 of a known size')
  const block = new Sorted(level * 100_000)
  let sum = 0
  for (;;) {
    const mark = bits.read(24) * 2 ** 24 + bits.read(24)
    const expected = bits.word()
    if (mark === 0x177245385090) {
      if (expected !== sum) throw new Broken('its checksum is another')
      if (bits.left() > 0) throw new Broken('bytes behind its end')
      return out.bytes.subarray(0, out.length)
    }
    if (mark !== 0x314159265359) throw new Broken('no block of bzip2')
    if (bits.read(1) !== 0) throw new Broken('randomised, as no bzip2 of this century writes it')
    const origin = bits.read(24)
    readBlock(bits, block)
    if (origin >= block.length) throw new Broken('a block without its origin')
    out.sum = -1
    unsort(block, origin, out)
    if (~out.sum >>> 0 !== expected) throw new Broken('the checksum of a block is another')
    sum = (((sum << 1) | (sum >>> 31)) ^ expected) >>> 0
  }
}

class Bits {
  private readonly b: Uint8Array
  private at = 0
  private buffer = 0
  private have = 0

  constructor(b: Uint8Array) {
    this.b = b
  }

  /** The next bits, 24 at most. */
  read(count: number): number {
    while (this.have < count) {
      if (this.at === this.b.length) throw new Broken('cut off')
      this.buffer = (this.buffer << 8) | this.b[this.at++]!
      this.have += 8
    }
    this.have -= count
    return (this.buffer >>> this.have) & ((1 << count) - 1)
  }

  /** The next MAX_CODE_BITS, which stay; zeros behind the end. */
  peek(): number {
    while (this.have < MAX_CODE_BITS && this.at < this.b.length) {
      this.buffer = (this.buffer << 8) | this.b[this.at++]!
      this.have += 8
    }
    const { have, buffer } = this
    return (have < MAX_CODE_BITS ? buffer << (MAX_CODE_BITS - have) : buffer >>> (have - MAX_CODE_BITS)) & CODE_MASK
  }

  drop(count: number): void {
    if (count > this.have) throw new Broken('cut off')
    this.have -= count
  }

  word(): number {
    return this.read(16) * 65_536 + this.read(16)
  }

  /** Whole bytes. */
  left(): number {
    return this.b.length - this.at + (this.have >> 3)
  }
}

class Out {
  bytes = new Uint8Array(64 * 1024)
  length = 0
  /** Of the block under way. */
  sum = 0
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  add(byte: number, times: number): void {
    if (this.length + times > this.bytes.length) this.grow(times)
    for (let k = 0; k < times; k++) {
      this.bytes[this.length++] = byte
      this.sum = (this.sum << 8) ^ CRC[(this.sum >>> 24) ^ byte]!
    }
  }

  private grow(more: number): void {
    if (this.length + more > this.most) throw new RangeError('too large')
    const larger = new Uint8Array(Math.min(this.bytes.length * 2, this.most))
    larger.set(this.bytes)
    this.bytes = larger
  }
}

/** A block in the order that made it small: in each entry a byte, and above it where the next one is. */
class Sorted {
  entries = new Uint32Array(16 * 1024)
  length = 0
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  add(byte: number, times: number): void {
    const end = this.length + times
    if (end > this.entries.length) this.grow(end)
    if (times === 1) this.entries[this.length] = byte
    else this.entries.fill(byte, this.length, end)
    this.length = end
  }

  private grow(wanted: number): void {
    if (wanted > this.most) throw new Broken('a block larger than it may be')
    const larger = new Uint32Array(Math.min(Math.max(this.entries.length * 2, wanted), this.most))
    larger.set(this.entries)
    this.entries = larger
  }
}

/** The first byte's bit first. */
const CRC: Int32Array = crcTable()

function crcTable(): Int32Array {
  const table = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte << 24
    for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1
    table[byte] = sum
  }
  return table
}

/** Undoes Huffman's codes, the runs, and the moves to the front. */
function readBlock(bits: Bits, block: Sorted): void {
  const front = readSymbols(bits)
  const groups = bits.read(3)
  if (groups < 2 || groups > 6) throw new Broken('no number of Huffman tables')
  const selectors = readSelectors(bits, groups)
  const tables = Array.from({ length: groups }, () => new Table(bits, front.length + 2))
  const last = front.length + 1
  let table = tables[0]!
  let [group, left] = [0, 0]
  let [run, weight] = [0, 1]
  block.length = 0
  for (;;) {
    if (left-- === 0) {
      if (group === selectors.length) throw new Broken('a block without an end')
      table = tables[selectors[group++]!]!
      left = GROUP - 1
    }
    const symbol = table.next(bits)
    if (symbol < 2) {
      run += weight << symbol
      weight *= 2
      if (weight > MAX_RUN) throw new Broken('a run larger than a block')
      continue
    }
    if (run > 0) {
      block.add(front[0]!, run)
      run = 0
      weight = 1
    }
    if (symbol === last) return
    const byte = front[symbol - 1]!
    for (let k = symbol - 1; k > 0; k--) front[k] = front[k - 1]!
    front[0] = byte
    block.add(byte, 1)
  }
}

/** The bytes that occur. */
function readSymbols(bits: Bits): Uint8Array {
  const found: number[] = []
  const ranges = bits.read(16)
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue
    const used = bits.read(16)
    for (let k = 0; k < 16; k++) if ((used & (0x8000 >> k)) !== 0) found.push(range * 16 + k)
  }
  if (found.length === 0) throw new Broken('a block of no bytes')
  return Uint8Array.from(found)
}

function readSelectors(bits: Bits, groups: number): Uint8Array {
  const selectors = new Uint8Array(bits.read(15))
  const front = Uint8Array.from({ length: groups }, (_, k) => k)
  for (let at = 0; at < selectors.length; at++) {
    let k = 0
    while (bits.read(1) === 1) if (++k === groups) throw new Broken('no such Huffman table')
    const group = front[k]!
    front.copyWithin(1, 0, k)
    front[0] = group
    selectors[at] = group
  }
  return selectors
}

/** Huffman codes in order: those of one length follow each other. */
class Table {
  /** By length: the last code, filled up with ones; and the code of symbol number 0 if it had that length. */
  private readonly limits = new Int32Array(MAX_CODE_BITS + 1)
  private readonly bases = new Int32Array(MAX_CODE_BITS + 1)
  private readonly symbols: Uint16Array
  private readonly shortest: number

  constructor(bits: Bits, count: number) {
    const lengths = new Uint8Array(count)
    let length = bits.read(5)
    for (let symbol = 0; symbol < count; symbol++) {
      while (bits.read(1) === 1) {
        length += bits.read(1) === 1 ? -1 : 1
        if (length < 1 || length > MAX_CODE_BITS) throw new Broken('a code of no length')
      }
      if (length < 1 || length > MAX_CODE_BITS) throw new Broken('a code of no length')
      lengths[symbol] = length
    }
    this.symbols = new Uint16Array(count)
    this.shortest = lengths.reduce((least, length) => Math.min(least, length), MAX_CODE_BITS)
    let [code, at] = [0, 0]
    for (let length = this.shortest; length <= MAX_CODE_BITS; length++) {
      this.bases[length] = code - at
      for (let symbol = 0; symbol < count; symbol++) {
        if (lengths[symbol] !== length) continue
        this.symbols[at++] = symbol
        code++
      }
      this.limits[length] = code * 2 ** (MAX_CODE_BITS - length) - 1
      code *= 2
    }
  }

  next(bits: Bits): number {
    const { limits } = this
    const window = bits.peek()
    let length = this.shortest
    while (window > limits[length]!) if (++length > MAX_CODE_BITS) throw new Broken('a code that stands for nothing')
    bits.drop(length)
    const at = (window >>> (MAX_CODE_BITS - length)) - this.bases[length]!
    if (at < 0 || at >= this.symbols.length) throw new Broken('a code that stands for nothing')
    return this.symbols[at]!
  }
}

/** Undoes the sorting, and the runs that were shortened before it. */
function unsort({ entries: block, length }: Sorted, origin: number, out: Out): void {
  const starts = new Uint32Array(256)
  for (let k = 0; k < length; k++) starts[block[k]! & 255]!++
  let sum = 0
  for (let byte = 0; byte < 256; byte++) {
    const count = starts[byte]!
    starts[byte] = sum
    sum += count
  }
  // Above each byte goes where the one that follows it is.
  for (let k = 0; k < length; k++) block[starts[block[k]! & 255]!++]! |= k << 8
  let next = block[origin]! >>> 8
  let before = -1
  let equal = 0
  for (let k = 0; k < length; k++) {
    const entry = block[next]!
    next = entry >>> 8
    const byte = entry & 255
    if (equal === RUN) {
      out.add(before, byte)
      equal = 0
      before = -1
    } else {
      out.add(byte, 1)
      equal = byte === before ? equal + 1 : 1
      before = byte
    }
  }
}
