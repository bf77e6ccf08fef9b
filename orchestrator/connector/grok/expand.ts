/**
 * `%{NAME:field:type}` to one Oniguruma regex, references replaced by what they name, down to the last.
 *
 * Fields become groups f0, f1, …: `[http][request][method]` is no name of a group, and a field may be there twice.
 */
import { didYouMean } from '../../nearest.ts'
import type { GrokHint } from '../definition.ts'
import type { Definition, Library, OwnDefinition } from './definitions.ts'
import { Wrong } from './wrong.ts'

export const HINTS: readonly GrokHint[] = ['int', 'long', 'float', 'double', 'boolean', 'string']

const MAX_DEPTH = 64
/** Characters of an expanded regex: to translate so many takes 1.5 s, twice as many four times as long (measured). */
const MAX_LENGTH = 40_000

export interface Expanded {
  regex: string
  /** The field of group `f<index>`. */
  captures: { field: string; hint: GrokHint | undefined }[]
  /** Every definition on the way, the innermost first. */
  uses: Set<Definition>
}

/** Throws Wrong: unknown name, circle, too deep, too long, a reference or a group that is none. */
export function expand(definition: OwnDefinition, library: Library): Expanded {
  const expansion = new Expansion(definition, library)
  const regex = expansion.of(definition, [])
  return { regex, captures: expansion.captures, uses: expansion.uses }
}

/** What in a regex is more than one character; of escapes, comments and brackets no more than that they are to be kept. */
const TOKEN =
  /(?<reference>%\{(?<inside>[^}]*)\}?)|\(\?(?:<(?![=!])(?<group>[^>]*)>|'(?<quoted>[^']*)')|\\k(?:<(?<back>[^>]*)>|'(?<backQuoted>[^']*)')|(?<call>\\g[<'])|\\[\s\S]|\(\?#(?:\\[\s\S]|[^\\)])*\)|(?<bracket>\[\^?\]?)/gu
const REFERENCE = /^(\w+)(?::([^:]+))?(?::([^:]+))?$/

class Expansion {
  readonly captures: Expanded['captures'] = []
  readonly uses = new Set<Definition>()
  private readonly root: OwnDefinition
  private readonly library: Library
  private length = 0

  constructor(root: OwnDefinition, library: Library) {
    this.root = root
    this.library = library
  }

  /** `above`: the definitions that lead here. */
  of(definition: Definition, above: Definition[]): string {
    const { regex } = definition
    this.length += regex.length
    if (above.length > MAX_DEPTH) throw this.wrong(definition, 0, `patterns are nested deeper than ${MAX_DEPTH}`)
    if (this.length > MAX_LENGTH)
      throw this.wrong(this.root, 0, `the pattern expands to more than ${MAX_LENGTH} characters`)
    /** Groups of this text by the author's name, for `\k`. */
    const groups = new Map<string, number>()
    let out = ''
    let i = 0
    for (let found = tokenFrom(regex, 0); found; found = tokenFrom(regex, i)) {
      const { index, groups: parts } = found
      const { reference, inside, call, bracket } = parts!
      const group = parts!['group'] ?? parts!['quoted']
      const back = parts!['back'] ?? parts!['backQuoted']
      const wrong = (message: string) => this.wrong(definition, index, message)
      out += regex.slice(i, index)
      i = index + found[0].length
      if (reference !== undefined) out += this.reference(reference, inside!, [...above, definition], wrong)
      else if (group !== undefined) {
        groups.set(group, this.captures.length)
        out += `(?<f${this.capture(group, undefined, wrong)}>`
      } else if (back !== undefined) {
        const number = groups.get(back)
        if (number === undefined) throw wrong(`${found[0]} refers to no group before it in the same pattern`)
        out += `\\k<f${number}>`
      } else if (call !== undefined)
        throw wrong('\\g: a group cannot be called; give the part a name of its own and write %{NAME}')
      else {
        if (bracket !== undefined) i = classEnd(regex, i)
        out += regex.slice(index, i)
      }
    }
    this.uses.add(definition)
    return out + regex.slice(i)
  }

  private reference(text: string, inside: string, path: Definition[], wrong: (message: string) => Wrong): string {
    const { library } = this
    const [, name, field, hint] = REFERENCE.exec(inside) ?? []
    if (name === undefined || !text.endsWith('}')) {
      const expected = 'expected %{NAME}, %{NAME:field} or %{NAME:field:type}'
      throw wrong(`${text.slice(0, 60)} is no reference; ${expected}; the characters themselves are \\%{`)
    }
    const target = library.get(name)
    if (!target) throw wrong(`unknown pattern %{${name}}${didYouMean(name, [...library.keys()])}`)
    const from = path.indexOf(target)
    if (from >= 0) {
      const circle = path.slice(from)
      const names = [...circle, target].map((each) => each.name).join(' → ')
      const { message, place } = wrong(`patterns refer to each other in a circle: ${names}`)
      throw new Wrong(message, place, circle)
    }
    const open = field === undefined ? '(?:' : `(?<f${this.capture(field, hint, wrong)}>`
    return `${open}${this.of(target, path)})`
  }

  private capture(field: string, hint: string | undefined, wrong: (message: string) => Wrong): number {
    if (field === '') throw wrong('a group without a name; expected (?<field>…)')
    const known = HINTS.find((word) => word === hint)
    if (hint !== undefined && known === undefined)
      throw wrong(`unknown type ${JSON.stringify(hint)}; expected one of ${HINTS.join(', ')}${didYouMean(hint, HINTS)}`)
    return this.captures.push({ field, hint: known }) - 1
  }

  /** A bundled pattern is only wrong through what the author put in its way. */
  private wrong(definition: Definition, index: number, message: string): Wrong {
    const { origin } = definition
    if (origin) return new Wrong(`${origin.label}: ${message}`, origin.at(index))
    const { label, at } = this.root.origin
    return new Wrong(`${label}: in %{${definition.name}}: ${message}`, at(0))
  }
}

function tokenFrom(regex: string, i: number): RegExpExecArray | null {
  TOKEN.lastIndex = i
  return TOKEN.exec(regex)
}

/** Behind the character class that was opened; classes may be inside of it. */
function classEnd(regex: string, start: number): number {
  let depth = 1
  let i = start
  for (; i < regex.length && depth > 0; i++) {
    const ch = regex[i]
    if (ch === '\\') i++
    else if (ch === '[') depth++
    else if (ch === ']') depth--
  }
  return i
}
