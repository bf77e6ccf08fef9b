/**
 * Compressed bytes to bytes: the first step of a fragment, when its first bytes or its parser's settings say so.
 *
 * Native codecs work in threads of their own: while one piece is parsed the next is made.
 */
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import type { Compression } from '../connector/definition.ts'
import { FragmentError } from '../errors.ts'
import type { Room, Stage } from './stage.ts'

export type Codec = Exclude<Compression, 'auto' | 'none'>

/** The default of 16 KiB halves the speed (measured). */
const CHUNK = { chunkSize: 256 * 1024 }

const STREAMS: Partial<Record<Codec, () => Transform>> = {
  gzip: () => createGunzip(CHUNK),
  zlib: () => createInflate(CHUNK),
  zstd: () => createZstdDecompress(CHUNK),
  brotli: () => createBrotliDecompress(CHUNK),
}

const MAGIC: [codec: Codec, bytes: number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
]

/** The codec that `head` is the beginning of; 'more' while that is open; undefined for none. */
export function detect(head: Uint8Array, isFinal: boolean): Codec | 'more' | undefined {
  let isOpen = false
  for (const [codec, bytes] of MAGIC) {
    if (bytes.every((byte, at) => at >= head.length || head[at] === byte)) {
      if (head.length >= bytes.length) return codec
      isOpen = true
    }
  }
  return isOpen && !isFinal ? 'more' : undefined
}

/** The step that decompresses for `next`. */
export function decompress(codec: Codec, next: Stage, room: Room): Stage {
  return new StreamStage(codec, STREAMS[codec]!(), next, room)
}

class StreamStage implements Stage {
  private readonly codec: Codec
  private readonly stream: Transform
  private readonly next: Stage
  private readonly room: Room
  private error: Error | undefined
  private hasEnded = false
  private wake: () => void = () => {}

  constructor(codec: Codec, stream: Transform, next: Stage, room: Room) {
    this.codec = codec
    this.stream = stream
    this.next = next
    this.room = room
    stream.on('readable', () => this.wake())
    stream.on('end', () => {
      this.hasEnded = true
      this.wake()
    })
    stream.on('error', (error) => {
      this.error = error
      this.wake()
    })
  }

  async push(chunk: Uint8Array): Promise<void> {
    let isTaken = false
    this.stream.write(chunk, () => {
      isTaken = true
      this.wake()
    })
    await this.drain(() => isTaken)
  }

  async end(): Promise<void> {
    this.stream.end()
    await this.drain(() => this.hasEnded)
    await this.next.end()
  }

  close(): void {
    this.stream.destroy()
    this.next.close()
  }

  /** Hands on what comes out, until `isDone` and nothing is left. */
  private async drain(isDone: () => boolean): Promise<void> {
    for (;;) {
      const part = this.stream.read() as Uint8Array | null
      if (part) {
        await this.next.push(part)
        await this.room()
      } else if (this.error) {
        throw new FragmentError('fragment.container', `no valid ${this.codec}: ${this.error.message}`)
      } else if (isDone()) return
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
    }
  }
}
