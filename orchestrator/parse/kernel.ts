/** What a format's kernel does for FragmentParser: bytes to rows, record by record. */
export interface Kernel {
  /** Bytes that have to be free behind the input: sentinels, and what a fast grammar may look at too far. */
  readonly spare: number
  /** A new fragment begins. */
  begin(): void
  /**
   * Parses the whole records of b[from, n) and returns the start of the first that is not whole. `isFinal`: nothing
   * comes behind `n`. `isDoubtful`: some record holds bytes that are no UTF-8; find it.
   */
  parse(b: Buffer, from: number, n: number, isFinal: boolean, isDoubtful: boolean): number
  /** The record at `from` is longer than may be held: begins to pass over it, with all of b[from, n). */
  startSkip(b: Uint8Array, from: number, n: number): void
  /** Goes on to pass over it; the place behind its end, or -1. */
  skip(b: Uint8Array, from: number, n: number): number
  /** The fragment ends inside of a record that is passed over. */
  endSkip(): void
}
