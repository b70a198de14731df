import { Kysely } from 'kysely'
import type { Store } from '../core/store.ts'
import { migrate } from './migrations.ts'
import { SqlStore } from './sql-store.ts'
import { SqliteClient, type SqliteClientOptions } from './sqlite-client.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import type { Database } from './tables.ts'

export interface SqliteStoreOptions extends SqliteClientOptions {
  /** Wall clock, ms since 1970: injected by tests. */
  now?: () => number
}

/**
 * Opens, or makes, the SQLite database at `path` and brings its tables up to date. One process at a time: another one
 * gets `store_unavailable` with the owner's process id. Every commit is flushed to the disk.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { now, ...clientOptions } = options
  const database = new Kysely<Database>({ dialect: sqliteDialect(new SqliteClient(clientOptions)) })
  try {
    await migrate(database)
  } catch (cause) {
    await database.destroy()
    throw cause
  }
  return new SqlStore(database, now)
}
