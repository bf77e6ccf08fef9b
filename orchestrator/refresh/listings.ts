/**
 * What two or three listings of one source say about how its names and fingerprints are made. Pure.
 *
 * A source changes while it is looked at, so nothing here is called wrong because it differs: only what no change of a source
 * explains counts. A wrong warning is worse than none.
 */
import type { ListedItem } from './ports.ts'

/** Names and fingerprints in the order of a listing. */
export interface Listing {
  names: string[]
  fingerprints: string[]
}

export function toListing(items: Iterable<ListedItem>): Listing {
  const listing: Listing = { names: [], fingerprints: [] }
  for (const { name, fingerprint } of items) {
    listing.names.push(name)
    listing.fingerprints.push(fingerprint)
  }
  return listing
}

export function byName({ names, fingerprints }: Listing): Map<string, string> {
  return new Map(names.map((name, at) => [name, fingerprints[at]!]))
}

/** The same names with the same fingerprints, in whatever order. */
export function isSame(a: Listing, b: Listing): boolean {
  if (a.names.length !== b.names.length) return false
  const known = byName(a)
  return b.names.every((name, at) => known.get(name) === b.fingerprints[at])
}

/** Names that both have, with other fingerprints. */
export function differing(a: Listing, b: Listing): string[] {
  const known = byName(a)
  return b.names.filter((name, at) => known.has(name) && known.get(name) !== b.fingerprints[at])
}

export interface Counted {
  /** Where in the listing the numbers are. */
  names: number[]
  fingerprints: number[]
  /** The listings differ in nothing else. */
  isAll: boolean
}

/**
 * Compares with a listing whose `enumerate` was off by `step`: what holds a number that is off by exactly that much was made of
 * it. It may have counted something else, the lines of an object: so the numbers must go up along the listing.
 */
export function countedBy(step: number, plain: Listing, off: Listing): Counted {
  const length = Math.min(plain.names.length, off.names.length)
  const counted: Counted = { names: [], fingerprints: [], isAll: plain.names.length === off.names.length }
  const compare = (a: string[], b: string[]) => {
    const places: number[] = []
    const numbers: bigint[] = []
    for (let at = 0; at < length; at++) {
      if (a[at] === b[at]) continue
      const number = numberOff(step, a[at]!, b[at]!)
      if (number === undefined) counted.isAll = false
      else {
        places.push(at)
        numbers.push(number)
      }
    }
    return isCounting(numbers) ? places : []
  }
  counted.names = compare(plain.names, off.names)
  counted.fingerprints = compare(plain.fingerprints, off.fingerprints)
  return counted
}

/** One by one, for each prefix anew; or, where some were left out, just up: of five or more, that is no chance. */
function isCounting(numbers: bigint[]): boolean {
  const [start] = numbers
  const different = new Set(numbers).size
  if (start === undefined || different < 2) return false
  const isOneByOne = numbers.every((number, at) => at === 0 || number === numbers[at - 1]! + 1n || number === start)
  if (isOneByOne) return different > 2 || start === 0n || start === 1n
  return numbers.length >= 5 && numbers.every((number, at) => at === 0 || number > numbers[at - 1]!)
}

/** The number in `a`, when `b` is the same text with a number that is larger by `step` in its place. */
function numberOff(step: number, a: string, b: string): bigint | undefined {
  const [left, right] = [a.split(/(\d+)/), b.split(/(\d+)/)]
  if (left.length !== right.length) return undefined
  const places = left.flatMap((part, at) => (part === right[at] ? [] : [at]))
  const [at] = places
  if (places.length !== 1 || at === undefined || at % 2 === 0 || left[at]!.length > 30) return undefined
  const number = BigInt(left[at]!)
  return BigInt(right[at]!) - number === BigInt(step) ? number : undefined
}

/**
 * The order has changed, and names (or fingerprints) have not changed with it: they follow the position in the listing. No
 * source gives its objects one another's fingerprints; a few words like "active" may go around, so each must be unique.
 */
export function followsOrder(a: Listing, b: Listing): 'names' | 'fingerprints' | undefined {
  if (a.names.length < 3 || new Set(a.fingerprints).size < a.fingerprints.length) return undefined
  const [names, fingerprints] = [isEqual(a.names, b.names), isEqual(a.fingerprints, b.fingerprints)]
  if (names === fingerprints) return undefined
  if (names) return isEqual(a.fingerprints.toSorted(), b.fingerprints.toSorted()) ? 'names' : undefined
  const isPermuted = isEqual(a.names.toSorted(), b.names.toSorted())
  return isPermuted && !isSame(a, b) ? 'fingerprints' : undefined
}

/** Two listings of one process, and one of another. */
export interface Three {
  first: Listing
  again: Listing
  elsewhere: Listing
}

/**
 * Each time, or in each process, other names for what has the same fingerprints: none is ever listed twice. One fingerprint for
 * all says nothing: a window of time may have moved on.
 */
export function renames({ first, again, elsewhere }: Three): 'each listing' | 'each process' | undefined {
  if (new Set(first.fingerprints).size < 2) return undefined
  if (!isDisjoint(first, elsewhere) || !haveSameFingerprints(first, elsewhere)) return undefined
  if (isEqual(first.names.toSorted(), again.names.toSorted())) return 'each process'
  const isEach = isDisjoint(first, again) && isDisjoint(again, elsewhere) && haveSameFingerprints(first, again)
  return isEach ? 'each listing' : undefined
}

/** Whether a name's fingerprint is another in each listing, or in each process; undefined: the source may have changed. */
export function changes(name: string, { first, again, elsewhere }: Three): 'each listing' | 'each process' | undefined {
  const [a, b, c] = [first, again, elsewhere].map((listing) => listing.fingerprints[listing.names.indexOf(name)])
  if (a === undefined || b === undefined || c === undefined || a === c) return undefined
  if (a === b) return 'each process'
  return b === c ? undefined : 'each listing'
}

/** Holds a time of day, or seconds since 1970, that is within a few seconds of now: it may be the time of the listing. */
export function looksLikeNow(fingerprint: string, nowMs: number): boolean {
  const now = Math.floor(nowMs / 1000)
  for (const [digits] of fingerprint.matchAll(/\d+/g))
    if (digits.length === 10 && Math.abs(Number(digits) - now) <= NEAR_S) return true
  // Without the hour: in whatever time zone.
  for (const [, minute, second] of fingerprint.matchAll(/\d\d:(\d\d):(\d\d)/g)) {
    const apart = (Number(minute) * 60 + Number(second) - now) % 3600
    if (Math.min(Math.abs(apart), 3600 - Math.abs(apart)) <= NEAR_S) return true
  }
  return false
}

const NEAR_S = 5

function isEqual(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at])
}

function isDisjoint(a: Listing, b: Listing): boolean {
  const names = new Set(a.names)
  return !b.names.some((name) => names.has(name))
}

function haveSameFingerprints(a: Listing, b: Listing): boolean {
  return isEqual(a.fingerprints.toSorted(), b.fingerprints.toSorted())
}
