import { randomBytes } from 'node:crypto'
import { LeaseLost, LinkError } from '../errors.ts'
import { type Bus, OutcomeUnknown, Refusal } from './bus.ts'
import { delay } from './clock.ts'
import { expect, ROLL_UP } from './frame.ts'
import type { Subjects } from './subject.ts'

export interface LeaseRequest {
  connector: string
  owner: string
  epoch: number
  raiseEpoch(above: number): Promise<number>
  confirm(): Promise<void>
}

interface Claim {
  owner: string
  epoch: number
  /** Tells two claims of one owner apart when a reply was lost. */
  claim: string
}

const MOST_TRIES = 20

/**
 * Takes the connector over in the stream (delivery.md section 6): from the returned sequence on, every batch of an
 * older holder is refused whole. The database decides who works; the stream decides what counts.
 */
export async function takeLease(bus: Bus, subjects: Subjects, request: LeaseRequest): Promise<number> {
  let epoch = request.epoch
  const claim = randomBytes(8).toString('hex')
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const message = await bus.last(subjects.stream, subjects.lease)
    const holder = message && readClaim(message.data)
    // Our own claim whose reply was lost.
    if (message && holder?.claim === claim) return confirmed(bus, subjects, request, message.sequence)
    if (holder && (holder.epoch > epoch || (holder.epoch === epoch && holder.owner !== request.owner)))
      epoch = await request.raiseEpoch(holder.epoch)
    const body: Claim = { owner: request.owner, epoch, claim }
    try {
      await bus.ready()
      const lines = expect(message?.sequence ?? 0) + ROLL_UP
      const ack = (await bus.request(subjects.lease, lines, Buffer.from(JSON.stringify(body)))) as { seq: number }
      return await confirmed(bus, subjects, request, ack.seq)
    } catch (error) {
      const again = error instanceof OutcomeUnknown || (error instanceof Refusal && [10071, 10164].includes(error.code))
      if (!again)
        throw error instanceof Refusal
          ? new LinkError(
              'nats.refused',
              `stream ${subjects.stream} refused the lease of connector ${request.connector}: ${error.message}`,
              { cause: error },
            )
          : error
      await delay(bus.clock, 10 * (tries + 1))
    }
  }
  throw new LinkError(
    'nats.refused',
    `the lease of connector ${request.connector} was contended ${MOST_TRIES} times; look for another orchestrator that works on it without a lease in the state`,
    { retryable: true },
  )
}

async function confirmed(bus: Bus, subjects: Subjects, request: LeaseRequest, sequence: number): Promise<number> {
  await request.confirm()
  const message = await bus.last(subjects.stream, subjects.lease)
  if (message?.sequence !== sequence) throw new LeaseLost(request.connector)
  return sequence
}

function readClaim(data: Uint8Array): Claim | undefined {
  try {
    return JSON.parse(Buffer.from(data).toString()) as Claim
  } catch {
    return undefined
  }
}
