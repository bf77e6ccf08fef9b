/** Sizes and shares as people write them: `1GiB`, `500MB`, `65536`; `20%`, `2.5%`. */

const UNITS: Record<string, number> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

/** Bytes, or undefined when `value` is no size. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const found = /^(\d{1,15}(?:\.\d{1,6})?) ?([KMGT]i?B|B)?$/.exec(value)
  if (!found) return undefined
  const bytes = Math.round(Number(found[1]) * UNITS[found[2] ?? 'B']!)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** 0…100, or undefined when `text` is no percentage. */
export function parsePercent(text: string): number | undefined {
  const found = /^(\d{1,3}(?:\.\d{1,4})?) ?%$/.exec(text)
  const percent = found ? Number(found[1]) : Number.NaN
  return percent >= 0 && percent <= 100 ? percent : undefined
}
