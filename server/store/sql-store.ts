import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { AuditQuery, NewAuditEvent } from '../core/audit-log.ts'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Lease } from '../core/leases.ts'
import type { ListOptions, Page } from '../core/page.ts'
import type { SessionChange, SessionQuery, VersionedSession } from '../core/session-store.ts'
import type { AuditEvent, SessionRow } from '../core/session.ts'
import type { BrowserLogin, LoginQuery } from '../core/sign-ins.ts'
import type { Store, Transaction } from '../core/store.ts'
import { WriteConflict } from '../core/write-conflict.ts'
import { AuditIds } from './audit-id.ts'
import { listAuditEvents } from './audit-rows.ts'
import { CollectedWrites, type Statement } from './collected-writes.ts'
import { acquireLease, releaseLease, renewLease } from './lease-rows.ts'
import { findLogin, findLogins, removeLogin, replaceLogin, upsertLogin } from './login-rows.ts'
import { findSession, listSessions } from './session-rows.ts'
import type { Database } from './tables.ts'

export interface SqlStoreOptions {
  now?: () => number
  /** Runs all statements and flushes once, or leaves nothing: the index of the first that found no row that it needs. */
  commit: (statements: readonly Statement[]) => Promise<number | undefined>
  /** Writes something and changes nothing; without it, reading has to do. */
  probe?: (database: Kysely<Database>) => Promise<unknown>
  /** Told that there is no room on the disk; what it answers is whether to try once more. */
  onFull?: () => Promise<boolean>
}

/** The store over any SQL database that Kysely speaks to. */
export class SqlStore implements Store {
  readonly #database: Kysely<Database>
  readonly #options: SqlStoreOptions
  readonly #now: () => number
  readonly #auditIds: AuditIds

  constructor(database: Kysely<Database>, options: SqlStoreOptions) {
    this.#database = database
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#auditIds = new AuditIds(this.#now)
  }

  async transaction<T>(write: (transaction: Transaction) => T): Promise<T> {
    const writes = new CollectedWrites(this.#database, this.#auditIds)
    const result = write(writes)
    await this.#use(async () => {
      const missed = await this.#options.commit(writes.statements)
      if (missed !== undefined) throw await writes.missed(missed)
    })
    return result
  }

  createSession(row: SessionRow): Promise<void> {
    return this.transaction((transaction) => transaction.createSession(row))
  }

  updateSession(id: string, change: SessionChange, version?: number): Promise<void> {
    return this.transaction((transaction) => transaction.updateSession(id, change, version))
  }

  async getSession(id: string): Promise<SessionRow | undefined> {
    return (await this.getVersionedSession(id))?.row
  }

  getVersionedSession(id: string): Promise<VersionedSession | undefined> {
    return this.#use((database) => findSession(database, id))
  }

  listSessions(query: SessionQuery, options?: ListOptions): Promise<Page<SessionRow>> {
    return this.#use((database) => listSessions(database, query, options))
  }

  appendAudit(event: NewAuditEvent): Promise<AuditEvent> {
    return this.transaction((transaction) => transaction.appendAudit(event))
  }

  listAudit(query: AuditQuery, options?: ListOptions): Promise<Page<AuditEvent>> {
    return this.#use((database) => listAuditEvents(database, query, options))
  }

  saveLogin(login: BrowserLogin): Promise<void> {
    return this.#use((database) => upsertLogin(database, login, this.#now()))
  }

  getLogin(idHash: string): Promise<BrowserLogin | undefined> {
    return this.#use((database) => findLogin(database, idHash, this.#now()))
  }

  updateLogin(login: BrowserLogin): Promise<boolean> {
    return this.#use((database) => replaceLogin(database, login))
  }

  findLogins(query: LoginQuery): Promise<BrowserLogin[]> {
    return this.#use((database) => findLogins(database, query, this.#now()))
  }

  deleteLogin(idHash: string): Promise<void> {
    return this.#use((database) => removeLogin(database, idHash))
  }

  acquireLease(name: string, owner: string, forMs: number): Promise<Lease | undefined> {
    return this.#use((database) => acquireLease(database, name, owner, { now: this.#now(), forMs }))
  }

  renewLease(lease: Lease, forMs: number): Promise<Lease | undefined> {
    return this.#use((database) => renewLease(database, lease, { now: this.#now(), forMs }))
  }

  releaseLease(lease: Lease): Promise<void> {
    return this.#use((database) => releaseLease(database, lease))
  }

  check(): Promise<void> {
    return this.#use(async (database) => {
      await sql`select 1 from sessions limit 1`.execute(database)
      await this.#options.probe?.(database)
    })
  }

  close(): Promise<void> {
    return this.#database.destroy()
  }

  async #use<T>(query: (database: Kysely<Database>) => Promise<T>): Promise<T> {
    try {
      return await query(this.#database).catch(async (cause: unknown) => {
        // SQLITE_FULL. The statement has left nothing behind.
        const isFull = messageOf(cause).includes('database or disk is full')
        if (!isFull || (await this.#options.onFull?.()) !== true) throw cause
        return query(this.#database)
      })
    } catch (cause) {
      if (cause instanceof HatchwayError || cause instanceof WriteConflict) throw cause
      const detail = `The store cannot be used: ${messageOf(cause)}.`
      throw new HatchwayError('store_unavailable', detail, { cause })
    }
  }
}
