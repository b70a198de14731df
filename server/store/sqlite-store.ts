import { Kysely, sql } from 'kysely'
import type { Store } from '../core/store.ts'
import { migrate } from './migrations.ts'
import { SqlStore, type SqlStoreOptions } from './sql-store.ts'
import { SqliteClient, type SqliteClientOptions } from './sqlite-client.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import type { Database } from './tables.ts'

/** `now`, the wall clock in ms since 1970, is injected by tests. */
export type SqliteStoreOptions = SqliteClientOptions & Pick<SqlStoreOptions, 'now' | 'onFull'>

/**
 * Opens, or makes, the SQLite database at `path` and brings its tables up to date. One process at a time: another one
 * gets `store_unavailable` with the owner's process id. Every commit is flushed to the disk.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { now, onFull, ...clientOptions } = options
  const client = new SqliteClient(clientOptions)
  const database = new Kysely<Database>({ dialect: sqliteDialect(client) })
  try {
    await migrate(database)
  } catch (cause) {
    await database.destroy()
    throw cause
  }
  return new SqlStore(database, {
    ...(now && { now }),
    ...(onFull && { onFull }),
    commit: (statements) => client.commit(statements),
    // A number of the application's own, which nothing reads: setting it writes a page.
    probe: () => sql`pragma user_version = 1`.execute(database),
  })
}
