/** Named patterns: the bundled ones, and those of a folder in the logstash format, `NAME regex` a line. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Place, Wrong } from './wrong.ts'

/** A regex under a name, in Oniguruma's syntax with `%{NAME}` for others. */
export interface Definition {
  name: string
  regex: string
  /** Undefined for a bundled one. */
  origin: Origin | undefined
}

/** One that the author wrote. */
export interface OwnDefinition extends Definition {
  origin: Origin
}

/** Where it stands. */
export interface Origin {
  /** As a message names it. */
  label: string
  /** Of the character of the regex with this index; without a file it is in connector.yaml. */
  at(index: number): Place
}

export type Library = ReadonlyMap<string, Definition>

const BUNDLED = fileURLToPath(new URL('./logstash/patterns', import.meta.url))
/** What logstash calls them today. */
const ALIASES = [
  ['HTTPD_COMMONLOG', '%{COMMONAPACHELOG}'],
  ['HTTPD_COMBINEDLOG', '%{COMBINEDAPACHELOG}'],
] as const

const NAME = /^[A-Za-z0-9_]+$/
const MAX_FILE_BYTES = 1024 * 1024

/** Of a name that is there twice the last counts, as in logstash. */
export function bundledLibrary(): Map<string, Definition> {
  const library = new Map<string, Definition>()
  for (const file of readdirSync(BUNDLED).sort()) {
    const text = readFileSync(join(BUNDLED, file), 'utf8')
    for (const { name, regex } of definitionsOf(text, file)) library.set(name, { name, regex, origin: undefined })
  }
  for (const [name, regex] of ALIASES) library.set(name, { name, regex, origin: undefined })
  return library
}

/** Every file directly in `folder`, but for dot files. Throws Wrong for the first line that is no definition. */
export function readFolder(folder: string): OwnDefinition[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(folder, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
    .flatMap((file) => definitionsOf(readText(file), file))
}

export function isPatternName(name: string): boolean {
  return NAME.test(name)
}

function definitionsOf(text: string, file: string): OwnDefinition[] {
  return text.split('\n').flatMap((line, index) => {
    if (/^\s*(#|$)/.test(line)) return []
    // Spaces at the end belong to the regex.
    const [, indent, name, gap, regex] = /^(\s*)(\S+)(\s*)(.*?)\r?$/s.exec(line) as unknown as [string, ...string[]]
    const place = { file, line: index + 1, column: indent!.length + 1 }
    // Promise 10: what the line says is not shown, it may be in a file of secrets.
    if (!isPatternName(name!) || regex === '')
      throw new Wrong('expected NAME regex, the name of letters, digits and "_"', place)
    const start = place.column + name!.length + gap!.length
    const origin = { label: name!, at: (offset: number) => ({ ...place, column: start + offset }) }
    return [{ name: name!, regex: regex!, origin }]
  })
}

function readText(file: string): string {
  const place = { file, line: 1, column: 1 }
  if (statSync(file).size > MAX_FILE_BYTES) throw new Wrong('a file of patterns is at most 1 MiB', place)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new Wrong('is no UTF-8 text', place)
    throw new Wrong(`cannot be read (${code ?? 'error'})`, place)
  }
}
