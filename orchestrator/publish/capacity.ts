import { LinkError } from '../errors.ts'
import type { Bus } from './bus.ts'
import { streamFull } from './recover.ts'
import { type StreamInfo, streamInfo } from './stream.ts'

/** A message's headers and the store's own record around them. */
const MESSAGE_OVERHEAD = 700

/**
 * Row batches stop short of `max_bytes`: on a completely full stream tombstones, the lease and schemas would be refused
 * too, and nothing could make room any more.
 */
export class Capacity {
  readonly #bus: Bus
  readonly #stream: string
  readonly maxBytes: number
  #used: number

  constructor(bus: Bus, stream: string, info: StreamInfo) {
    this.#bus = bus
    this.#stream = stream
    this.maxBytes = info.config.max_bytes ?? 0
    this.#used = info.state.bytes
  }

  /** Throws `stream.full` when these rows would enter the reserve. */
  async claim(batch: { bytes: number; messages: number }): Promise<void> {
    const more = batch.bytes + batch.messages * MESSAGE_OVERHEAD
    if (this.#used + more > this.#limit) {
      // What was rolled up or purged since is not known here: ask.
      const info = await streamInfo(this.#bus, this.#stream)
      if (info === undefined)
        throw new LinkError('stream.lost', `stream ${this.#stream} was deleted; run \`rowcast state rebuild\``)
      this.#used = info.state.bytes
      if (this.#used + more > this.#limit) throw streamFull({ stream: this.#stream, maxBytes: this.maxBytes })
    }
    this.#used += more
  }

  /** 5 %, at least 64 MiB, of a small stream at most a quarter. */
  get #limit(): number {
    const reserve = Math.max(this.maxBytes * 0.05, Math.min(64 * 1024 ** 2, this.maxBytes / 4))
    return this.maxBytes - reserve
  }
}
