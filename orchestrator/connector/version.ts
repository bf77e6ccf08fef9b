/**
 * What fragments are read with, as hashes (connector-contract.md section 3): code, lock, parser settings and schema. The
 * credentials are part of no version.
 */
import { createHash } from 'node:crypto'
import { announceSchema } from './announce.ts'
import type { Connector } from './definition.ts'

/** See VersionRecord of refresh/ports.ts. */
export interface EffectiveVersion {
  id: string
  definition: string
  codeHash: string
  lockHash: string
  schemaId: string
  schemaBody: string
}

export function effectiveVersion(
  connector: Connector,
  code: { bundleHash: string; lockHash: string },
): EffectiveVersion {
  const { code: file, pip, parser, columns } = connector
  const definition = JSON.stringify({ code: file, pip, parser, columns })
  const { bundleHash: codeHash, lockHash } = code
  const schema = announceSchema(connector)
  const id = sha256(JSON.stringify([codeHash, lockHash, definition]))
  return { id, definition, codeHash, lockHash, schemaId: schema.id, schemaBody: schema.body }
}

/** Rowcast-Version: 16 hex digits. The line break keeps the two apart: the effective version has none. */
export function fragmentVersion(fingerprint: string, effective: string): string {
  return sha256(`${effective}\n${fingerprint}`).slice(0, 16)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
