import type { AuditLog, NewAuditEvent } from './audit-log.ts'
import type { AuditTrail } from './audit-trail.ts'
import type { SessionChange, SessionStore } from './session-store.ts'
import type { SessionRow } from './session.ts'
import type { Transaction } from './store.ts'

interface SessionEdit {
  change: SessionChange
  /** Written with it, or not at all. */
  events?: readonly NewAuditEvent[]
}

/** What shall change in a row, or nothing. It may be asked several times. */
export type EditSession = (row: SessionRow) => SessionEdit | undefined

/** Writes of a ledger that go together: all of them are stored, or none. */
export interface LedgerTransaction extends Pick<Transaction, 'createSession' | 'updateSession'> {
  record(event: NewAuditEvent): void
}

/** The rows of sessions, and what is told of them, which server/gateway writes to the audit log. */
export interface SessionLedger
  extends
    AuditTrail,
    Pick<SessionStore, 'updateSession' | 'getSession' | 'listSessions'>,
    Pick<AuditLog, 'listAudit'> {
  /** Throws as the store's does. */
  transaction<T>(write: (transaction: LedgerTransaction) => T): Promise<T>
  /**
   * Changes a row, whoever else does so at the same time: `edit` makes of the row as it is stored what shall change, and is asked again
   * when somebody else was faster. Resolves with the row as it is stored now; with undefined, and nothing is written, when `edit` says
   * so. Throws what `edit` throws, `session_not_found`, and `store_unavailable` when others were faster every time.
   */
  change(id: string, edit: EditSession): Promise<SessionRow | undefined>
}
