import type { ListOptions, Page } from './page.ts'
import type { PolicyPlace } from './policy.ts'
import type { PersonId } from './same-person.ts'
import type { SessionRow } from './session.ts'
import type { SessionState } from './vocabulary.ts'

export interface SessionQuery {
  states?: readonly SessionState[]
  /** The user's subject. */
  user?: string
  /** Who vouches for the user. What was stored before issuers were kept fits each. */
  issuer?: string
  /** Sessions that were started by break-glass, whose review is still to come or is done. */
  review?: 'outstanding' | 'done'
  /** Only their own sessions, and those in one of the places. */
  within?: { own: PersonId; places: readonly PolicyPlace[] }
  /** Sessions that have run and ended, and whose row names no recording. */
  unsealed?: true
  /** Substring of the target reference. */
  target?: string
  /** Substring of target, image, user, reason or ticket. */
  q?: string
  from?: Date
  to?: Date
  limit: number
  cursor?: string
}

/** The columns that become others. */
export type SessionChange = Partial<Omit<SessionRow, 'id'>>

/** A row with the number of its state: each write makes it greater. */
export interface VersionedSession {
  row: SessionRow
  version: number
}

/** The rows of sessions. Every write is on the disk when its promise resolves. Every method throws `store_unavailable`. */
export interface SessionStore {
  createSession(row: SessionRow): Promise<void>
  /**
   * Throws `session_not_found`; with a `version`, `WriteConflict` when the row's is another one by now. Without one it goes on
   * from whatever is there: for what no other gateway writes, and for ends, which happen in any case.
   */
  updateSession(id: string, change: SessionChange, version?: number): Promise<void>
  getSession(id: string): Promise<SessionRow | undefined>
  /** For a change that goes on from what is read: see server/gateway/change-session.ts. */
  getVersionedSession(id: string): Promise<VersionedSession | undefined>
  /** Newest first. A bad cursor is `invalid_request`. */
  listSessions(query: SessionQuery, options?: ListOptions): Promise<Page<SessionRow>>
}
