/** The words of a warning: what was seen, what follows from it, what to do. */
import type { WarningCode } from '../errors.ts'
import type { Listing, Three } from './listings.ts'

export interface ListingWarning {
  code: WarningCode
  /** What was seen, and what follows from it. */
  message: string
  /** What to do. */
  cure: string
  /** Some of the fragments it is about, and how many they are. */
  fragments: string[]
  count: number
}

type When = 'each listing' | 'each process'

const SHOWN = 3

const NAME = 'Name a fragment after its object: a path, a key, an id.'
const FINGERPRINT =
  'Make a fingerprint of what changes with the object: a modification time, an ETag, a version, a hash of its bytes.'

/** Numbers of `enumerate` in names or fingerprints, at these places of the listing. */
export function counts(what: 'names' | 'fingerprints', listing: Listing, places: number[]): ListingWarning {
  const [names, shown] = [listing.names, listing[what]].map((texts) => places.slice(0, SHOWN).map((at) => texts[at]!))
  const seen = `${what} count the items of the listing (${shown!.map(quoted).join(', ')}: enumerate)`
  const effect =
    what === 'names'
      ? 'with an item more at its head every name moves to another object, and all are read again.'
      : 'a changed object keeps its fingerprint and is not read; with an item more at the head all are read again.'
  return warning('list.order_dependent', `${seen}: ${effect}`, what === 'names' ? NAME : FINGERPRINT, {
    fragments: names!,
    count: places.length,
  })
}

/** The order changed, and names or fingerprints stayed where they were. */
export function follows(what: 'names' | 'fingerprints', { first, again, elsewhere }: Three): ListingWarning {
  const key = what === 'names' ? 'fingerprints' : 'names'
  const movedIn = (other: Listing) => first[key].flatMap((text, at) => (text === other[key][at] ? [] : [at]))
  const other = movedIn(again).length > 0 ? again : elsewhere
  const moved = movedIn(other)
  const at = moved[0]!
  const [name, fingerprint] = [quoted(first.names[at]!), quoted(first.fingerprints[at]!)]
  const seen =
    what === 'names'
      ? `${name} had the fingerprint ${fingerprint}, then ${quoted(other.fingerprints[at]!)}, which was another's before`
      : `item ${at + 1} was ${name}, then ${quoted(other.names[at]!)}, and its fingerprint stayed ${fingerprint}`
  const message = `${what} follow the order of the listing, which is not the same each time: ${seen}.`
  return warning('list.order_dependent', message, what === 'names' ? NAME : FINGERPRINT, {
    fragments: moved.map((place) => first.names[place]!),
    count: moved.length,
  })
}

export function unstableNames(when: When, { first, again, elsewhere }: Three): ListingWarning {
  const other = when === 'each listing' ? again : elsewhere
  const seen = `${quoted(first.names[0]!)}, then ${quoted(other.names[0]!)}, with the same fingerprints`
  const message = `names are others in ${when}: ${seen}. Each refresh would retract all fragments and read all again.`
  const cure =
    when === 'each listing'
      ? `${NAME} What does not last, as a signed address, belongs into a key of its own.`
      : `${SALT} ${NAME}`
  return warning('list.unstable_name', message, cure, { fragments: first.names, count: first.names.length })
}

/** `fragments`: those whose bytes were the same each time. `count`: all whose fingerprints differ. */
export function unstableFingerprints(when: When, three: Three, fragments: string[], count: number): ListingWarning {
  const name = fragments[0]!
  const of = (listing: Listing) => quoted(listing.fingerprints[listing.names.indexOf(name)]!)
  const other = when === 'each listing' ? three.again : three.elsewhere
  const seen = `${quoted(name)} had ${of(three.first)}, then ${of(other)}, though the bytes read are the same`
  const message = `fingerprints are others in ${when}: ${seen}. Each refresh would read what has not changed.`
  const cure =
    when === 'each listing'
      ? `${FINGERPRINT} Not of the time of the listing, a random number, or an id of the answer.`
      : `${SALT} Use hashlib.sha256(text.encode()).hexdigest(), or zlib.crc32.`
  return warning('list.unstable_fingerprint', message, cure, { fragments, count })
}

const SALT =
  "Python's hash() is salted anew in each process; id(), and what is random at import or in context(), are others in each, too."

function warning(
  code: WarningCode,
  message: string,
  cure: string,
  { fragments, count }: { fragments: string[]; count: number },
): ListingWarning {
  return { code, message, cure, fragments: fragments.slice(0, SHOWN), count }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text)
}
