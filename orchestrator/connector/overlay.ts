/**
 * Modules of ours that stand in front of the author's in the bundle of one session. The executor runs them as it runs any
 * connector: in the same sandbox, and also where it sees nothing but the bundle.
 */
import { createHash } from 'node:crypto'
import type { BundleFile } from './bundle.ts'
import type { Connector } from './definition.ts'

export interface Overlay {
  /** What the executor is told: the same connector, with another file to load. */
  connector: Connector
  files: BundleFile[]
  /** false: none are looked for, none are sent. */
  credentials: boolean
}

/** Dot files are never part of a bundle: nothing of the author's has this name. */
const FOLDER = '.rowcast'

/** By how much `enumerate` is off in the connector of `countingElsewhere`. A prime, that hardly comes about otherwise. */
export const COUNT_STEP = 7919

/** The connector as it is, but its `enumerate` counts from 7919 on: names and fingerprints that are made of it show that. */
export function countingElsewhere(connector: Connector): Overlay {
  return overlay(
    connector,
    '_rowcast_counting.py',
    true,
    [],
    [
      'import importlib.util, os, sys',
      `path = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, ${JSON.stringify(connector.code)})`,
      'name = os.path.splitext(os.path.basename(path))[0]',
      'name = "rowcast_" + name if name in sys.modules else name',
      'spec = importlib.util.spec_from_file_location(name, os.path.normpath(path))',
      'module = importlib.util.module_from_spec(spec)',
      `module.enumerate = lambda iterable, start=0: enumerate(iterable, start + ${COUNT_STEP})`,
      'sys.modules[name] = module',
      'spec.loader.exec_module(module)',
      'for function in ("context", "list_objects", "read_bytes", "read_rows"):',
      '    if hasattr(module, function):',
      '        globals()[function] = getattr(module, function)',
    ],
  )
}

/** A connector whose `read_bytes` gives these bytes, by fragment name; the author's own parser reads them as ever. */
export function yieldingRecorded(connector: Connector, fragments: { name: string; data: Uint8Array }[]): Overlay {
  const files = fragments.map(({ name, data }) => ({ path: `${FOLDER}/${sha256(name)}`, data }))
  return overlay(connector, '_rowcast_recorded.py', false, files, [
    'import hashlib, os',
    'folder = os.path.dirname(os.path.abspath(__file__))',
    'def list_objects(context, metadata):',
    '    return []',
    'def read_bytes(context, metadata):',
    '    return open(os.path.join(folder, hashlib.sha256(metadata["name"].encode()).hexdigest()), "rb")',
  ])
}

function overlay(
  connector: Connector,
  file: string,
  credentials: boolean,
  files: BundleFile[],
  lines: string[],
): Overlay {
  const { parser, code } = connector
  const path = `${FOLDER}/${file}`
  return {
    // A parser without a file of its own is in the connector's, which is no longer the one that is loaded.
    connector: {
      ...connector,
      code: path,
      parser: parser.type === 'python' && parser.code === '' ? { ...parser, code } : parser,
    },
    files: [...files, { path, data: Buffer.from(`${lines.join('\n')}\n`) }],
    credentials,
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
