/** What a gateway is made of, before it is wired: the use cases take from it what they need, and the adapters none of it. */
import type { FastifyBaseLogger } from 'fastify'
import type { Policy, PolicyTarget } from '../core/policy.ts'
import type { Recordings } from '../core/recording.ts'
import type { Runbook } from '../core/runbook.ts'
import type { Auth } from '../core/authentication.ts'
import type { Blobs } from '../core/blobs.ts'
import type { Store } from '../core/store.ts'
import type { TargetDriver } from '../core/driver.ts'
import type { Toolbox } from '../core/debug-container.ts'
import type { PersonRates } from '../gateway/person-budgets.ts'
import type { PolicySimulator } from '../gateway/policy-questions.ts'
import type { RecordingReaders } from '../gateway/recordings.ts'
import type { SampleTarget } from '../gateway/sample.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Approvals, Sessions } from '../sessions/sessions.ts'

export interface GatewayParts extends RecordingReaders {
  /** By environment id, in the order of the configuration. */
  drivers: ReadonlyMap<string, TargetDriver>
  toolboxes: readonly Toolbox[]
  /** The policy in force now: it is reloaded while the gateway runs. */
  policy: () => Policy
  /** The same, as it decides at another moment. */
  policyAt: (moment: Date) => Policy
  simulatePolicy: PolicySimulator
  /** Those for a target. Only for whoever may open it, or watch a session in it. */
  runbooks: (target: PolicyTarget) => readonly Runbook[]
  store: Store
  recordings: Recordings
  sessions: Sessions
  approvals: Approvals
  auth: Auth
  sample?: SampleTarget
  /** What one person may have done in a minute; absent: the defaults. */
  rates?: PersonRates
}

/** What its HTTP side needs besides. */
export interface AppParts extends GatewayParts {
  blobs: Pick<Blobs, 'check'>
  /** Calls back after each change of the policy. */
  onPolicyChange: (listener: () => void) => void
  metrics: Metrics
  /** Bearer token for `/metrics`; absent: loopback callers only. */
  metricsToken?: string
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
