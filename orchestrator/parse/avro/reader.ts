/**
 * `type: avro`: container files to rows.
 *
 *   bytes ▸ header ▸ schema ▸ where the columns lie in a record
 *         ▸ block ▸ decompressed ▸ record ▸ record ▸ … ▸ rows
 *
 * One block is in memory, as stored and as decompressed; its rows leave while it is read (promise 5).
 */
import type { Column } from '../../connector/definition.ts'
import { FragmentError, messageOf } from '../../errors.ts'
import type { ProgramColumn } from '../program.ts'
import type { Rows } from '../rows.ts'
import type { Reader, Room } from '../stage.ts'
import { TypedRows } from '../typed-rows.ts'
import { type Codec, codecOf } from './codecs.ts'
import { type Block, Container, MAX_BLOCK_BYTES } from './container.ts'
import { Broken, Cursor } from './cursor.ts'
import { deriveColumns } from './derive.ts'
import type { Header } from './header.ts'
import { layOut } from './layout.ts'
import { Plans } from './plans.ts'
import { AvroRecord } from './record.ts'
import { parseSchema } from './schema.ts'
import { nameOf, type Type } from './types.ts'

/** What is read and made until the room for it is asked for. */
const ROOM_BYTES = 256 * 1024
/** A larger one is not kept for the next file: what is made of it takes many times its size. */
const KEPT_SCHEMA_BYTES = 1024 * 1024

/** A file's schema; kept, as the next file mostly has the same. */
interface Schema {
  text: Uint8Array
  root: Type
  columns: Column[] | undefined
}

/** The schema for the columns, kept likewise. */
interface Prepared {
  columns: ProgramColumn[]
  record: AvroRecord
  typed: TypedRows
  unknown: string[]
}

export class AvroReader implements Reader {
  private readonly rows: Rows
  private readonly room: Room
  private readonly container = new Container()
  private readonly cursor = new Cursor()
  private schema: Schema | undefined
  private prepared: Prepared | undefined
  private codec: Codec | undefined
  private isOpen = false
  /** Records of the block under way that were not read yet. */
  private left = 0
  private count = 0
  /** Bytes of all blocks, as decompressed. */
  private bytes = 0

  constructor(rows: Rows, room: Room) {
    this.rows = rows
    this.room = room
  }

  begin(): void {
    this.container.begin()
    this.isOpen = false
    this.left = 0
    this.bytes = 0
  }

  push(chunk: Uint8Array): void | Promise<void> {
    this.container.give(chunk)
    return this.read(false)
  }

  end(): void | Promise<void> {
    const reading = this.read(true)
    return reading ? reading.then(() => this.checkEnd()) : this.checkEnd()
  }

  close(): void {
    this.container.close()
    this.cursor.close()
    if (this.schema && this.schema.text.length > KEPT_SCHEMA_BYTES) {
      this.schema = undefined
      this.prepared = undefined
    }
  }

  private checkEnd(): void {
    if (!this.rows.truncated) this.container.end()
  }

  private read(isFinal: boolean): void | Promise<void> {
    const waiting = this.step(isFinal)
    if (waiting) return this.readOn(waiting, isFinal)
  }

  private async readOn(first: Promise<void>, isFinal: boolean): Promise<void> {
    for (let waiting: void | Promise<void> = first; waiting; waiting = this.step(isFinal)) await waiting
  }

  /** Reads what is there; a promise: to be called again behind it. */
  private step(isFinal: boolean): void | Promise<void> {
    if (!this.isOpen) {
      const header = this.container.header(isFinal)
      if (!header) return
      this.isOpen = true
      const opening = this.open(header)
      if (opening) return opening
    }
    while (!this.rows.truncated) {
      if (this.left === 0) {
        const block = this.container.block()
        if (!block) return
        this.openBlock(block)
      }
      const waiting = this.records()
      if (waiting) return waiting
    }
  }

  private open({ schema, codec: name }: Header): void | Promise<void> {
    const codec = codecOf(name)
    if (codec instanceof Promise) return codec.then((loaded) => this.openWith(loaded, schema))
    this.openWith(codec, schema)
  }

  private openWith(codec: Codec | undefined, text: Uint8Array): void {
    const { rows } = this
    this.codec = codec
    if (!this.schema || Buffer.compare(this.schema.text, text) !== 0) {
      this.schema = { text, root: checkedRoot(parseSchema(text)), columns: undefined }
      this.prepared = undefined
    }
    const { schema } = this
    rows.adopt(() => {
      schema.columns ??= deriveColumns(schema.root)
      return schema.columns
    })
    if (this.prepared?.columns !== rows.program.columns) this.prepared = this.prepare(schema.root)
    rows.unknown = this.prepared.unknown
  }

  private prepare(root: Type): Prepared {
    const { rows, cursor } = this
    const { columns } = rows.program
    const plans = new Plans()
    const layout = layOut(root, columns, plans)
    const typed = new TypedRows(rows)
    const record = new AvroRecord(layout, plans, cursor, typed.values, rows)
    return { columns, record, typed, unknown: layout.unknown }
  }

  private openBlock({ b, start, end, count, offset }: Block): void {
    const { cursor, codec } = this
    if (codec && end > start) {
      const made = this.decompressed(codec, b.subarray(start, end))
      cursor.open(new Uint8Array(made.buffer, made.byteOffset, made.length), 0, made.length)
    } else cursor.open(b, start, end)
    const bytes = cursor.end - cursor.p
    this.bytes += bytes
    const { fragmentBytes } = this.rows.program
    if (this.bytes > fragmentBytes) {
      throw new FragmentError(
        'fragment.limit',
        `decompressed, the fragment is larger than limits.fragment_bytes, ${fragmentBytes} bytes`,
      )
    }
    // No record is without a byte.
    if (count > bytes) throw this.broken(`it says that it has ${count} records, in ${bytes} bytes`)
    this.prepared!.record.offset = offset
    this.left = count
    this.count = count
  }

  private decompressed(codec: Codec, block: Uint8Array): Uint8Array {
    try {
      return codec(block)
    } catch (error) {
      if (!(error instanceof RangeError)) throw this.broken(`it cannot be decompressed: ${messageOf(error, 200)}`)
      throw new FragmentError(
        'fragment.limit',
        `${this.container.place()} becomes larger than ${MAX_BLOCK_BYTES} bytes, more than is taken: have the writer make smaller blocks`,
      )
    }
  }

  /** The records that are left of the block; a promise: to be called again behind it. */
  private records(): void | Promise<void> {
    const { cursor } = this
    const { out } = this.rows
    const { record, typed } = this.prepared!
    let mark = out.length + cursor.p
    try {
      while (this.left > 0) {
        record.begin()
        if (!typed.take(record)) return
        record.leave()
        this.left--
        // Behind the last one it is asked for in any case.
        if (this.left > 0 && out.length + cursor.p - mark >= ROOM_BYTES) {
          const waiting = this.room()
          if (waiting) return waiting
          mark = out.length + cursor.p
        }
      }
    } catch (error) {
      if (error instanceof Broken) throw this.broken(`record ${this.count - this.left + 1} in it: ${error.message}`)
      throw error
    }
    if (cursor.p !== cursor.end) throw this.broken(`${cursor.end - cursor.p} bytes are left behind its records`)
    return this.room()
  }

  private broken(what: string): FragmentError {
    return new FragmentError('fragment.container', `${this.container.place()}: ${what}; the file is damaged`)
  }
}

function checkedRoot(root: Type): Type {
  const isRecords =
    root.kind === 'record' || (root.kind === 'union' && root.branches.every(({ kind }) => kind === 'record'))
  if (isRecords && root.width !== 0) return root
  throw new FragmentError(
    'fragment.unsupported',
    `the file holds values of the type ${nameOf(root)}${isRecords ? ', which take no bytes' : ''}; only records can be rows`,
  )
}
