import type { ListOptions, Page } from './page.ts'
import type { AuditEvent } from './session.ts'
import type { AuditKind } from './vocabulary.ts'

export interface AuditQuery {
  kinds?: readonly AuditKind[]
  /** Subject of who acted. */
  user?: string
  /** Who vouches for them. What was stored before issuers were kept fits each. */
  issuer?: string
  target?: string
  sessionId?: string
  q?: string
  from?: Date
  to?: Date
  limit: number
  cursor?: string
}

/** What is to be written; the log gives id and time. */
export type NewAuditEvent = Omit<AuditEvent, 'id' | 'at'>

/** The audit log: grows at its end, and nothing in it changes. Every method throws `store_unavailable`. */
export interface AuditLog {
  /** The one way into the log. The event is on the disk when the promise resolves, which gives it as it is stored. */
  appendAudit(event: NewAuditEvent): Promise<AuditEvent>
  /** Newest first. A bad cursor is `invalid_request`. */
  listAudit(query: AuditQuery, options?: ListOptions): Promise<Page<AuditEvent>>
}
