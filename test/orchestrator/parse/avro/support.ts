/** Avro files made in the test: records by avsc, containers by hand so that they can be wrong in any way. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { crc32, deflateRawSync, zstdCompressSync } from 'node:zlib'
import avsc from 'avsc'
import { compressSync } from 'snappy'
import type { Connector } from '../../../../orchestrator/connector/definition.ts'
import { connector, type Words } from '../support.ts'

export const PYTHON = fileURLToPath(new URL('../../../../executor/.venv/bin/python', import.meta.url))
export const MARKER = Buffer.from('0123456789abcdef')

/** A connector that reads Avro; without columns they come from the file. */
export function avro(columns: Words['columns'] = [], more: Partial<Words> = {}): Connector {
  return connector({ parser: { type: 'avro' }, columns, ...more })
}

export type Codec = 'null' | 'deflate' | 'zstandard' | 'snappy' | 'bzip2'
export const CODECS: Codec[] = ['null', 'deflate', 'zstandard', 'snappy', 'bzip2']

export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'null':
      return bytes
    case 'deflate':
      return deflateRawSync(bytes)
    case 'zstandard':
      return zstdCompressSync(bytes)
    case 'snappy': {
      const sum = Buffer.alloc(4)
      sum.writeUInt32BE(crc32(bytes))
      return Buffer.concat([compressSync(Buffer.from(bytes)), sum])
    }
    case 'bzip2':
      return python('import bz2,sys; sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read()))', [], bytes)
  }
}

/** What a Python program, or the program in that file, writes to its standard output. */
export function python(program: string, args: string[] = [], input: Uint8Array = Buffer.alloc(0)): Buffer {
  const call = program.endsWith('.py') ? [program, ...args] : ['-c', program, ...args]
  const { status, stdout, stderr } = spawnSync(PYTHON, call, { input, maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(stderr.toString())
  return stdout
}

/** A number as Avro writes it. */
export function varint(value: number | bigint): Buffer {
  const given = BigInt(value)
  let left = BigInt.asUintN(64, (given << 1n) ^ (given >> 63n))
  const bytes: number[] = []
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128)
  return Buffer.from([...bytes, Number(left)])
}

/** Text, or bytes, behind its length. */
export function counted(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array)
  return Buffer.concat([varint(bytes.length), bytes])
}

/** The header of a file; `schema` as JSON, or as it is to stand there. */
export function header(schema: unknown, codec = 'null', more: Record<string, string> = {}): Buffer {
  const text = typeof schema === 'string' && /^\s*[[{"]/.test(schema) ? schema : JSON.stringify(schema)
  const entries = Object.entries({ 'avro.schema': text, 'avro.codec': codec, ...more })
  const metadata = entries.flatMap(([key, value]) => [counted(key), counted(value)])
  return Buffer.concat([Buffer.from('Obj\u0001'), varint(entries.length), ...metadata, varint(0), MARKER])
}

export function block(count: number | bigint, bytes: Uint8Array, size: number | bigint = bytes.length): Buffer {
  return Buffer.concat([varint(count), varint(size), bytes, MARKER])
}

/** Longs as bigints, so that the test itself loses none. */
const LONG = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
})

/** avsc's type of a schema: unions wrapped, as in `{string: 'a'}`. */
export function avscType(schema: unknown): avsc.Type {
  return avsc.Type.forSchema(
    structuredClone(schema) as avsc.Schema,
    {
      wrapUnions: true,
      typeHook: (each: avsc.Schema) =>
        each === 'long' || (typeof each === 'object' && 'type' in each && each.type === 'long') ? LONG : undefined,
    } as never,
  )
}

/** A file of those records, `perBlock` of them in each block. */
export function file(
  schema: unknown,
  records: unknown[],
  { codec = 'null', perBlock = 100 }: { codec?: Codec; perBlock?: number } = {},
): Buffer {
  const type = avscType(schema)
  const parts = [header(schema, codec)]
  for (let at = 0; at < records.length; at += perBlock) {
    const some = records.slice(at, at + perBlock)
    const bytes = Buffer.concat(some.map((record) => type.toBuffer(record)))
    parts.push(block(some.length, compress(codec, bytes)))
  }
  return Buffer.concat(parts)
}

export function record(fields: Record<string, unknown>, name = 'Row'): Record<string, unknown> {
  return { type: 'record', name, fields: Object.entries(fields).map(([name, type]) => ({ name, type })) }
}
