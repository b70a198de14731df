import type { Kysely } from 'kysely'
import type { Principal } from '../core/policy.ts'
import type { BrowserLogin } from '../core/store.ts'
import type { Database } from './tables.ts'

type StoredPrincipal = Omit<Principal, 'expiresAt'>

/** Also removes the expired ones, which nobody will ask for. */
export async function upsertLogin(
  database: Kysely<Database>,
  login: BrowserLogin,
  now: number,
): Promise<void> {
  const { expiresAt, ...principal } = login.principal
  const columns = {
    principal: JSON.stringify(principal satisfies StoredPrincipal),
    created_at: login.createdAt.getTime(),
    expires_at: expiresAt.getTime(),
  }
  await database.deleteFrom('logins').where('expires_at', '<=', now).execute()
  await database
    .insertInto('logins')
    .values({ id_hash: login.idHash, ...columns })
    .onConflict((conflict) => conflict.column('id_hash').doUpdateSet(columns))
    .execute()
}

/** The login, unless it has expired. */
export async function findLogin(
  database: Kysely<Database>,
  idHash: string,
  now: number,
): Promise<BrowserLogin | undefined> {
  const row = await database
    .selectFrom('logins')
    .selectAll()
    .where('id_hash', '=', idHash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const principal = { ...(JSON.parse(row.principal) as StoredPrincipal), expiresAt: new Date(row.expires_at) }
  return { idHash, principal, createdAt: new Date(row.created_at) }
}

export async function removeLogin(database: Kysely<Database>, idHash: string): Promise<void> {
  await database.deleteFrom('logins').where('id_hash', '=', idHash).execute()
}
