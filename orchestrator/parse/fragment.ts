/**
 * One fragment after the other through one kernel: keeps the unfinished record between chunks, takes off the byte order
 * mark, watches sizes, and turns whatever goes wrong into the fragment's error.
 *
 *   chunk ▸ work buffer behind the tail ▸ UTF-8? ▸ kernel.parse ▸ tail to the front
 *
 * Buffers are kept from fragment to fragment: a fresh parser for each of many small ones cost more than parsing them.
 */
import { isUtf8 } from 'node:buffer'
import { FragmentError, messageOf } from '../errors.ts'
import { JsonKernel } from './json.ts'
import type { Kernel } from './kernel.ts'
import type { Output } from './output.ts'
import type { Program } from './program.ts'
import { type Limits, Rows } from './rows.ts'
import { wholeCharacters } from './tables.ts'
import { XsvKernel } from './xsv.ts'

/** What stays allocated between fragments. */
const KEPT_BYTES = 1024 * 1024
/** Below this a tail is tried again with every chunk. */
const SMALL_TAIL = 4096

export class FragmentParser {
  private readonly rows: Rows
  private readonly kernel: Kernel
  private readonly fragmentBytes: number
  private work = Buffer.allocUnsafeSlow(64 * 1024)
  /** Bytes in `work`. */
  private n = 0
  /** Not to be tried again before `work` holds so many. */
  private retryAt = 0
  private received = 0
  private isSkipping = false
  private isOpen = false

  constructor(program: Program, out: Output, limits: Limits) {
    this.rows = new Rows(program, out)
    this.rows.configure(limits)
    this.kernel = program.parser.type === 'xsv' ? new XsvKernel(this.rows) : new JsonKernel(this.rows)
    this.fragmentBytes = program.fragmentBytes
  }

  begin(fragment: number): void {
    this.rows.begin(fragment)
    this.kernel.begin()
    this.n = 0
    this.retryAt = 0
    this.received = 0
    this.isSkipping = false
    this.isOpen = true
  }

  /** The same fragment, with other limits: they belong to the job. */
  configure(limits: Limits): void {
    this.rows.configure(limits)
  }

  /** A new message begins, the last one ended inside of this fragment. */
  resume(): void {
    if (this.isOpen) this.rows.resume()
  }

  suspend(): void {
    if (this.isOpen) this.rows.suspend()
  }

  /** Forgets the fragment; nothing more comes out for it. */
  drop(): void {
    if (!this.isOpen) return
    this.rows.out.length = this.rows.frameStart
    this.close()
  }

  /** Takes the next bytes. Once the fragment has failed or was cut they are ignored. */
  push(chunk: Uint8Array): void {
    if (!this.isOpen || chunk.length === 0) return
    try {
      this.take(chunk)
      if (this.rows.truncated) this.finish()
    } catch (error) {
      this.fail(error)
    }
  }

  end(): void {
    if (!this.isOpen) return
    try {
      if (this.isSkipping) this.kernel.endSkip()
      else this.run(true)
      this.finish()
    } catch (error) {
      this.fail(error)
    }
  }

  private take(given: Uint8Array): void {
    const { rows, kernel } = this
    let chunk = given
    this.received += chunk.length
    if (this.received > this.fragmentBytes) {
      throw new FragmentError(
        'fragment.limit',
        `the fragment is larger than limits.fragment_bytes, ${this.fragmentBytes} bytes`,
      )
    }
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

  private finish(): void {
    this.rows.finish()
    this.close()
  }

  private fail(error: unknown): void {
    const { rows } = this
    const { code, message } =
      error instanceof FragmentError
        ? { code: error.code as 'fragment.value', message: error.message }
        : {
            code: 'fragment.internal' as const,
            message: `the parser failed, which is a fault of Rowcast: ${messageOf(error)}`,
          }
    rows.out.length = rows.frameStart
    rows.out.failed(rows.fragment, { code, message })
    this.close()
  }

  private close(): void {
    this.isOpen = false
    this.n = 0
    if (this.work.length > KEPT_BYTES) this.work = Buffer.allocUnsafeSlow(KEPT_BYTES)
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
