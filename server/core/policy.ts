import type { Profile } from './target.ts'

/** Who acts: the outcome of authentication. */
export interface Principal {
  subject: string
  name: string
  groups: readonly string[]
  /** The token's issuer. */
  issuer: string
  expiresAt: Date
}

export const actions = [
  'list',
  'open',
  'watch',
  'terminate',
  'run',
  'read-recording',
  'read-audit',
  'approve',
] as const
export type Action = (typeof actions)[number]

/** What a rule's `where` looks at. */
export interface PolicyTarget {
  environment: string
  namespace?: string
  /** The container's name, or `<kind>/<name>` in Kubernetes. */
  name: string
  /** In Kubernetes every `<kind>/<name>` that it is part of: the pod and the workloads above it. A rule about one of them counts. */
  names?: readonly string[]
  /** Workloads that it says it is part of, which could not be verified. They count where a rule takes away, never where it gives. */
  claims?: readonly string[]
  labels: Readonly<Record<string, string>>
}

export interface PolicyRequest {
  who: Pick<Principal, 'subject' | 'groups'>
  action: Action
  /** Absent for actions that have no target, such as reading the audit log as a whole. */
  target?: PolicyTarget
  toolbox?: string
  profile?: Profile
  reason?: string
  /** Asked for a debug copy of the pod. */
  copy?: boolean
}

/** What is left of the caller's freedom after every matching rule has narrowed it. */
export interface Grant {
  /** Absent: every configured toolbox. */
  toolboxes?: readonly string[]
  profiles: readonly Profile[]
  requireReason: boolean
  /** Debug copies of pods that crash or have finished: only where a rule says so. */
  copies: boolean
  maxDurationMs: number
  idleTimeoutMs: number
  recordInput: boolean
  /** `best-effort`: a session goes on, with a banner and an audit event, when its recording can't be written. */
  recording: 'strict' | 'best-effort'
}

/** `rules` names the rules that decided, in file order; empty when nothing matched. */
export type Decision =
  | { effect: 'allow'; rules: readonly string[]; grant: Grant }
  | {
      effect: 'deny'
      rules: readonly string[]
      code: 'forbidden' | 'reason_required' | 'approval_unsupported'
      explanation: string
    }

/** Pure and synchronous: same arguments, same answer. */
export interface Policy {
  /** Hash of the source, kept in audit events. */
  readonly version: string
  decide(request: PolicyRequest): Decision
}
