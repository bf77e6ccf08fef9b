/** What `timezone` says: UTC, an offset, or a name of the IANA database. */
import { didYouMean } from '../nearest.ts'

const OFFSET = /^[-+](?:[01]\d|2[0-3]):[0-5]\d$/
// Temporal takes more than names here: offsets, and whole ISO times with a zone in brackets.
const NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/

export const NAMED_ZONES_NEED = `time zones by name need Node 26, and this is Node ${process.versions.node}; write an offset, as in "+01:00"`

/** `UTC`, `+01:00` or `Europe/Berlin` as it is spelled there, or what is wrong with `text`. */
export function parseTimezone(text: string): { zone: string } | { problem: string } {
  if (/^(Z|(Etc\/)?(UTC|GMT))$/i.test(text)) return { zone: 'UTC' }
  if (OFFSET.test(text)) return { zone: /^.00:00$/.test(text) ? 'UTC' : text }
  if (NAME.test(text)) {
    if (!hasNamedZones()) return { problem: NAMED_ZONES_NEED }
    const zone = zoneName(text)
    if (zone !== undefined) return { zone }
  }
  const hint = didYouMean(text, Intl.supportedValuesOf('timeZone'))
  return {
    problem: `${JSON.stringify(text.slice(0, 60))} is no time zone; expected UTC, an offset, as in "+01:00", or a name, as in Europe/Berlin${hint}`,
  }
}

/** Node 24 has no Temporal, and half a time zone is none. */
export function hasNamedZones(): boolean {
  return 'Temporal' in globalThis
}

function zoneName(text: string): string | undefined {
  try {
    const { timeZoneId } = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text)
    return timeZoneId.toLowerCase() === text.toLowerCase() ? timeZoneId : undefined
  } catch {
    return undefined
  }
}
