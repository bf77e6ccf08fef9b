/**
 * Oniguruma's syntax to a plain JavaScript regular expression.
 *
 * Atomic groups stay atomic, as `(?=(…))\1`: without them COMBINEDAPACHELOG takes 4.3 s for a line with 26 characters behind
 * an unclosed quote (measured).
 */
import { toRegExpDetails } from 'oniguruma-to-es'

export interface Translated {
  source: string
  flags: string
  /** The number of the JavaScript group that `f<index>` became; 0 when it can never match. */
  groups: number[]
}

/** A regex with groups f0, f1, … Throws an Error that says why there is no such JavaScript regex. */
export function translate(regex: string, captures: number): Translated {
  const { pattern, flags, options } = details(regex)
  // What needs more than a RegExp: a search that goes on where the last one ended, captures that change places.
  if (options?.strategy || options?.transfers || /[gy]/.test(flags)) throw new Error('it uses \\G, or calls a group')
  const { source, names } = numbered(pattern, flags.includes('v'))
  const groups = Array.from({ length: captures }, (_, index) => names.indexOf(`f${index}`) + 1)
  const other = names.find((name) => name !== undefined && !/^f\d+$/.test(name))
  if (other !== undefined) throw new Error(`the group ${JSON.stringify(other)} was not understood`)
  // V8 compiles on first use, and says only then that an expression is too large.
  new RegExp(source, flags).exec('')
  return { source, flags, groups }
}

/** ES2018 makes the faster expressions, but has no intersection of character classes. */
function details(regex: string): ReturnType<typeof toRegExpDetails> {
  try {
    return toRegExpDetails(regex, { target: 'ES2018' })
  } catch {
    return toRegExpDetails(regex, { target: 'ES2024' })
  }
}

/**
 * Groups without their names, which cost a sixth of the speed (measured: an object for each match). `names` has that of
 * group 1, 2, …; undefined for one that the translation added.
 */
function numbered(pattern: string, classesNest: boolean): { source: string; names: (string | undefined)[] } {
  const names: (string | undefined)[] = []
  let depth = 0
  const source = pattern.replace(/\\[\s\S]|\[|\]|\((?!\?)|\(\?<(?![=!])([^>]+)>/gu, (token, name?: string) => {
    if (token === '[') depth = classesNest ? depth + 1 : 1
    else if (token === ']') depth = Math.max(0, depth - 1)
    else if (token.startsWith('(') && depth === 0) {
      names.push(name)
      return '('
    }
    return token
  })
  return { source, names }
}
