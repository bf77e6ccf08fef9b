/** A fragment whose own schema is another than the one that was derived before. */
import type { Column } from '../connector/definition.ts'
import { formatType } from '../connector/types.ts'
import { FragmentError } from '../errors.ts'

const SHOWN = 5

/**
 * FragmentError `schema.mismatch` unless every pinned column is among `found`, with its type. More columns are no
 * mismatch: they are counted as unknown fields.
 */
export function checkPinned(pinned: readonly Column[], found: readonly Column[]): void {
  const types = new Map(found.map(({ source, type }) => [source, formatType(type)]))
  const wrong = pinned.flatMap(({ name, source, type }) => {
    const here = types.get(source)
    if (here === formatType(type)) return []
    const was = `${JSON.stringify(name)} was ${formatType(type)}`
    return [here === undefined ? `${was} and is not there` : `${was} and is ${here}`]
  })
  if (wrong.length === 0) return
  const more = wrong.length > SHOWN ? `, and ${wrong.length - SHOWN} more` : ''
  throw new FragmentError(
    'schema.mismatch',
    `this fragment has another schema than the first one had: ${wrong.slice(0, SHOWN).join('; ')}${more}. Say in connector.yaml what the columns are (\`rowcast test DIR --infer\` proposes it)`,
  )
}
