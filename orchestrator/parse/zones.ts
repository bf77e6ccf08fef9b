/**
 * Clocks of the world: how far east of UTC a local time is, by the database of Node's own Temporal.
 *
 *   local time   … standard ────────┤ gap ├──── summer ────────────┤──── standard …
 *                                    skipped       the last hour of it counts, its repetition does not: the earlier
 *
 * A zone is asked once per stretch of local time without a transition (two a year): 4 µs then, a comparison after that.
 */

/** The offset of a local time that the clock skips. */
export const GAP = 2_000_000

export interface Zone {
  readonly name: string
  /** Seconds east of UTC at the second of the local day (both as of a clock there), or GAP. */
  offset(days: number, second: number): number
}

const DAY_SECONDS = 86_400
/** Kept stretches of a zone: 60 years of two transitions and a gap each. */
const MAX_STRETCHES = 256

class Fixed implements Zone {
  readonly name: string
  private readonly seconds: number

  constructor(name: string, seconds: number) {
    this.name = name
    this.seconds = seconds
  }

  offset(): number {
    return this.seconds
  }
}

export const UTC: Zone = new Fixed('UTC', 0)

/** Local seconds since 1970 from `from` until before `to`. */
interface Stretch {
  from: number
  to: number
  offset: number
}

class Named implements Zone {
  readonly name: string
  /** In order; not all there are. */
  private stretches: Stretch[] = []
  private last: Stretch = { from: 0, to: 0, offset: GAP }

  constructor(name: string) {
    this.name = name
  }

  offset(days: number, second: number): number {
    const local = days * DAY_SECONDS + second
    const { last } = this
    if (local >= last.from && local < last.to) return last.offset
    this.last = this.find(local)
    return this.last.offset
  }

  private find(local: number): Stretch {
    const { stretches } = this
    let [low, high] = [0, stretches.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (stretches[middle]!.to <= local) low = middle + 1
      else high = middle
    }
    const found = stretches[low]
    if (found && found.from <= local) return found
    // Far more than data has: hostile, and still right.
    if (stretches.length >= MAX_STRETCHES) {
      this.stretches = []
      low = 0
    }
    const asked = stretchAt(this.name, local)
    this.stretches.splice(low, 0, asked)
    return asked
  }
}

/** The stretch, or the gap, that a local second lies in. */
function stretchAt(name: string, local: number): Stretch {
  // No clock is a day off: this instant is before the wanted one, and, at half a second, in no transition itself.
  let here = Temporal.Instant.fromEpochMilliseconds((local - DAY_SECONDS) * 1000 + 500).toZonedDateTimeISO(name)
  let offset = secondsOf(here)
  const before = here.getTimeZoneTransition('previous')
  // After a step back the repeated time still belongs to the stretch before.
  let from = before ? instantOf(before) + Math.max(offset, secondsOf(before.subtract({ seconds: 1 }))) : -Infinity
  for (;;) {
    const next = here.getTimeZoneTransition('next')
    const to = next ? instantOf(next) + offset : Infinity
    if (local < to) return { from, to, offset }
    const nextOffset = secondsOf(next!)
    from = instantOf(next!) + Math.max(offset, nextOffset)
    if (local < from) return { from: to, to: from, offset: GAP }
    here = next!
    offset = nextOffset
  }
}

const secondsOf = (time: Temporal.ZonedDateTime) => time.offsetNanoseconds / 1e9
const instantOf = (time: Temporal.ZonedDateTime) => time.epochMilliseconds / 1000

const zones = new Map<string, Zone>([['utc', UTC]])

/** `UTC`, `+01:00` or an IANA name in any case; undefined when there is no such zone. Known ones are kept: there are 600. */
export function zoneOf(name: string): Zone | undefined {
  const key = name.toLowerCase()
  const known = zones.get(key)
  if (known) return known
  const zone = /^[-+]/.test(name) ? fixed(name) : named(name)
  if (zone) zones.set(key, zone)
  return zone
}

function fixed(name: string): Zone | undefined {
  const found = /^([-+])([01]\d|2[0-3]):([0-5]\d)$/.exec(name)
  if (!found) return undefined
  const seconds = Number(found[2]) * 3600 + Number(found[3]) * 60
  return new Fixed(name, found[1] === '-' ? -seconds : seconds)
}

function named(name: string): Zone | undefined {
  try {
    const { timeZoneId } = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    // Temporal takes "T12Z" for a zone too.
    return timeZoneId.toLowerCase() === name.toLowerCase() ? new Named(timeZoneId) : undefined
  } catch {
    return undefined
  }
}
