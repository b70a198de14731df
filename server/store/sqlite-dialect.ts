import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { SqliteClient } from './sqlite-client.ts'

/** Kysely over the SQLite worker. */
export function sqliteDialect(client: SqliteClient): Dialect {
  return {
    createAdapter: () => new TransactionalSqliteAdapter(),
    createDriver: () => new SqliteWorkerDriver(client),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

// SQLite does roll back DDL; Kysely's own adapter says no and would leave a half-done migration after a crash.
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Whoever acquired a connection has the database alone: Kysely sees to that, because the adapter allows only one. */
class SqliteWorkerDriver implements Driver {
  readonly #client: SqliteClient

  constructor(client: SqliteClient) {
    this.#client = client
  }

  async init(): Promise<void> {
    // The worker starts with the first statement.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new SqliteWorkerConnection(this.#client)
  }

  async beginTransaction(connection: SqliteWorkerConnection): Promise<void> {
    await connection.begin()
  }

  async commitTransaction(connection: SqliteWorkerConnection): Promise<void> {
    await connection.run('commit')
  }

  async rollbackTransaction(connection: SqliteWorkerConnection): Promise<void> {
    await connection.run('rollback')
  }

  async releaseConnection(): Promise<void> {
    // Nothing is held for it.
  }

  async destroy(): Promise<void> {
    await this.#client.close()
  }
}

class SqliteWorkerConnection implements DatabaseConnection {
  readonly #client: SqliteClient
  #transactionOf: object | undefined

  constructor(client: SqliteClient) {
    this.#client = client
  }

  async begin(): Promise<void> {
    await this.run('begin immediate')
    this.#transactionOf = this.#client.generation
  }

  async run(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult<unknown>> {
    if (this.#transactionOf !== undefined && this.#transactionOf !== this.#client.generation) {
      throw new Error('the transaction was lost with the thread of the database')
    }
    const { rows, changes } = await this.#client.execute(sql, parameters)
    return { rows, numAffectedRows: BigInt(changes) }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return (await this.run(query.sql, query.parameters)) as QueryResult<R>
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('The store reads pages, it does not stream')
  }
}
