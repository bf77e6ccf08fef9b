/** What is wrong with a definition, and where; becomes a Problem of connector.yaml. */
import type { Problem } from '../positions.ts'
import type { Definition } from './definitions.ts'

export type Place = Omit<Problem, 'message'>

export class Wrong extends Error {
  readonly place: Place
  /** All that are wrong for this one reason. */
  readonly shared: readonly Definition[]

  constructor(message: string, place: Place, shared: readonly Definition[] = []) {
    super(message)
    this.place = place
    this.shared = shared
  }
}
