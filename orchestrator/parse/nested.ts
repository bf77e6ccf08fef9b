/**
 * Lists, maps and structs: JSON, wherever it stands, typed to its leaves by the same rules as a column's own text. What is
 * wrong inside makes the whole column's value wrong, and the message says where inside it is.
 *
 * Digits are copied. Fields of a struct come out in the schema's order, a missing one as null; of a key that is there
 * twice the last counts, as in JSON.parse.
 */
import { JsonScanner, withoutSpace } from './json-scanner.ts'
import { JSON_VALUE, LIST, MAP, type ProgramValue, STRUCT } from './program.ts'
import { type Bad, wrongValue } from './rejects.ts'
import { scalarText } from './scalar-text.ts'

/** NDJSON text of the JSON that is in `text`, or why there is none. */
export function nestedText(value: ProgramValue, text: string): string | Bad {
  const bytes = Buffer.alloc(Buffer.byteLength(text) + 1)
  const end = bytes.write(text)
  const scanner = new JsonScanner()
  const start = scanner.space(bytes, 0)
  const i = scanner.value(bytes, start, 0)
  if (i < 0 || scanner.space(bytes, i) !== end) return wrongValue(value, text)
  return nested(value, bytes, start, i)
}

/** The same of b[start, end), which is known to be one JSON value; behind it something else has to stand. */
export function nested(value: ProgramValue, b: Buffer, start: number, end: number): string | Bad {
  const walk = new Walk(b, end)
  const text = walk.value(start, value)
  return walk.bad ?? text
}

class Walk {
  bad: Bad | undefined
  private readonly b: Buffer
  private readonly end: number
  private readonly scanner = new JsonScanner()
  /** Behind the value that was taken last. */
  private at = 0
  /** Where in the value this is, as in `[3].price`. */
  private path = ''

  constructor(b: Buffer, end: number) {
    this.b = b
    this.end = end
  }

  value(start: number, value: ProgramValue): string {
    const { b, scanner } = this
    const first = b[start]!
    const end = scanner.value(b, start, 0)
    this.at = end
    if (first === 110) return 'null'
    if (value.op === JSON_VALUE) return Buffer.from(withoutSpace(b, start, end)).toString()
    if (first === 34) {
      const quoted = b.toString('utf8', start, end)
      return this.text(value, quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1))
    }
    if (value.op === LIST && first === 91) return this.list(start, value.element!)
    if (value.op === MAP && first === 123) return this.map(start, value.element!)
    if (value.op === STRUCT && first === 123) return this.struct(start, value)
    if (value.op >= LIST || first === 91 || first === 123)
      return this.wrong(wrongValue(value, b.toString('utf8', start, Math.min(end, start + 400))))
    const token = b.toString('latin1', start, end)
    // JSON's own words are booleans, whatever words the column has for texts.
    if (value.words && (first === 116 || first === 102)) return token
    return this.text(forNumbers(value), token)
  }

  private list(start: number, element: ProgramValue): string {
    const texts: string[] = []
    const { path } = this
    for (let i = this.inside(start); this.b[i] !== 93 && !this.bad; i = this.next()) {
      this.path = `${path}[${texts.length}]`
      texts.push(this.value(i, element))
    }
    this.at++
    this.path = path
    return `[${texts.join(',')}]`
  }

  private map(start: number, element: ProgramValue): string {
    const texts = new Map<string, string>()
    this.members(start, (key) => ({ value: element, take: (text) => texts.set(key, text) }))
    return `{${Array.from(texts, ([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
  }

  private struct(start: number, { fields }: ProgramValue): string {
    const texts = fields.map(({ key }) => `${key}null`)
    this.members(start, (key) => {
      const at = fields.findIndex(({ name }) => name === key)
      const field = fields[at]
      return field && { value: field.value, take: (text) => (texts[at] = field.key + text) }
    })
    return `{${texts.join(',')}}`
  }

  private members(
    start: number,
    member: (key: string) => { value: ProgramValue; take(text: string): void } | undefined,
  ): void {
    const { b, scanner, path } = this
    for (let i = this.inside(start); b[i] !== 125 && !this.bad; i = this.next()) {
      const keyEnd = scanner.string(b, i + 1)
      const key: string = JSON.parse(b.toString('utf8', i, keyEnd))
      const from = scanner.space(b, scanner.space(b, keyEnd) + 1)
      const found = member(key)
      this.path = `${path}.${key}`
      if (found) found.take(this.value(from, found.value))
      else this.at = scanner.value(b, from, 0)
    }
    this.at++
    this.path = path
  }

  /** Behind the opening bracket. */
  private inside(start: number): number {
    this.at = this.scanner.space(this.b, start + 1)
    return this.at
  }

  /** The next element, or the closing bracket. */
  private next(): number {
    const { b, scanner } = this
    this.at = scanner.space(b, this.at)
    if (this.at < this.end && b[this.at] === 44) this.at = scanner.space(b, this.at + 1)
    return this.at
  }

  private text(value: ProgramValue, text: string): string {
    const result = value.op >= LIST ? nestedText(value, text) : scalarText(value, text)
    return typeof result === 'string' ? result : this.wrong(result)
  }

  private wrong(bad: Bad): string {
    this.bad ??= this.path === '' ? bad : { ...bad, message: `at ${this.path.slice(0, 60)}: ${bad.message}` }
    return 'null'
  }
}

const plain = new WeakMap<ProgramValue, ProgramValue>()

/** The same for JSON numbers, which have neither separators nor spaces. */
export function forNumbers(value: ProgramValue): ProgramValue {
  if (value.decimalSeparator === '.' && value.thousandsSeparator === '') return value
  let found = plain.get(value)
  if (!found) {
    found = { ...value, decimalSeparator: '.', thousandsSeparator: '', point: 46 }
    plain.set(value, found)
  }
  return found
}
