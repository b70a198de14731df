import { type Kysely, sql } from 'kysely'
import type { Lease } from '../core/leases.ts'
import type { Database } from './tables.ts'

/** How long, and by which clock: ms, and ms since 1970. */
interface Term {
  now: number
  forMs: number
}

/** One statement, so that of two who come at once one gets it. */
export async function acquireLease(
  database: Kysely<Database>,
  name: string,
  owner: string,
  { now, forMs }: Term,
): Promise<Lease | undefined> {
  const expires = now + forMs
  const row = await database
    .insertInto('leases')
    .values({ name, owner, epoch: 1, expires_at: expires })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({ owner, epoch: sql<number>`leases.epoch + 1`, expires_at: expires })
        .where((eb) =>
          eb.or([
            eb('leases.owner', 'is', null),
            eb('leases.owner', '=', owner),
            eb('leases.expires_at', '<=', now),
          ]),
        ),
    )
    .returning('epoch')
    .executeTakeFirst()
  return row && { name, owner, epoch: row.epoch, expiresAt: new Date(expires) }
}

export async function renewLease(
  database: Kysely<Database>,
  lease: Lease,
  { now, forMs }: Term,
): Promise<Lease | undefined> {
  const expires = now + forMs
  const row = await database
    .updateTable('leases')
    .set({ expires_at: expires })
    .where('name', '=', lease.name)
    .where('owner', '=', lease.owner)
    .where('epoch', '=', lease.epoch)
    .returning('epoch')
    .executeTakeFirst()
  return row && { ...lease, expiresAt: new Date(expires) }
}

export async function releaseLease(database: Kysely<Database>, lease: Lease): Promise<void> {
  await database
    .updateTable('leases')
    .set({ owner: null })
    .where('name', '=', lease.name)
    .where('owner', '=', lease.owner)
    .where('epoch', '=', lease.epoch)
    .execute()
}

/** Finds a row while the lease is its owner's. */
export function heldLease(database: Kysely<Database>, { name, owner, epoch }: Lease) {
  return database
    .selectFrom('leases')
    .select('epoch')
    .where('name', '=', name)
    .where('owner', '=', owner)
    .where('epoch', '=', epoch)
}
