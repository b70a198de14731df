import type { Readable } from 'node:stream'
import type { PolicyPlace, Principal } from './policy.ts'
import type { PersonId } from './same-person.ts'
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

/** A list that has to look through many rows does so piece by piece. */
export interface ListOptions {
  /** Ends it between two pieces: `cancelled`. */
  signal?: AbortSignal
  /** Called before each piece after the first; what it throws ends the list. */
  goOn?: () => void
}

/** A browser's sign-in: the cookie holds a random id, this its SHA-256. */
export interface BrowserLogin {
  idHash: string
  /** Good until its `expiresAt`; then the identity provider is asked again, or the login is over. */
  principal: Principal
  createdAt: Date
  /** Absent: nobody can be asked again. */
  provider?: ProviderLogin
}

/** What an identity provider knows a browser's sign-in by, and how long it may go on. */
export interface ProviderLogin {
  /** Its own `sub`, which claims and prefix may have turned into another subject here. */
  subject: string
  /** Its session, `sid`, when it names one. */
  session?: string
  /** Ask it again from this moment on. */
  renewAt: Date
  /** The login is over then, whatever the provider says. */
  endsAt: Date
  /** Its tokens, encrypted. */
  grant: string
}

/** Logins of one person here, of one person there, or of one session there. */
export type LoginQuery = { issuer: string } & (
  | { subject: string }
  | { providerSubject: string }
  | { providerSession: string }
)

/**
 * Rows. Every write is on the disk when its promise resolves, and none of them blocks the event loop.
 * Lists are newest first. Throws `store_unavailable`; a bad cursor is `invalid_request`.
 */
export interface Store {
  createSession(row: SessionRow): Promise<void>
  /** Throws `session_not_found`. */
  updateSession(id: string, change: Partial<Omit<SessionRow, 'id'>>): Promise<void>
  getSession(id: string): Promise<SessionRow | undefined>
  listSessions(query: SessionQuery, options?: ListOptions): Promise<Page<SessionRow>>
  appendAudit(event: Omit<AuditEvent, 'id' | 'at'>): Promise<AuditEvent>
  listAudit(query: AuditQuery, options?: ListOptions): Promise<Page<AuditEvent>>
  saveLogin(login: BrowserLogin): Promise<void>
  /** Expired ones are not found. */
  getLogin(idHash: string): Promise<BrowserLogin | undefined>
  /** False, and nothing is written, when it is not there any more: nobody is signed in again by an answer that came late. */
  updateLogin(login: BrowserLogin): Promise<boolean>
  /** Those that have not expired. */
  findLogins(query: LoginQuery): Promise<BrowserLogin[]>
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
