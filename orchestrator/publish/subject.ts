import { hash } from 'node:crypto'

/** Names of streams and subjects (delivery.md section 2). Subscribers see only `rows.<connector>.>`. */

const LITERAL = /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** 26 characters of base32 hold 130 bits of the SHA-256. */
const HASH_CHARACTERS = 26
const SLUG_CHARACTERS = 32

/**
 * The subject token of a fragment: its own name where that is a plain token, else `<slug>=<hash>`. No plain token
 * contains `=`, so the two forms never collide; two names with one slug differ in the hash.
 */
export function fragmentToken(name: string): string {
  if (LITERAL.test(name)) return name
  // Tokens that begin with `_` are Rowcast's own, so a name that does gives a slug that does not.
  const slug = Array.from(name.slice(0, 2 * SLUG_CHARACTERS))
    .slice(0, SLUG_CHARACTERS)
    .join('')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^_/, '-')
  return `${slug}=${base32(hash('sha256', name, 'buffer'), HASH_CHARACTERS)}`
}

/** Lower-case RFC 4648 base32 without padding, cut to `length` characters. */
function base32(bytes: Uint8Array, length: number): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5 && text.length < length) {
      bits -= 5
      text += BASE32[(held >> bits) & 31]
    }
    if (text.length === length) break
  }
  return text
}

export interface Subjects {
  stream: string
  /** Everything that readers may see. */
  all: string
  /** Every fragment, nothing else. */
  fragments: string
  lease: string
  batch: string
  /** `token` → public subject of a fragment. */
  rows(token: string): string
  /** `token` → public subject of a fragment's rejects. */
  rejects(token: string): string
  schema(id: string): string
  refreshDone: string
  /** Public name → the private one it is published under. */
  ingest(publicName: string): string
}

export function subjectsOf(connector: string): Subjects {
  const rows = `rows.${connector}.`
  const control = `_rowcast.ctl.${connector}.`
  return {
    stream: streamName(connector),
    all: `${rows}>`,
    fragments: `${rows}*`,
    lease: `${control}lease`,
    batch: `${control}batch`,
    rows: (token) => rows + token,
    rejects: (token) => `${rows}_rejects.${token}`,
    schema: (id) => `${rows}_schema.${id}`,
    refreshDone: `${rows}_refresh.done`,
    ingest: (name) => `_rowcast.in.${name.slice('rows.'.length)}`,
  }
}

export function streamName(connector: string): string {
  return `ROWS_${connector}`
}
