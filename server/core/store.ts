import type { AuditLog, NewAuditEvent } from './audit-log.ts'
import type { Lease, Leases } from './leases.ts'
import type { SessionChange, SessionStore } from './session-store.ts'
import type { AuditEvent, SessionRow } from './session.ts'
import type { SignIns } from './sign-ins.ts'

/** Rows: four contracts over one database. None of the calls blocks the event loop. */
export interface Store extends SessionStore, AuditLog, SignIns, Leases {
  /**
   * Writes all that `write` asks for, or nothing of it, with one flush to the disk; resolves with what `write` returned. It reads
   * nothing and awaits nothing: what it goes on from, versions and leases say. Throws `WriteConflict` when one of them has
   * passed, what `write` throws, and what the same calls on the store throw.
   */
  transaction<T>(write: (transaction: Transaction) => T): Promise<T>
  /** Whether it takes writes. Throws `store_unavailable`. */
  check(): Promise<void>
  /** Lets go of the database, after what was asked before. */
  close(): Promise<void>
}

/** The writes that can go together. They are called as those of the store are, and done when the transaction is. */
export interface Transaction {
  createSession(row: SessionRow): void
  updateSession(id: string, change: SessionChange, version?: number): void
  /** The one way into the log, here too. Returns the event as it will be stored. */
  appendAudit(event: NewAuditEvent): AuditEvent
  /** Refuses the transaction unless this acquisition of the lease is the last one, and not released. */
  requireLease(lease: Lease): void
}
