/** Everything that the HTTP layer is handed. It imports none of the folders that provide it. */
import type { Readable } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import type { Explanation, Policy, PolicyRequest, PolicyTarget, Principal } from '../core/policy.ts'
import type { Recordings } from '../core/recording.ts'
import type { Runbook } from '../core/runbook.ts'
import type { PersonId } from '../core/same-person.ts'
import type { SessionRow } from '../core/session.ts'
import type { Blobs } from '../core/blobs.ts'
import type { LoginQuery } from '../core/sign-ins.ts'
import type { Store } from '../core/store.ts'
import type { Toolbox } from '../core/debug-container.ts'
import type { TargetDriver } from '../core/driver.ts'
import type { Verification } from '../protocol/session-api.ts'
import type { Approvals, Sessions } from '../sessions/sessions.ts'
import type { Metrics } from './metrics.ts'
import type { PersonRates } from '../gateway/person-budgets.ts'

/** A JWT that a configured issuer signed. Throws `token_invalid`. */
export type VerifyToken = (token: string) => Promise<Principal>

/** The code of the printed one-time link. Throws `unauthenticated` when it is wrong, used or too old. */
export type RedeemLink = (code: string) => Principal | Promise<Principal>

/** One-use, short-lived, bound to one session: the credential of WebSocket clients that have no cookie. */
export interface TicketDesk {
  /** `loginKey`: the browser's sign-in that asks for it, with which its terminal ends. */
  issue(sessionId: string, who: Principal, loginKey?: string): { ticket: string; expiresAt: Date }
  /** Undefined when it is unknown, used, too old or for another session. */
  redeem(ticket: string, sessionId: string): { who: Principal; loginKey?: string } | undefined
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
  /** Every login of a person; resolves with their keys. */
  removeAll(query: LoginQuery): Promise<string[]>
}

/** A person whom the identity provider let in. Nothing is stored yet. */
export interface Arrival {
  who: Principal
  endsAt: Date
  /** A path of this site. */
  returnTo: string
  /** Key of the login that the browser had before. */
  replaces?: string
  save(): Promise<{ id: string }>
}

/** Sign-in by an OpenID Connect provider. */
export interface ProviderSignIn {
  readonly issuer: string
  /** For the button. */
  readonly name: string
  /** `pending` goes into a short-lived cookie, under a name that ends with `key`. */
  start(request: { redirectUri: string; returnTo?: string; replaces?: string }): Promise<{
    url: string
    pending: string
    key: string
  }>
  /** Which pending sign-in the answer with this `state` belongs to. */
  keyOf(state: string): string
  /** Where a pending sign-in was to lead; `/` when it is not one of ours. */
  returnTo(pending: string | undefined): string
  /** Throws HatchwayErrors in plain words. */
  finish(request: { query: string; pending: string | undefined }): Promise<Arrival>
  /** Where the browser with this login signs out of the provider too. */
  endSessionUrl(id: string, returnTo: string): Promise<string | undefined>
  /** Which logins a logout token of the provider ends. Throws `token_invalid`. */
  readLogout(token: string): Promise<LogoutOrder>
}

/** What the provider's logout token asks for. */
export interface LogoutOrder {
  /** Undefined when it was carried out before. */
  query?: LoginQuery
  /** Call it once the logins are gone. */
  done(): void
}

/** What `hatchway login` needs to know. */
export interface DeviceSignIn {
  issuer: string
  clientId: string
  scopes: readonly string[]
  resource?: string
  /** One of them has to be in a token's `aud`. */
  audiences: readonly string[]
}

export interface Auth {
  verifyToken: VerifyToken
  /** Absent: no one-time link is offered. */
  redeemLink?: RedeemLink
  tickets: TicketDesk
  logins: BrowserLogins
  /** Absent: no identity provider signs browsers in. */
  provider?: ProviderSignIn
  /** Absent: `hatchway login` is not possible. */
  device?: DeviceSignIn
}

/** A shell-less container that a first run can start, to have something to debug. */
export interface SampleTarget {
  /** Its reference and what policy looks at, known before it runs. */
  readonly ref: string
  readonly target: PolicyTarget
  /** Whether it can be started here, or runs already. */
  available(signal: AbortSignal): Promise<boolean>
  /** Idempotent; resolves when it runs. */
  start(signal: AbortSignal): Promise<void>
}

export interface AppDeps {
  /** By environment id, in the order of the configuration. */
  drivers: ReadonlyMap<string, TargetDriver>
  toolboxes: readonly Toolbox[]
  /** The policy in force now: it is reloaded while the gateway runs. */
  policy: () => Policy
  /** The same, as it decides at another moment. */
  policyAt: (moment: Date) => Policy
  /**
   * What a policy file's text would say to a question, away from the event loop. Throws ConfigError with its problems, and `timeout`
   * when it takes too long.
   */
  simulatePolicy: (
    text: string,
    request: PolicyRequest,
    moment: Date,
  ) => Promise<{ version: string; explanation: Explanation }>
  /** Those for a target. Only for whoever may open it, or watch a session in it. */
  runbooks: (target: PolicyTarget) => readonly Runbook[]
  store: Store
  blobs: Pick<Blobs, 'check'>
  recordings: Recordings
  sessions: Sessions
  approvals: Approvals
  /** Calls back after each change of the policy. */
  onPolicyChange: (listener: () => void) => void
  auth: Auth
  /** Away from the event loop. Throws `too_many_requests` when too many are wanted, of all or by this person. */
  verifyRecording: (row: SessionRow, who: PersonId, signal: AbortSignal) => Promise<Verification>
  /**
   * From asciicast v3 as stored, away from the event loop. Errors of the source come out of the result, and `too_many_requests`; to
   * destroy it destroys the source.
   */
  convertRecording: (asciicast: Readable, format: 'asciicast-v2' | 'text', who: PersonId) => Readable
  metrics: Metrics
  /** What one person may have done in a minute; absent: the defaults. */
  rates?: PersonRates
  /** Bearer token for `/metrics`; absent: loopback callers only. */
  metricsToken?: string
  sample?: SampleTarget
  /** Where browsers reach the gateway. Absent: loopback, without TLS. */
  publicUrl?: string
  listen: { host: string; port: number }
  /** Addresses of proxies whose forwarded headers are believed. */
  trustProxy: boolean | string | readonly string[]
  /** The built web app. */
  webRoot: string
  logger: FastifyBaseLogger
  version: string
}
