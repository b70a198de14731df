/** How people prove who they are: what `auth` provides, and adapters ask. */
import type { Principal } from './policy.ts'
import type { LoginQuery } from './sign-ins.ts'

/** A JWT that a configured issuer signed. Throws `token_invalid`. */
export type VerifyToken = (token: string) => Promise<Principal>

/** The code of the printed one-time link. Throws `unauthenticated` when it is wrong, used or too old. */
export type RedeemLink = (code: string) => Principal | Promise<Principal>

export interface TicketHolder {
  who: Principal
  /** The browser's sign-in that the terminal is to end with. */
  loginKey?: string
}

/** One-use, short-lived, bound to one session: the credential of WebSocket clients that have no cookie. */
export interface TicketDesk {
  /**
   * A ticket of 256 random bits for one WebSocket of this session. `loginKey` is that of the browser's sign-in, where one asks.
   * Throws `too_many_requests` when too many are unused.
   */
  issue(sessionId: string, who: Principal, loginKey?: string): { ticket: string; expiresAt: Date }
  /**
   * Who asked for it, exactly once and within 30 s; any use spends it, also for another session. Undefined when it is unknown, used,
   * too old or for another session.
   */
  redeem(ticket: string, sessionId: string): TicketHolder | undefined
}

/** A browser's sign-in as it is now. */
export interface Login {
  who: Principal
  /** Tells logins apart without opening any. */
  key: string
  /** It is over then. */
  endsAt: Date
  /** From then on it is worth looking again: its provider may be asked. Absent: it ends when `who` expires. */
  renewAt?: Date
  /** An identity provider let them in, not a token or a link. */
  byProvider?: boolean
}

/** Browser sign-ins. The id is the cookie's value; the store keeps only its hash. */
export interface BrowserLogins {
  create(who: Principal): Promise<{ id: string }>
  /** Undefined when it is unknown, signed out or expired. Throws `provider_unavailable` when that decides and is silent. */
  find(id: string): Promise<Login | undefined>
  /** The same by the login's key. */
  findKey(key: string): Promise<Login | undefined>
  /** As it was last known, without asking anybody. */
  known(id: string): Promise<Login | undefined>
  /** The same by the login's key. */
  knownKey(key: string): Promise<Login | undefined>
  /** Idempotent. */
  remove(id: string): Promise<void>
  /** The same by the login's key. */
  removeKey(key: string): Promise<void>
  /** Every login of a person, here or at the provider; resolves with their keys. */
  removeAll(query: LoginQuery): Promise<string[]>
}

/** The login of a person whom the identity provider let in. Nothing is stored yet. */
export interface NewLogin {
  who: Principal
  endsAt: Date
  /** A path of this site. */
  returnTo: string
  /** Key of the login that the browser had before; the new one takes its place. */
  replaces?: string
  /** Stores the login under a fresh id, for the cookie. */
  save(): Promise<{ id: string }>
}

export interface StartedSignIn {
  /** At the provider. */
  url: string
  /** For a short-lived cookie, under a name that ends with `key`, which only this browser has. */
  pending: string
  /** Tells this sign-in from others of the same browser. */
  key: string
}

/** Sign-in by an OpenID Connect provider. */
export interface ProviderSignIn {
  readonly issuer: string
  /** For the button. */
  readonly name: string
  start(request: { redirectUri: string; returnTo?: string; replaces?: string }): Promise<StartedSignIn>
  /** Which pending sign-in the answer with this `state` belongs to. */
  keyOf(state: string): string
  /** Where a pending sign-in was to lead, also when it cannot be finished; `/` when it is not one of ours. */
  returnTo(pending: string | undefined): string
  /** Throws HatchwayErrors in plain words. */
  finish(request: { query: string; pending: string | undefined }): Promise<NewLogin>
  /** Where the browser with this login signs out of the provider too; undefined where that cannot be said. */
  endSessionUrl(id: string, returnTo: string): Promise<string | undefined>
  /** Which logins a logout token of the provider ends. Throws `token_invalid`. */
  readLogout(token: string): Promise<LogoutRequest>
}

/** What a provider's logout token asks for. */
export interface LogoutRequest {
  /** Undefined when it was carried out before: whoever sends it again must not end a later sign-in. */
  query?: LoginQuery
  /** Call it once the logins are gone. Until then the provider may try again. */
  done(): void
}

/** What `hatchway login` needs to know of the provider to sign in by a device code. */
export interface DeviceSignInOptions {
  issuer: string
  clientId: string
  scopes: readonly string[]
  resource?: string
  /** One of them has to be in a token's `aud`. */
  audiences: readonly string[]
}

/** Every way to say who is who. */
export interface Auth {
  verifyToken: VerifyToken
  /** Absent: no one-time link is offered. */
  redeemLink?: RedeemLink
  tickets: TicketDesk
  logins: BrowserLogins
  /** Absent: no identity provider signs browsers in. */
  provider?: ProviderSignIn
  /** Absent: `hatchway login` is not possible. */
  device?: DeviceSignInOptions
}
