/**
 * A source that the test owns: a folder of files, a connector that lists and reads it, and a log of every read that came to
 * its end, so that the oracle can say whether anything was read twice.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const CODE = `
import json, os, time

def context(credentials):
    return json.loads(credentials)

def list_objects(source, metadata):
    folder = os.path.join(source["dir"], metadata["name"] if metadata else "")
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        name = os.path.relpath(entry.path, source["dir"])
        if entry.is_dir():
            yield {"name": name, "is_prefix": True}
        else:
            yield {"name": name, "fingerprint": open(entry.path).readline().strip()}

def read_bytes(source, metadata):
    with open(os.path.join(source["dir"], metadata["name"])) as file:
        fingerprint = file.readline().strip()
        while chunk := file.read(source.get("chunk", 65536)):
            yield chunk
            if source.get("pause"):
                time.sleep(source["pause"])
            while source.get("gate") and not os.path.exists(source["gate"]):
                time.sleep(0.02)
    with open(source["log"], "a") as log:
        log.write(json.dumps([metadata["name"], fingerprint]) + "\\n")
`

export interface Row {
  id: number
  text: string
}

export interface SourceOptions {
  name?: string
  /** Seconds to sleep after each chunk. */
  pause?: number
  chunk?: number
  /** A file: reads go on behind their first chunk once it is there. */
  gate?: string
  /** More lines for connector.yaml. */
  yaml?: string
}

/** The source and its connector in `dir`. */
export class Source {
  readonly name: string
  readonly dir: string
  readonly env: Record<string, string>
  readonly #data: string
  readonly #log: string
  readonly #rows = new Map<string, { fingerprint: string; rows: Row[] }>()

  constructor(dir: string, { name = 'source', pause = 0, chunk = 65536, gate = '', yaml = '' }: SourceOptions = {}) {
    this.name = name
    this.dir = join(dir, name)
    this.#data = join(dir, `${name}-data`)
    this.#log = join(dir, `${name}-reads.log`)
    mkdirSync(this.dir, { recursive: true })
    mkdirSync(this.#data, { recursive: true })
    this.env = { SOURCE: JSON.stringify({ dir: this.#data, log: this.#log, pause, chunk, gate }) }
    writeFileSync(join(this.dir, 'connector.py'), CODE)
    writeFileSync(
      join(this.dir, 'connector.yaml'),
      `name: ${name}
credentials: {env: SOURCE}
parser: {type: xsv}
schema: {columns: [{name: id, type: long, nullable: false}, {name: text, type: string}]}
${yaml}`,
    )
  }

  /** Writes a fragment; the first line of its file is the fingerprint, which the connector keeps to itself. */
  put(name: string, fingerprint: string, rows: Row[]): void {
    const file = join(this.#data, name)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(
      file,
      `${fingerprint}\nid,text\n${rows.map(({ id, text }) => `${id},"${text.replaceAll('"', '""')}"\n`).join('')}`,
    )
    this.#rows.set(name, { fingerprint, rows })
  }

  remove(name: string): void {
    rmSync(join(this.#data, name))
    this.#rows.delete(name)
  }

  /** What a subscriber must have: fragment → rows. */
  expected(): Map<string, Row[]> {
    return new Map([...this.#rows].map(([name, { rows }]) => [name, rows]))
  }

  /** Reads that came to their end, in order: [name, fingerprint]. */
  reads(): [string, string][] {
    if (!existsSync(this.#log)) return []
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  }
}

/** Seeded rows: the same for the same numbers. */
export function rows(count: number, seed: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    id: seed * 1_000_000 + index,
    text: `row ${index} of "${seed}", ${'x'.repeat((seed * 7 + index * 13) % 40)}`,
  }))
}
