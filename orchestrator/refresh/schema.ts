/**
 * The columns of a connector and the effective version that goes with them, from the claim to the end of a refresh.
 *
 *   given in connector.yaml, or pinned at an earlier refresh ─▶ known ─ open ▶ announced
 *   derived, and no fragment was read yet                    ─▶ unknown ─ adopt (the first fragment) ▶ pinned, announced
 */
import type { Column, Connector } from '../connector/definition.ts'
import type { Claim, ConnectorStream, StatePort, VersionRecord, Versions, Work } from './ports.ts'

export interface SchemaDeps {
  state: StatePort
  stream: ConnectorStream
  versions: Versions
  claim(): Claim
  /** Hashes of what the executor runs. */
  code: { bundleHash: string; lockHash: string }
}

/** The connector with the columns that an earlier fragment brought, when it brings its own. */
export async function withPinnedColumns(connector: Connector, state: StatePort): Promise<Connector> {
  if (!connector.derivesColumns) return connector
  return { ...connector, columns: (await state.derivedColumns(connector.name)) ?? [] }
}

export class RefreshSchema {
  connector: Connector
  version: VersionRecord
  private readonly deps: SchemaDeps

  constructor(connector: Connector, deps: SchemaDeps) {
    this.connector = connector
    this.deps = deps
    this.version = deps.versions.effective(connector, deps.code)
  }

  /** False: the first fragment that is read brings the columns, so it is read alone. */
  get isKnown(): boolean {
    return this.connector.columns.length > 0
  }

  /** Rowcast-Schema of the fragments to come. */
  get id(): string {
    return this.version.schemaId
  }

  fragmentVersion({ fingerprint }: Pick<Work, 'fingerprint'>): string {
    return this.deps.versions.fragment(fingerprint, this.version.id)
  }

  /** Tells stream and state, before the first row; later when nothing is known yet. */
  async announce(): Promise<void> {
    if (!this.isKnown) return
    const { state, stream, claim } = this.deps
    await stream.announce({ id: this.version.schemaId, body: this.version.schemaBody })
    await state.registerVersion(claim(), this.version)
  }

  /** The columns of the first fragment; from now on they are the connector's. */
  async adopt(columns: Column[]): Promise<void> {
    if (this.isKnown) return
    await this.deps.state.pinColumns(this.deps.claim(), columns)
    this.connector = { ...this.connector, columns }
    this.version = this.deps.versions.effective(this.connector, this.deps.code)
    await this.announce()
  }
}
