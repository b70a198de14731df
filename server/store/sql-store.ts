import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { AuditEvent, SessionRow } from '../core/session.ts'
import type { AuditQuery } from '../core/audit-log.ts'
import type { ListOptions, Page } from '../core/page.ts'
import type { SessionQuery } from '../core/session-store.ts'
import type { BrowserLogin, LoginQuery } from '../core/sign-ins.ts'
import type { Store } from '../core/store.ts'
import { AuditIds } from './audit-id.ts'
import { insertAuditEvent, listAuditEvents } from './audit-rows.ts'
import { findLogin, findLogins, removeLogin, replaceLogin, upsertLogin } from './login-rows.ts'
import { findSession, insertSession, listSessions, updateSession } from './session-rows.ts'
import type { Database } from './tables.ts'

export interface SqlStoreOptions {
  now?: () => number
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

  constructor(database: Kysely<Database>, options: SqlStoreOptions = {}) {
    this.#database = database
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#auditIds = new AuditIds(this.#now)
  }

  createSession(row: SessionRow): Promise<void> {
    return this.#use((database) => insertSession(database, row))
  }

  updateSession(id: string, change: Partial<Omit<SessionRow, 'id'>>): Promise<void> {
    return this.#use((database) => updateSession(database, id, change))
  }

  getSession(id: string): Promise<SessionRow | undefined> {
    return this.#use((database) => findSession(database, id))
  }

  listSessions(query: SessionQuery, options?: ListOptions): Promise<Page<SessionRow>> {
    return this.#use((database) => listSessions(database, query, options))
  }

  async appendAudit(event: Omit<AuditEvent, 'id' | 'at'>): Promise<AuditEvent> {
    const { id, at } = this.#auditIds.next()
    const stored: AuditEvent = { ...event, id, at: new Date(at) }
    await this.#use((database) => insertAuditEvent(database, stored))
    return stored
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
      if (cause instanceof HatchwayError) throw cause
      const detail = `The store cannot be used: ${messageOf(cause)}.`
      throw new HatchwayError('store_unavailable', detail, { cause })
    }
  }
}
