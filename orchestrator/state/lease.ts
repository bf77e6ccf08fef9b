/** The lease: who may refresh a connector now. Its epoch only grows, so an older holder is known by its number. */
import type { Kysely, Transaction } from 'kysely'
import { LeaseLost } from '../errors.ts'
import type { Claim } from '../refresh/ports.ts'
import type { Database } from './tables.ts'

/** SQLite: held until freed or taken; the home lock says who lives. */
const HELD = Number.MAX_SAFE_INTEGER

/** Takes the lease, whoever had it; returns the new epoch. */
export async function takeLease(trx: Transaction<Database>, connector: string, owner: string): Promise<number> {
  const { epoch } = await trx
    .insertInto('lease')
    .values({ connector, owner, epoch: 1, expires_at: HELD })
    .onConflict((row) =>
      row.column('connector').doUpdateSet((eb) => ({ owner, epoch: eb('lease.epoch', '+', 1), expires_at: HELD })),
    )
    .returning('epoch')
    .executeTakeFirstOrThrow()
  return epoch
}

/** LeaseLost unless `claim` is the newest and still held. */
export async function requireLease(trx: Transaction<Database>, claim: Claim, owner: string): Promise<void> {
  const held = await trx
    .selectFrom('lease')
    .select('epoch')
    .where('connector', '=', claim.connector)
    .where('owner', '=', owner)
    .where('epoch', '=', claim.epoch)
    .where('expires_at', '>', 0)
    .executeTakeFirst()
  if (!held) throw new LeaseLost(claim.connector)
}

/** A transaction that writes only while the claim holds. */
export function underLease<T>(
  db: Kysely<Database>,
  claim: Claim,
  owner: string,
  body: (trx: Transaction<Database>) => Promise<T>,
): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await requireLease(trx, claim, owner)
    return body(trx)
  })
}

export async function setEpoch(trx: Transaction<Database>, connector: string, epoch: number): Promise<void> {
  await trx.updateTable('lease').set({ epoch }).where('connector', '=', connector).execute()
}

export async function freeLease(trx: Transaction<Database>, connector: string): Promise<void> {
  await trx.updateTable('lease').set({ expires_at: 0 }).where('connector', '=', connector).execute()
}
