/** Where in connector.yaml something is: from a path of keys to line and column. */
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'

export type Path = readonly (string | number)[]

export interface Position {
  line: number
  column: number
}

/** Something wrong in the file. */
export interface Problem extends Position {
  message: string
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
    value: problems.length > 0 ? undefined : document.toJS(),
    problems,
    at: (path) => position(offsetOf(nearestNode(document, path))),
    atKey: (path) => position(offsetOf(keyNode(document, path) ?? nearestNode(document, path))),
    node: (path) => {
      const node = path.length === 0 ? document.contents : document.getIn(path, true)
      return isNode(node) ? node : undefined
    },
  }
}

function nearestNode(document: Document, path: Path): unknown {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node)) return node
  }
  return document.contents
}

function keyNode(document: Document, path: Path): unknown {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  if (isMap(parent)) {
    return parent.items.find((pair) => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === String(last))
      ?.key
  }
  return isSeq(parent) ? parent.items[Number(last)] : undefined
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/[.:]?\s*$/, '')
}
