/**
 * One fragment after the other through one format: picks its steps by its first bytes, watches its size, and turns
 * whatever goes wrong into the fragment's error.
 *
 *   piece ▸ decompress ▸ to UTF-8 ▸ (count) ▸ reader ▸ rows
 */
import { FragmentError, messageOf } from '../errors.ts'
import { AvroReader } from './avro/reader.ts'
import { decompress, detect } from './decompress.ts'
import { GrokKernel } from './grok.ts'
import { JsonKernel } from './json.ts'
import type { Output } from './output.ts'
import type { Program } from './program.ts'
import { type Limits, Rows } from './rows.ts'
import type { Reader, Room, Stage } from './stage.ts'
import { TextReader } from './text-reader.ts'
import { type Engine, engine } from './wasm/engine.ts'
import { XsvKernel } from './xsv.ts'

const NOTHING = new Uint8Array(0)

/** Thrown to leave the steps before the reader: enough rows were seen. */
const ENOUGH = new Error('enough rows')

export class FragmentParser {
  private readonly rows: Rows
  private readonly reader: Reader
  private readonly gate: Stage
  private readonly program: Program
  private readonly room: Room
  /** The first step; undefined until the first bytes have told which. */
  private source: Stage | undefined
  private head: Uint8Array = NOTHING
  private received = 0
  private isOpen = false

  /** `wasm`: the compiled kernels, where there are any. */
  constructor(program: Program, out: Output, limits: Limits, room: Room, wasm: Engine | null = engine()) {
    this.program = program
    this.room = room
    this.rows = new Rows(program, out)
    this.rows.configure(limits)
    this.reader = readerOf(program, this.rows, room, wasm)
    this.gate = this.counted()
  }

  begin(fragment: number): void {
    this.rows.begin(fragment)
    this.reader.begin()
    this.source = undefined
    this.head = NOTHING
    this.received = 0
    this.isOpen = true
  }

  /** The same parser for another job: limits belong to the job. */
  configure(limits: Limits): void {
    this.rows.configure(limits)
  }

  /** A new answer begins, the last one ended inside of this fragment. */
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
  push(chunk: Uint8Array): void | Promise<void> {
    if (!this.isOpen || chunk.length === 0) return
    try {
      return this.take(chunk)?.catch((error) => this.fail(error))
    } catch (error) {
      this.fail(error)
    }
  }

  end(): void | Promise<void> {
    if (!this.isOpen) return
    try {
      const ending = this.last()
      if (!ending) return this.finish()
      return ending.then(() => this.finish()).catch((error) => this.fail(error))
    } catch (error) {
      this.fail(error)
    }
  }

  private take(chunk: Uint8Array): void | Promise<void> {
    if (this.source) return this.source.push(chunk)
    const head = this.head.length === 0 ? chunk : Buffer.concat([this.head, chunk])
    this.source = this.begun(head, false)
    if (this.source) return this.source.push(head)
    this.head = head
  }

  private last(): void | Promise<void> {
    if (this.source) return this.source.end()
    const { head } = this
    const source = this.begun(head, true)!
    this.source = source
    const pushing = head.length === 0 ? undefined : source.push(head)
    return pushing ? pushing.then(() => source.end()) : source.end()
  }

  /** The steps of a fragment that begins with `head`; undefined while that does not tell. */
  private begun(head: Uint8Array, isFinal: boolean): Stage | undefined {
    const { compression } = this.program
    const codec = compression === 'auto' ? detect(head, isFinal) : compression
    if (codec === 'more') return undefined
    return codec === undefined || codec === 'none' ? this.gate : decompress(codec, this.gate, this.room)
  }

  /** The reader, behind a gate that counts what reaches it and closes when it has seen enough. */
  private counted(): Stage {
    const { reader, rows } = this
    const { fragmentBytes } = this.program
    const after = () => {
      if (!rows.truncated) return
      this.finish()
      throw ENOUGH
    }
    return {
      push: (chunk) => {
        this.received += chunk.length
        if (this.received > fragmentBytes) {
          throw new FragmentError(
            'fragment.limit',
            `the fragment is larger than limits.fragment_bytes, ${fragmentBytes} bytes`,
          )
        }
        const reading = reader.push(chunk)
        return reading ? reading.then(after) : after()
      },
      end: () => reader.end(),
      close: () => reader.close(),
    }
  }

  private finish(): void {
    if (!this.isOpen) return
    this.rows.finish()
    this.close()
  }

  private fail(error: unknown): void {
    if (error === ENOUGH || !this.isOpen) return
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
    ;(this.source ?? this.gate).close()
  }
}

function readerOf(program: Program, rows: Rows, room: Room, wasm: Engine | null): Reader {
  switch (program.parser.type) {
    case 'xsv':
      return new TextReader(rows, new XsvKernel(rows, wasm))
    case 'json':
      return new TextReader(rows, new JsonKernel(rows, wasm))
    case 'grok':
      return new TextReader(rows, new GrokKernel(rows))
    case 'avro':
      return new AvroReader(rows, room)
  }
}
