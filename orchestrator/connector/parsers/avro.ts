/** `type: avro`: container files; what is in them they say themselves. */
import * as z from 'zod'
import type { AvroOptions } from '../definition.ts'
import { decoding } from './shared.ts'

export const avro = z.strictObject({ type: z.literal('avro'), compression: decoding.compression })

export function avroOptions({ compression }: z.output<typeof avro>): AvroOptions {
  return { type: 'avro', compression }
}
