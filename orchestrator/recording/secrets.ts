/**
 * Credentials in what would be stored, in the forms that the executor cuts out of logs (executor/rowcast/_child/redact.py; a test
 * compares the two). Promise 10: a recording is made to be committed.
 */

/** Shorter ones are ordinary words. */
const MIN_SECRET = 6

/** The forms as bytes; none for no credentials. */
export function secretForms(credentials: string): Buffer[] {
  const leaves = new Set([credentials])
  try {
    collect(JSON.parse(credentials), leaves)
  } catch {
    // no JSON: the text itself
  }
  // A text of several lines, a key for one, shows line by line.
  for (const leaf of [...leaves]) for (const line of [leaf, ...leaf.split(LINE_ENDS)]) leaves.add(strip(line))
  const forms = new Set<string>()
  for (const leaf of leaves) {
    if (lengthOf(leaf) < MIN_SECRET) continue
    const raw = Buffer.from(leaf)
    for (const encoding of ['base64', 'base64url'] as const) for (const form of within(encoding, raw)) forms.add(form)
    const quoted = quote(raw)
    for (const form of [
      leaf,
      quoted,
      quoted.replaceAll('/', '%2F'),
      quoted.replaceAll('/', '%2F').replaceAll('%20', '+'),
    ])
      forms.add(form)
    // Twice: JSON in the text of an exception is shown by its repr.
    const once = escaped(leaf)
    for (const form of [...once, ...once.flatMap(escaped)]) forms.add(form)
  }
  return [...forms].filter((form) => lengthOf(form) >= MIN_SECRET).map((form) => Buffer.from(form))
}

function escaped(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1)
  return [json, toAscii(json), repr(text)]
}

/** The characters that stand for `raw` alone wherever it is in what was encoded, as the password after a user's name. */
function within(encoding: 'base64' | 'base64url', raw: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), raw]).toString(encoding)
    // Six bits each: the first may hold some of what is before it, the last of what follows.
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + raw.length) * 8) / 6))
  })
}

/** Looks for the forms in bytes that come piece by piece. */
export class SecretScanner {
  readonly #forms: Buffer[]
  readonly #overlap: number
  #tail = Buffer.alloc(0)
  #passed = 0

  constructor(forms: Buffer[]) {
    this.#forms = forms
    this.#overlap = Math.max(0, ...forms.map(({ length }) => length - 1))
  }

  /** Where the first secret begins, counted from the first byte ever pushed; undefined: none so far. */
  push(chunk: Uint8Array): number | undefined {
    if (this.#forms.length === 0) return undefined
    const bytes = Buffer.concat([this.#tail, chunk])
    const found = this.#forms.map((form) => bytes.indexOf(form)).filter((at) => at >= 0)
    if (found.length > 0) return this.#passed + Math.min(...found)
    const kept = Math.min(this.#overlap, bytes.length)
    this.#passed += bytes.length - kept
    this.#tail = Buffer.from(bytes.subarray(bytes.length - kept))
    return undefined
  }
}

/** As Python's `str.splitlines`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: separators of files, groups and records end lines there
const LINE_ENDS = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/

/** As Python's `str.strip`, which strips more and less than `trim`. */
function strip(text: string): string {
  const chars = [...text]
  const first = chars.findIndex((char) => !SPACE.has(char))
  return first < 0 ? '' : chars.slice(first, chars.findLastIndex((char) => !SPACE.has(char)) + 1).join('')
}

const SPACE = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
)

function collect(value: unknown, into: Set<string>): void {
  if (typeof value === 'string') into.add(value)
  else if (Array.isArray(value)) for (const part of value) collect(part, into)
  else if (value !== null && typeof value === 'object') for (const part of Object.values(value)) collect(part, into)
}

function lengthOf(text: string): number {
  return [...text].length
}

/** As Python's `urllib.parse.quote`. */
function quote(raw: Buffer): string {
  return Array.from(raw, (byte) => {
    const char = String.fromCharCode(byte)
    return /[A-Za-z0-9_.~/-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

function toAscii(json: string): string {
  return json.replaceAll(/[\x7f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** As Python's `repr` of a text, without its quotes. */
function repr(text: string): string {
  const quoteMark = text.includes("'") && !text.includes('"') ? '"' : "'"
  return Array.from(text, (char) => {
    if (char === '\\' || char === quoteMark) return `\\${char}`
    const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[char]
    if (short !== undefined) return short
    const code = char.codePointAt(0)!
    if (char === ' ' || !/[\p{C}\p{Z}]/u.test(char)) return char
    const hex = code.toString(16)
    return code < 0x100
      ? `\\x${hex.padStart(2, '0')}`
      : code < 0x10000
        ? `\\u${hex.padStart(4, '0')}`
        : `\\U${hex.padStart(8, '0')}`
  }).join('')
}
