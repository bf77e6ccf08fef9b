/** Zones as texts name them, over bytes: offsets, names of the IANA database, and the few abbreviations that mean one thing. */
import type { Moment } from './moment.ts'
import { bytesOf } from './tables.ts'
import { UTC, type Zone, zoneOf } from './zones.ts'

const PLUS = 43
const MINUS = 45
const LETTER_Z = 90

/** How an offset is written: a Z for UTC may stand there; minutes are there always, or may be; a colon before them. */
export const WITH_Z = 1
export const MINUTES = 2
export const COLON = 4

/** The end of an offset of at most 23:59 hours, or -1. */
export function readOffset(b: Uint8Array, start: number, style: number, moment: Moment): number {
  let i = start
  const sign = b[i++]!
  if (sign === LETTER_Z && (style & WITH_Z) !== 0) {
    moment.offset = 0
    return i
  }
  if (sign !== PLUS && sign !== MINUS) return -1
  const hours = twoDigits(b, i)
  if (hours < 0 || hours > 23) return -1
  i += 2
  let minutes = 0
  if ((style & COLON) === 0 || b[i++] === 58) minutes = twoDigits(b, i)
  else return -1
  if (minutes >= 0) i += 2
  else if ((style & MINUTES) === 0) minutes = 0
  if (minutes < 0 || minutes > 59) return -1
  const seconds = hours * 3600 + minutes * 60
  moment.offset = sign === MINUS ? -seconds : seconds
  return i
}

function twoDigits(b: Uint8Array, i: number): number {
  const tens = b[i]! - 48
  const ones = b[i + 1]! - 48
  return tens >>> 0 > 9 || ones >>> 0 > 9 ? -1 : tens * 10 + ones
}

/** Bytes of which the name of a zone is made: letters, digits, and these. */
const NAME_BYTES: Uint8Array = nameBytes()
const MAX_NAME = 50

function nameBytes(): Uint8Array {
  const table = new Uint8Array(256)
  for (const byte of bytesOf('_/+-0123456789')) table[byte] = 1
  for (let letter = 65; letter <= 90; letter++) table[letter] = table[letter + 32] = 1
  return table
}

/** Reads names; the one that was read last is remembered, as the next value mostly has the same. */
export class ZoneNames {
  private name: Uint8Array = new Uint8Array(0)
  private zone: Zone = UTC

  /** The end of an IANA name, an offset with a colon, or Z; -1 when there is none, or no such zone. */
  read(b: Uint8Array, start: number, moment: Moment): number {
    const first = b[start]!
    if (first === PLUS || first === MINUS) return readOffset(b, start, MINUTES | COLON, moment)
    let end = start
    while (NAME_BYTES[b[end]!] === 1 && end - start <= MAX_NAME) end++
    if (end === start) return -1
    if (end - start === 1 && first === LETTER_Z) moment.zone = UTC
    else if (this.isLast(b, start, end)) moment.zone = this.zone
    else {
      const zone = zoneOf(Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('latin1'))
      if (!zone) return -1
      this.name = new Uint8Array(b.subarray(start, end))
      moment.zone = this.zone = zone
    }
    return end
  }

  private isLast(b: Uint8Array, start: number, end: number): boolean {
    const { name } = this
    if (name.length !== end - start) return false
    for (let k = 0; k < name.length; k++) if (name[k] !== b[start + k]) return false
    return true
  }
}

/** Hours east of UTC: those of RFC 5322, and of Europe. Others, as IST or BST, mean several zones and are none here. */
const ABBREVIATIONS = new Map(
  Object.entries({
    Z: 0,
    UT: 0,
    UTC: 0,
    GMT: 0,
    EST: -5,
    EDT: -4,
    CST: -6,
    CDT: -5,
    MST: -7,
    MDT: -6,
    PST: -8,
    PDT: -7,
    WET: 0,
    WEST: 1,
    CET: 1,
    CEST: 2,
    EET: 2,
    EEST: 3,
  }).map(([letters, hours]) => [bytesOf(letters).reduce(joined, 0), hours * 3600]),
)

function joined(letters: number, byte: number): number {
  return letters * 256 + (byte & 0xdf)
}

/** The end of an abbreviation in any case, or -1. */
export function readAbbreviation(b: Uint8Array, start: number, moment: Moment): number {
  let end = start
  let letters = 0
  while (end - start < 5 && ((b[end]! | 32) - 97) >>> 0 < 26) letters = joined(letters, b[end++]!)
  const offset = ABBREVIATIONS.get(letters)
  if (offset === undefined) return -1
  moment.offset = offset
  return end
}
