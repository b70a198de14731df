import type { AuditLog } from './audit-log.ts'
import type { SessionStore } from './session-store.ts'
import type { SignIns } from './sign-ins.ts'

/** Rows: three contracts over one database. None of the calls blocks the event loop. */
export interface Store extends SessionStore, AuditLog, SignIns {
  /** Whether it takes writes. Throws `store_unavailable`. */
  check(): Promise<void>
  /** Lets go of the database, after what was asked before. */
  close(): Promise<void>
}
