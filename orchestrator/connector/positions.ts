/** Where in connector.yaml something is: from a path of keys to line and column. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml'

export type Path = readonly (string | number)[]

export interface Position {
  line: number
  column: number
}

/** Something wrong in the file. */
export interface Problem extends Position {
  message: string
  /** Where it is not connector.yaml. */
  file?: string
}

export interface Source {
  /** Plain values. */
  value: unknown
  /** Problems of the YAML itself; when there are any, `value` means nothing. */
  problems: Problem[]
  /** Of the value at `path`, or of what is nearest above it. */
  at(path: Path): Position
  /** Of the last key of `path` itself. */
  atKey(path: Path): Position
  /** The node at `path`, to see how a value was written. */
  node(path: Path): Node | undefined
}

export function readSource(text: string): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    ...position(error.pos[0]),
    message: `not valid YAML: ${firstLine(error.message)}`,
  }))
  const offsetOf = (node: unknown): number => (isNode(node) && node.range ? node.range[0] : 0)
  return {
    value: problems.length > 0 ? undefined : plainValue(document, problems),
    problems,
    at: (path) => position(offsetOf(nearestNode(document, path))),
    atKey: (path) => position(offsetOf(keyNode(document, path) ?? nearestNode(document, path))),
    node: (path) => {
      const node = walk(document, path)
      return isAlias(node) ? node.resolve(document) : node
    },
  }
}

function plainValue(document: Document, problems: Problem[]): unknown {
  try {
    return document.toJS()
  } catch (error) {
    // An alias without its anchor, or one that would blow the file up.
    problems.push({ line: 1, column: 1, message: `not valid YAML: ${firstLine((error as Error).message)}` })
    return undefined
  }
}

/** The node at `path`, aliases followed on the way. */
function walk(document: Document, path: Path): Node | undefined {
  let here: unknown = document.contents
  for (const key of path) {
    if (isAlias(here)) here = here.resolve(document)
    if (isMap(here)) here = findPair(here, key)?.value
    else if (isSeq(here)) here = here.items[Number(key)]
    else return undefined
  }
  return isNode(here) ? here : undefined
}

function findPair(map: YAMLMap, key: string | number): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))
}

function nearestNode(document: Document, path: Path): Node | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = walk(document, path.slice(0, length))
    if (node) return node
  }
  return document.contents ?? undefined
}

function keyNode(document: Document, path: Path): unknown {
  const above = walk(document, path.slice(0, -1))
  const parent = isAlias(above) ? above.resolve(document) : above
  return isMap(parent) ? findPair(parent, path.at(-1)!)?.key : undefined
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/[.:]?\s*$/, '')
}
