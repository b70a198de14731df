import type { CompiledQuery, Kysely } from 'kysely'
import type { NewAuditEvent } from '../core/audit-log.ts'
import type { Lease } from '../core/leases.ts'
import type { SessionChange } from '../core/session-store.ts'
import type { AuditEvent, SessionRow } from '../core/session.ts'
import type { Transaction } from '../core/store.ts'
import { WriteConflict } from '../core/write-conflict.ts'
import type { AuditIds } from './audit-id.ts'
import { insertAuditEvent } from './audit-rows.ts'
import { heldLease } from './lease-rows.ts'
import { insertSession, missedUpdate, updateSession } from './session-rows.ts'
import type { Database } from './tables.ts'

/** One statement of a transaction. With `needsRow` it has to find a row, or to change one, for any of them to be done. */
export interface Statement {
  sql: string
  parameters: readonly unknown[]
  needsRow?: boolean
}

/** The writes of a transaction as statements, which are run together once all are known. */
export class CollectedWrites implements Transaction {
  readonly statements: Statement[] = []
  readonly #database: Kysely<Database>
  readonly #auditIds: AuditIds
  /** Of a statement that needs a row: what it means that there is none. */
  readonly #misses = new Map<number, () => Promise<Error>>()

  constructor(database: Kysely<Database>, auditIds: AuditIds) {
    this.#database = database
    this.#auditIds = auditIds
  }

  createSession(row: SessionRow): void {
    this.#add(insertSession(this.#database, row))
  }

  updateSession(id: string, change: SessionChange, version?: number): void {
    this.#add(updateSession(this.#database, id, change, version), () =>
      missedUpdate(this.#database, id, version),
    )
  }

  appendAudit(event: NewAuditEvent): AuditEvent {
    const { id, at } = this.#auditIds.next()
    const stored: AuditEvent = { ...event, id, at: new Date(at) }
    this.#add(insertAuditEvent(this.#database, stored))
    return stored
  }

  requireLease(lease: Lease): void {
    const { name, owner, epoch } = lease
    this.#add(
      heldLease(this.#database, lease),
      async () => new WriteConflict('lease', `${owner} does not hold ${name} any more by epoch ${epoch}.`),
    )
  }

  /** Why the statement at this index found no row. */
  missed(index: number): Promise<Error> {
    const miss = this.#misses.get(index)
    if (miss === undefined) throw new Error(`statement ${index} needs no row`)
    return miss()
  }

  #add(query: { compile(): CompiledQuery }, onMiss?: () => Promise<Error>): void {
    const { sql, parameters } = query.compile()
    if (onMiss !== undefined) this.#misses.set(this.statements.length, onMiss)
    this.statements.push({ sql, parameters, needsRow: onMiss !== undefined })
  }
}
