/** Logical types: one that its base type cannot carry, or that nobody knows, counts as not there, as Avro's rules say. */
import type { Kind, Logical } from './types.ts'

const ON_INT: Record<string, Logical> = {
  date: { kind: 'date' },
  'time-millis': { kind: 'time', digits: 3 },
}

const ON_LONG: Record<string, Logical> = {
  'time-micros': { kind: 'time', digits: 6 },
  'timestamp-millis': { kind: 'timestamp', digits: 3, isLocal: false },
  'timestamp-micros': { kind: 'timestamp', digits: 6, isLocal: false },
  'timestamp-nanos': { kind: 'timestamp', digits: 9, isLocal: false },
  'local-timestamp-millis': { kind: 'timestamp', digits: 3, isLocal: true },
  'local-timestamp-micros': { kind: 'timestamp', digits: 6, isLocal: true },
  'local-timestamp-nanos': { kind: 'timestamp', digits: 9, isLocal: true },
}

/** What the attributes of a schema make of its base type; `size`: of a fixed one. */
export function logicalOf(kind: Kind, size: number, given: Record<string, unknown>): Logical | undefined {
  const { logicalType } = given
  if (typeof logicalType !== 'string') return undefined
  if (kind === 'int') return entry(ON_INT, logicalType)
  if (kind === 'long') return entry(ON_LONG, logicalType)
  if (logicalType === 'decimal' && (kind === 'bytes' || kind === 'fixed')) return decimal(kind, size, given)
  if (logicalType === 'uuid' && (kind === 'string' || (kind === 'fixed' && size === 16))) return { kind: 'uuid' }
  return undefined
}

function entry(of: Record<string, Logical>, name: string): Logical | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined
}

function decimal(kind: Kind, size: number, { precision, scale = 0 }: Record<string, unknown>): Logical | undefined {
  if (!Number.isSafeInteger(precision) || !Number.isSafeInteger(scale)) return undefined
  const [digits, fraction] = [precision as number, scale as number]
  // A fixed of n bytes holds numbers below 2^(8n − 1).
  const most = kind === 'fixed' ? Math.floor(Math.log10(2) * (8 * size - 1)) : Number.POSITIVE_INFINITY
  if (digits < 1 || digits > most || fraction < 0 || fraction > digits) return undefined
  return { kind: 'decimal', precision: digits, scale: fraction }
}
