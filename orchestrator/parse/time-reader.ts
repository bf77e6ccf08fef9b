/**
 * Texts of a date or timestamp column to what is published: the column's formats one after the other, its time zone, the
 * years 0001 to 9999. The kernels use it over bytes where ISO and UTC are not enough, the slow path for any text.
 */
import type { Format } from '../connector/format.ts'
import { Moment, NO_OFFSET } from './moment.ts'
import type { ProgramValue } from './program.ts'
import type { Reader } from './reader.ts'
import { isSpace, LF } from './tables.ts'
import { FixedPattern, placesOf } from './time-fixed.ts'
import { Epoch, type Form, isoDate, isoTimestamp } from './time-forms.ts'
import { Pattern } from './time-pattern.ts'
import { GAP, UTC, type Zone, zoneOf } from './zones.ts'

/** Why a text was refused: no format fits · outside of what can be published · skipped by the zone's clock. */
export type Refusal = 'value' | 'range' | 'gap'

/** Bytes of the longest text: what the longest format fits, and digits enough. */
const MAX_TEXT = 400
const TEXT_END = new Uint8Array(256)
TEXT_END[LF] = 1
/** For one text at a time, of whatever column. */
const given = Buffer.alloc(MAX_TEXT * 3 + 1)
const written = Buffer.alloc(40)

export class TimeReader implements Reader {
  /** Of the text that was refused last. */
  refusal: Refusal = 'value'
  /** The zone whose clock skipped it. */
  zone: Zone
  private readonly moment = new Moment()
  private readonly forms: Form[]
  private readonly isDate: boolean
  private readonly trims: boolean
  private readonly ownZone: Zone

  constructor({ type, formats, timezone, point, trim }: ProgramValue) {
    this.isDate = type.kind === 'date'
    this.trims = trim
    this.forms = formats.map((format) => formOf(format, this.isDate, point))
    const zone = zoneOf(timezone)
    if (!zone) throw new TypeError(`no time zone ${timezone}`)
    this.zone = this.ownZone = zone
  }

  read(b: Uint8Array, i: number, ends: Uint8Array): number {
    const { forms, moment } = this
    this.refusal = 'value'
    for (let k = 0; k < forms.length; k++) {
      const end = forms[k]!.read(b, i, moment)
      if (end < 0 || end - i > MAX_TEXT || ends[b[end]!] === 0) continue
      if (this.trims && (isSpace(b[i]!) || isSpace(b[end - 1]!))) continue
      const refusal = this.isDate ? undefined : this.settle()
      if (refusal === undefined) return end
      this.refusal = refusal
      // Seconds may be too many as milliseconds are; but a local time that was never is one.
      if (refusal === 'gap') return -1
    }
    return -1
  }

  write(bytes: Uint8Array, o: number): number {
    return this.isDate ? this.moment.writeDate(bytes, o) : this.moment.writeTimestamp(bytes, o)
  }

  /** NDJSON of a whole text, or why there is none. */
  text(text: string): string | undefined {
    this.refusal = 'value'
    if (text.length > MAX_TEXT || text.includes('\n')) return undefined
    const length = given.write(text)
    given[length] = LF
    if (this.read(given, 0, TEXT_END) !== length) return undefined
    return written.toString('latin1', 0, this.write(written, 0))
  }

  /** To UTC. */
  private settle(): Refusal | undefined {
    const { moment } = this
    if (moment.isTooFine || moment.year === 0) return 'range'
    let { offset } = moment
    if (offset === NO_OFFSET) {
      const zone = moment.zone ?? this.ownZone
      if (zone === UTC) return undefined
      offset = zone.offset(moment.days(), moment.secondOfDay())
      if (offset === GAP) {
        this.zone = zone
        return 'gap'
      }
    }
    return moment.toUtc(offset) ? undefined : 'range'
  }
}

function formOf(format: Format, isDate: boolean, point: number): Form {
  switch (format.kind) {
    case 'iso':
      return isDate ? isoDate : isoTimestamp
    case 'epoch':
      return new Epoch(format.digits, point)
    case 'pattern': {
      const places = placesOf(format.steps)
      return places ? new FixedPattern(places) : new Pattern(format.steps)
    }
  }
}

const readers = new WeakMap<ProgramValue, TimeReader>()

/** The reader of a date or timestamp. */
export function timesOf(value: ProgramValue): TimeReader {
  let reader = readers.get(value)
  if (!reader) {
    reader = new TimeReader(value)
    readers.set(value, reader)
  }
  return reader
}

const isos = new WeakMap<ProgramValue, ProgramValue>()

/** The same for ISO texts that we write ourselves: the column's formats are those of its own texts. */
export function asIso(value: ProgramValue): ProgramValue {
  let found = isos.get(value)
  if (!found) {
    found = { ...value, formats: [{ kind: 'iso' }], trim: false }
    isos.set(value, found)
  }
  return found
}
