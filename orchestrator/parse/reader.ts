/** Grammars that a column brings along: formats and time zones of its own, words of its own. */
import type { ProgramValue } from './program.ts'
import { timesOf } from './time-reader.ts'
import { WordReader } from './word-reader.ts'

export interface Reader {
  /**
   * Where the value that begins at b[i] ends, at a byte for which `ends` is not 0; -1: none that is sure to be good. What has
   * to be trimmed is not.
   */
  read(b: Uint8Array, i: number, ends: Uint8Array): number
  /** Writes the value read last as NDJSON; the new end. */
  write(bytes: Uint8Array, o: number): number
}

/** undefined for values that have no more than the grammar of their type; made anew at each call. */
export function readerOf(value: ProgramValue): Reader | undefined {
  const { kind } = value.type
  if (kind === 'date' || kind === 'timestamp') return timesOf(value)
  return value.words && new WordReader(value.words, value.trim)
}
