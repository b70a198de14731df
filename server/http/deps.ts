/** Everything that the HTTP layer is handed. It imports none of the folders that provide it. */
import type { Readable } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import type { Policy, PolicyTarget, Principal } from '../core/policy.ts'
import type { Recordings } from '../core/recording.ts'
import type { SessionRow } from '../core/session.ts'
import type { Blobs, Store } from '../core/store.ts'
import type { TargetDriver, Toolbox } from '../core/target.ts'
import type { Verification } from '../protocol/api.ts'
import type { Approvals, Sessions } from '../sessions/sessions.ts'
import type { Metrics } from './metrics.ts'

/** A JWT that a configured issuer signed. Throws `token_invalid`. */
export type VerifyToken = (token: string) => Promise<Principal>

/** The code of the printed one-time link. Throws `unauthenticated` when it is wrong, used or too old. */
export type RedeemLink = (code: string) => Principal | Promise<Principal>

/** One-use, short-lived, bound to one session: the credential of WebSocket clients that have no cookie. */
export interface TicketDesk {
  issue(sessionId: string, who: Principal): { ticket: string; expiresAt: Date }
  /** Undefined when it is unknown, used, too old or for another session. */
  redeem(ticket: string, sessionId: string): Principal | undefined
}

/** Browser sign-ins. The id is the cookie's value; the store keeps only its hash. */
export interface BrowserLogins {
  create(who: Principal): Promise<{ id: string }>
  /** Undefined when it is unknown, signed out or expired. */
  find(id: string): Promise<Principal | undefined>
  /** Idempotent. */
  remove(id: string): Promise<void>
}

export interface Auth {
  verifyToken: VerifyToken
  /** Absent: no one-time link is offered. */
  redeemLink?: RedeemLink
  tickets: TicketDesk
  logins: BrowserLogins
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
  /** A policy file's text, as it would decide. Throws ConfigError with every problem. */
  parsePolicy: (text: string, moment: Date) => Policy
  store: Store
  blobs: Pick<Blobs, 'check'>
  recordings: Recordings
  sessions: Sessions
  approvals: Approvals
  /** Calls back after each change of the policy. */
  onPolicyChange: (listener: () => void) => void
  auth: Auth
  verifyRecording: (row: SessionRow, signal: AbortSignal) => Promise<Verification>
  /** From asciicast v3 as stored; errors of the source come out of the result. */
  convertRecording: (asciicast: Readable, format: 'asciicast-v2' | 'text') => Readable
  metrics: Metrics
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
