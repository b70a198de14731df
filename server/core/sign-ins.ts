import type { Principal } from './policy.ts'

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

/** Who is signed in by a browser. Every write is on the disk when its promise resolves. Every method throws `store_unavailable`. */
export interface SignIns {
  /** Takes the place of one with the same hash. */
  saveLogin(login: BrowserLogin): Promise<void>
  /** Expired ones are not found. */
  getLogin(idHash: string): Promise<BrowserLogin | undefined>
  /** False, and nothing is written, when it is not there any more: nobody is signed in again by an answer that came late. */
  updateLogin(login: BrowserLogin): Promise<boolean>
  /** Those that have not expired. */
  findLogins(query: LoginQuery): Promise<BrowserLogin[]>
  /** Idempotent. */
  deleteLogin(idHash: string): Promise<void>
}
