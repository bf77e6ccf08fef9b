/**
 * One step of a fragment's bytes on their way to rows: decompress ▸ to UTF-8 ▸ read.
 *
 * What a step is given it may keep: nothing is written over, but a view holds the whole message that it is part of.
 */
export interface Stage {
  /** The next bytes, never none. A promise: the next call has to wait for it. */
  push(chunk: Uint8Array): void | Promise<void>
  /** There are no more. */
  end(): void | Promise<void>
  /** Gives back what it holds (a file, a stream); nothing is called after it. */
  close(): void
}

/** The last step, which makes rows; used for one fragment after the other. */
export interface Reader extends Stage {
  begin(): void
}

/**
 * What a step has to ask when a little input can become much output: after each 256 KiB or so of what it made.
 *
 * A promise: the consumer is behind, go on when it resolves (promise 5). Throws, or rejects, when nobody wants the
 * fragment any more.
 */
export type Room = () => void | Promise<void>
