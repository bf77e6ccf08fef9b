/** The keys of the maps under way: tells when a map has one twice, which as JSON would hide one of its values. */

/** Up to so many are compared one by one. */
const FEW = 32

export class Keys {
  private starts = new Int32Array(64)
  private ends = new Int32Array(64)
  private count = 0
  /** The keys of larger maps, by where theirs begin here. */
  private readonly many = new Map<number, Set<string>>()

  clear(): void {
    this.count = 0
    this.many.clear()
  }

  /** A map begins; what it is to be named by. */
  open(): number {
    return this.count
  }

  close(map: number): void {
    this.count = map
    if (this.many.size > 0) this.many.delete(map)
  }

  /** Takes the key b[start, end) of the map; false when it has it already. */
  add(map: number, b: Uint8Array, start: number, end: number): boolean {
    const { starts, ends, count } = this
    if (count - map >= FEW) return this.addToMany(map, b, start, end)
    for (let k = map; k < count; k++)
      if (ends[k]! - starts[k]! === end - start && same(b, starts[k]!, start, end)) return false
    if (count === starts.length) this.grow()
    this.starts[count] = start
    this.ends[count] = end
    this.count++
    return true
  }

  private addToMany(map: number, b: Uint8Array, start: number, end: number): boolean {
    const { starts, ends, count, many } = this
    let keys = many.get(map)
    if (!keys) {
      keys = new Set()
      for (let k = map; k < count; k++) keys.add(text(b, starts[k]!, ends[k]!))
      many.set(map, keys)
    }
    return keys.size < keys.add(text(b, start, end)).size
  }

  private grow(): void {
    for (const which of ['starts', 'ends'] as const) {
      const larger = new Int32Array(this.count * 2)
      larger.set(this[which])
      this[which] = larger
    }
  }
}

/** The same bytes are the same text. */
function text(b: Uint8Array, start: number, end: number): string {
  return Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('latin1')
}

function same(b: Uint8Array, at: number, start: number, end: number): boolean {
  for (let k = start; k < end; k++) if (b[at + k - start] !== b[k]) return false
  return true
}
