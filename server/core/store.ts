import type { Readable } from 'node:stream'
import type { Principal } from './policy.ts'
import type { AuditEvent, AuditKind, SessionRow, SessionState } from './session.ts'

export interface Page<T> {
  items: T[]
  /** Opaque; hand it back as `cursor`. Absent on the last page. */
  next?: string
}

export interface SessionQuery {
  states?: readonly SessionState[]
  /** The user's subject. */
  user?: string
  /** Sessions that were started by break-glass, whose review is still to come or is done. */
  review?: 'outstanding' | 'done'
  /** Substring of the target reference. */
  target?: string
  /** Substring of target, image, user, reason or ticket. */
  q?: string
  from?: Date
  to?: Date
  limit: number
  cursor?: string
}

export interface AuditQuery {
  kinds?: readonly AuditKind[]
  user?: string
  target?: string
  sessionId?: string
  q?: string
  from?: Date
  to?: Date
  limit: number
  cursor?: string
}

/** A browser's sign-in: the cookie holds a random id, this its SHA-256. */
export interface BrowserLogin {
  idHash: string
  principal: Principal
  createdAt: Date
}

/**
 * Rows. Every write is on the disk when its promise resolves, and none of them blocks the event loop.
 * Lists are newest first. Throws `store_unavailable`; a bad cursor is `invalid_request`.
 */
export interface Store {
  createSession(row: SessionRow): Promise<void>
  /** Throws `session_not_found`. */
  updateSession(id: string, change: Partial<Omit<SessionRow, 'id'>>): Promise<void>
  getSession(id: string): Promise<SessionRow | undefined>
  listSessions(query: SessionQuery): Promise<Page<SessionRow>>
  appendAudit(event: Omit<AuditEvent, 'id' | 'at'>): Promise<AuditEvent>
  listAudit(query: AuditQuery): Promise<Page<AuditEvent>>
  saveLogin(login: BrowserLogin): Promise<void>
  /** Expired ones are not found. */
  getLogin(idHash: string): Promise<BrowserLogin | undefined>
  deleteLogin(idHash: string): Promise<void>
  check(): Promise<void>
  close(): Promise<void>
}

/**
 * A value that this installation made once and keeps, such as its id or signing key. Not in the store: `hatchway token`
 * needs the key while the gateway holds the store.
 */
export type GetOrCreateSecret = (name: string, create: () => string) => Promise<string>

/** Bytes under keys of the form `a/b-c.d`. A put is whole or absent, and on the disk when it resolves. */
export interface Blobs {
  put(key: string, body: Readable): Promise<{ bytes: number }>
  /** Throws `recording_not_found`. */
  get(key: string): Promise<Readable>
  /** Idempotent. */
  delete(key: string): Promise<void>
  check(): Promise<void>
}
