import type { Kysely, Selectable } from 'kysely'
import type { Principal } from '../core/policy.ts'
import type { BrowserLogin, LoginQuery } from '../core/sign-ins.ts'
import type { Database, LoginsTable } from './tables.ts'

type StoredPrincipal = Omit<Principal, 'expiresAt'>

/** Also removes the expired ones, which nobody will ask for. */
export async function upsertLogin(
  database: Kysely<Database>,
  login: BrowserLogin,
  now: number,
): Promise<void> {
  const columns = toColumns(login)
  await database.deleteFrom('logins').where('expires_at', '<=', now).execute()
  await database
    .insertInto('logins')
    .values({ id_hash: login.idHash, ...columns })
    .onConflict((conflict) => conflict.column('id_hash').doUpdateSet(columns))
    .execute()
}

/** False when there is no such row. */
export async function replaceLogin(database: Kysely<Database>, login: BrowserLogin): Promise<boolean> {
  const { numUpdatedRows } = await database
    .updateTable('logins')
    .set(toColumns(login))
    .where('id_hash', '=', login.idHash)
    .executeTakeFirst()
  return numUpdatedRows > 0n
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
  return row === undefined ? undefined : toLogin(row)
}

export async function findLogins(
  database: Kysely<Database>,
  query: LoginQuery,
  now: number,
): Promise<BrowserLogin[]> {
  const all = database
    .selectFrom('logins')
    .selectAll()
    .where('issuer', '=', query.issuer)
    .where('expires_at', '>', now)
  const fitting =
    'subject' in query
      ? all.where('subject', '=', query.subject)
      : 'providerSubject' in query
        ? all.where('provider_subject', '=', query.providerSubject)
        : all.where('provider_session', '=', query.providerSession)
  return (await fitting.execute()).map(toLogin)
}

export async function removeLogin(database: Kysely<Database>, idHash: string): Promise<void> {
  await database.deleteFrom('logins').where('id_hash', '=', idHash).execute()
}

function toColumns({ principal: whole, provider, createdAt }: BrowserLogin): Omit<LoginsTable, 'id_hash'> {
  const { expiresAt, ...principal } = whole
  return {
    principal: JSON.stringify(principal satisfies StoredPrincipal),
    created_at: createdAt.getTime(),
    expires_at: (provider?.endsAt ?? expiresAt).getTime(),
    issuer: principal.issuer,
    subject: principal.subject,
    good_until: provider === undefined ? null : expiresAt.getTime(),
    renew_at: provider?.renewAt.getTime() ?? null,
    provider_subject: provider?.subject ?? null,
    provider_session: provider?.session ?? null,
    provider_grant: provider?.grant ?? null,
  }
}

function toLogin(row: Selectable<LoginsTable>): BrowserLogin {
  const principal = {
    ...(JSON.parse(row.principal) as StoredPrincipal),
    expiresAt: new Date(row.good_until ?? row.expires_at),
  }
  const login = { idHash: row.id_hash, principal, createdAt: new Date(row.created_at) }
  if (row.provider_subject === null || row.provider_grant === null) return login
  const provider = {
    subject: row.provider_subject,
    ...(row.provider_session !== null && { session: row.provider_session }),
    renewAt: new Date(row.renew_at ?? row.expires_at),
    endsAt: new Date(row.expires_at),
    grant: row.provider_grant,
  }
  return { ...login, provider }
}
