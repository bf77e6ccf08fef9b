/** rowcast init DIR: a connector that works, to change into one's own. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { DefinitionError } from '../errors.ts'
import type { Output } from './output.ts'
import type { Parts } from './parts.ts'

const SCHEMA = '.connector.schema.json'

const yaml = (name: string) => `# yaml-language-server: $schema=${SCHEMA}
name: ${name}                  # also the NATS subject: rows.${name}.<fragment>
# pip: [requests==2.32.5]      # any packages; they get an environment of their own
# credentials: {env: MY_TOKEN} # handed to context(), nowhere else
parser: {type: xsv, delimiter: ",", header_lines: 1}
schema:
  columns:
    - {name: id, type: long}
    - {name: city, type: string}
    - {name: temperature, type: double, on_invalid: "null"}
    - {name: measured_at, type: timestamp}
refresh: {schedule: manual}    # or: every 15m
`

const python = `"""A connector: where the data is. Rowcast calls these functions; names of parameters are yours."""

# Stands for your source: fragments by name, each with the bytes it has now.
SOURCE = {
    "monday": "id,city,temperature,measured_at\\n1,Oslo,3.5,2026-11-02T06:00:00Z\\n2,Turin,11.25,2026-11-02T06:00:00Z\\n",
    "tuesday": "id,city,temperature,measured_at\\n3,Oslo,2.0,2026-11-03T06:00:00Z\\n4,Turin,n/a,2026-11-03T06:00:00Z\\n",
}


def context(credentials):
    """Called once per process; the only function that sees the credentials. Return a client, a session, anything."""
    return {}


def list_objects(context, metadata):
    """What there is now. A fragment is read again when its fingerprint has changed: a date, an ETag, a hash, any text."""
    for name, text in SOURCE.items():
        yield {"name": name, "fingerprint": str(len(text))}


def read_bytes(context, metadata):
    """The bytes of one fragment, in as many pieces as you like."""
    yield SOURCE[metadata["name"]]
`

export async function initCommand(parts: Parts, output: Output, target: string): Promise<number> {
  const dir = resolve(parts.cwd, target)
  const name = basename(dir)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 32)
  if (name === '')
    throw new DefinitionError(
      `${target}: the folder's name gives no connector name; use letters`,
      undefined,
      'config.usage',
    )
  if (existsSync(join(dir, 'connector.yaml')))
    throw new DefinitionError(`${target} has a connector.yaml already; nothing was changed`, undefined, 'config.usage')
  mkdirSync(dir, { recursive: true })
  const files: [string, string][] = [
    ['connector.yaml', yaml(name)],
    ['connector.py', python],
    [SCHEMA, `${JSON.stringify(parts.connectorSchema(), null, 2)}\n`],
  ]
  for (const [file, text] of files) if (!existsSync(join(dir, file))) writeFileSync(join(dir, file), text)
  const shown = relative(parts.cwd, dir) || '.'
  output.line({ type: 'init', name, dir, files: files.map(([file]) => file) })
  output.say(`${output.green('✓')} ${output.bold(name)} in ${shown}: connector.yaml, connector.py`)
  output.say(`  look at its rows:      rowcast test ${shown}  (--watch: again at each save)`)
  output.say(`  keep some of its data: rowcast record ${shown}  (then test --replay needs no source)`)
  output.say(`  cast them onto NATS:   rowcast refresh ${shown}`)
  output.say(`  read them as they are: rowcast tail ${name}`)
  return 0
}
