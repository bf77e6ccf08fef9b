/**
 * Bytes of a text format to its kernel: keeps the unfinished record between chunks, takes off the byte order mark, finds
 * bytes that are no UTF-8, passes over records too long to be held.
 *
 *   chunk ▸ work buffer behind the tail ▸ UTF-8? ▸ kernel.parse ▸ tail to the front
 *
 * The buffer is kept from fragment to fragment: a fresh one for each of many small ones cost more than parsing them.
 */
import { isUtf8 } from 'node:buffer'
import type { Kernel } from './kernel.ts'
import type { Rows } from './rows.ts'
import type { Reader } from './stage.ts'
import { wholeCharacters } from './tables.ts'

/** What stays allocated between fragments. */
const KEPT_BYTES = 1024 * 1024
/** Below this a tail is tried again with every chunk. */
const SMALL_TAIL = 4096

export class TextReader implements Reader {
  private readonly rows: Rows
  private readonly kernel: Kernel
  private work = Buffer.allocUnsafeSlow(64 * 1024)
  /** Bytes in `work`. */
  private n = 0
  /** Not to be tried again before `work` holds so many. */
  private retryAt = 0
  private isSkipping = false

  constructor(rows: Rows, kernel: Kernel) {
    this.rows = rows
    this.kernel = kernel
  }

  begin(): void {
    this.kernel.begin()
    this.n = 0
    this.retryAt = 0
    this.isSkipping = false
  }

  push(given: Uint8Array): void {
    const { rows, kernel } = this
    let chunk = given
    if (this.isSkipping) {
      const end = kernel.skip(chunk, 0, chunk.length)
      rows.base += end < 0 ? chunk.length : end
      if (end < 0) return
      this.isSkipping = false
      chunk = chunk.subarray(end)
    }
    const wanted = this.n + chunk.length
    if (wanted + kernel.spare > this.work.length) this.resize(Math.max(wanted + kernel.spare, this.work.length * 2))
    this.work.set(chunk, this.n)
    this.n = wanted
    if (wanted >= this.retryAt || wanted > rows.maxRecordBytes) this.run(false)
  }

  end(): void {
    if (this.isSkipping) this.kernel.endSkip()
    else this.run(true)
  }

  close(): void {
    this.n = 0
    if (this.work.length > KEPT_BYTES) this.work = Buffer.allocUnsafeSlow(KEPT_BYTES)
  }

  private run(isFinal: boolean): void {
    const { rows, kernel, work } = this
    let from = 0
    if (rows.base === 0) {
      from = markLength(work, this.n, isFinal)
      if (from < 0) return
    }
    const whole = isFinal ? this.n : wholeCharacters(work, from, this.n)
    const isDoubtful = !isUtf8(new Uint8Array(work.buffer, from, whole - from))
    const used = kernel.parse(work, from, this.n, isFinal, isDoubtful)
    if (rows.truncated) return
    if (this.n - used > rows.maxRecordBytes) {
      rows.rejectTooLong(used, work.subarray(used, this.n))
      kernel.startSkip(work, used, this.n)
      this.isSkipping = true
      rows.base += this.n
      this.n = 0
    } else {
      // Before the first byte of data the mark stays where it is: it is looked at again.
      const consumed = used === from ? 0 : used
      if (consumed > 0) work.copyWithin(0, consumed, this.n)
      this.n -= consumed
      rows.base += consumed
    }
    this.retryAt = this.n < SMALL_TAIL ? 0 : this.n + (this.n >> 1)
    if (work.length > KEPT_BYTES && this.n < KEPT_BYTES / 2) this.resize(KEPT_BYTES)
  }

  private resize(size: number): void {
    const work = Buffer.allocUnsafeSlow(size)
    work.set(this.work.subarray(0, this.n))
    this.work = work
  }
}

/** 3 when the fragment begins with a byte order mark, -1 while that is open. */
function markLength(b: Buffer, n: number, isFinal: boolean): number {
  const mark = [0xef, 0xbb, 0xbf]
  for (let i = 0; i < 3; i++) {
    if (i >= n) return isFinal ? 0 : -1
    if (b[i] !== mark[i]) return 0
  }
  return 3
}
