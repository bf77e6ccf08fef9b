/**
 * What a subscriber has, by the reader's rule alone (delivery.md section 4), written without any of the project's code but the
 * NATS client: an attempt counts when its frames 0…n−1 of one generation have arrived in order, the last naming n; the
 * newest that counts is the fragment.
 */
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect } from 'vitest'
import type { Row, Source } from './source.ts'

export interface Seen {
  /** Fragment → rows as text, of the newest attempt that counts. */
  rows: Map<string, string[]>
  /** Every version that counted, in order: [fragment, Rowcast-Version, generation]. */
  commits: [string, string, number][]
  retracted: Set<string>
  rejects: Map<string, string[]>
}

export interface Access {
  servers: string
  user?: string
  pass?: string
}

interface Open {
  generation: number
  next: number
  rows: string[]
}

/** `interrupted`: a kill may have left frames behind a marker, which the next refresh deletes. */
export async function observe(access: Access, connector: string, { interrupted = false } = {}): Promise<Seen> {
  const nc = await connect({ ...access, inboxPrefix: '_INBOX_reader' })
  const seen: Seen = { rows: new Map(), commits: [], retracted: new Set(), rejects: new Map() }
  const open = new Map<string, Open>()
  try {
    const consumer = await jetstream(nc).consumers.get(`ROWS_${connector}`, {
      filter_subjects: [`rows.${connector}.>`],
    })
    let left = (await consumer.info()).num_pending
    if (left === 0) return seen
    for await (const message of await consumer.consume()) {
      const header = (name: string) => message.headers?.get(name) ?? ''
      const fragment = decodeURIComponent(header('Rowcast-Fragment'))
      const generation = Number(header('Rowcast-Generation'))
      const lines = message.string().split('\n').slice(0, -1)
      if (header('Rowcast-Type') === 'rows') {
        const frame = Number(header('Rowcast-Frame'))
        let attempt = open.get(message.subject)
        if (frame === 0) {
          attempt = { generation, next: 0, rows: [] }
          open.set(message.subject, attempt)
        }
        if (attempt && attempt.generation === generation && attempt.next === frame) {
          attempt.next++
          attempt.rows.push(...lines)
          if (Number(header('Rowcast-Frames')) === attempt.next) {
            expect(attempt.rows.length, `Rowcast-Rows of ${fragment}`).toBe(Number(header('Rowcast-Rows')))
            seen.rows.set(fragment, attempt.rows)
            seen.retracted.delete(fragment)
            seen.commits.push([fragment, header('Rowcast-Version'), generation])
            open.delete(message.subject)
          }
        } else open.delete(message.subject)
      } else if (header('Rowcast-Type') === 'retract') {
        seen.rows.delete(fragment)
        seen.retracted.add(fragment)
      } else if (header('Rowcast-Type') === 'rejects') seen.rejects.set(fragment, lines)
      if (--left === 0) break
    }
  } finally {
    await nc.close()
  }
  // Outside of an attempt nothing unfinished may lie behind a marker.
  if (!interrupted) expect([...open.keys()], 'subjects with frames behind their last marker').toEqual([])
  return seen
}

/** The consumer's rows equal the source's rows, per fragment; each version counted once. */
export function expectSame(seen: Seen, source: Source): void {
  const expected = source.expected()
  expect([...seen.rows.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [fragment, rows] of expected) expect(seen.rows.get(fragment), fragment).toEqual(rows.map(line))
  const versions = seen.commits.map(([fragment, version]) => `${fragment} ${version}`)
  expect(versions.length, 'each version counts once').toBe(new Set(versions).size)
}

function line({ id, text }: Row): string {
  return JSON.stringify({ id, text })
}
