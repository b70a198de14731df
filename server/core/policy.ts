import type { TargetFact } from './vocabulary.ts'
import type { Profile } from './vocabulary.ts'
import type { Action, RuleEffect } from './vocabulary.ts'

/** Who acts: the outcome of authentication. */
export interface Principal {
  subject: string
  name: string
  groups: readonly string[]
  /** The token's issuer. */
  issuer: string
  /** The subject as the issuer wrote it, where the configuration puts a prefix before it. */
  account?: string
  expiresAt: Date
}

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
  /**
   * What it has that a shell there comes to have. Absent when nobody has looked yet, or kept it: then any of them counts where a
   * rule takes away, and what the default asks for is asked when somebody has looked.
   */
  facts?: readonly TargetFact[]
  /** Facts that could not be found out. They count where a rule takes away, never where it gives. */
  unknownFacts?: readonly TargetFact[]
}

export interface PolicyRequest {
  who: Pick<Principal, 'subject' | 'groups'>
  action: Action
  /** Absent for actions that have no target, such as reading the audit log as a whole. */
  target?: PolicyTarget
  toolbox?: string
  profile?: Profile
  reason?: string
  ticket?: string
  /** Asked before reason and ticket are given: what they have to be is in the grant, and nothing is denied for lack of them. */
  prospective?: boolean
  /** Asked for a debug copy of the pod. */
  copy?: boolean
}

/** What is left of the caller's freedom after every matching rule has narrowed it. */
export interface Grant {
  /** Absent: every configured toolbox. */
  toolboxes?: readonly string[]
  profiles: readonly Profile[]
  requireReason: boolean
  requireTicket: boolean
  /** RE2 expressions that the whole reason, the whole ticket, have to match: each of them. */
  reasonPatterns: readonly string[]
  ticketPatterns: readonly string[]
  /** Debug copies of pods that crash or have finished: only where a rule says so. */
  copies: boolean
  maxDurationMs: number
  idleTimeoutMs: number
  recordInput: boolean
  /** Nobody else has a session in the target meanwhile. */
  exclusive: boolean
  /** `best-effort`: a session goes on, with a banner and an audit event, when its recording can't be written. */
  recording: 'strict' | 'best-effort'
}

/** One rule's demand: so many different people, each a member of one of the groups. Never without a group. */
export interface ApprovalNeed {
  rule: string
  groups: readonly string[]
  count: number
}

/** What has to happen before a request that policy does not simply allow may go on. */
export interface ApprovalTerms {
  /** Never empty; every one of them has to be met. */
  needs: readonly ApprovalNeed[]
  /** Whether this caller may start at once, with an alarm to the approvers and a review afterwards: every rule says so. */
  breakGlass: boolean
}

/** `rules` names the rules that decided, in file order; empty when nothing matched. */
export type Decision =
  | { effect: 'allow'; rules: readonly string[]; grant: Grant }
  | { effect: 'require-approval'; rules: readonly string[]; grant: Grant; approval: ApprovalTerms }
  | {
      effect: 'deny'
      rules: readonly string[]
      code: 'forbidden' | 'profile_insufficient' | 'reason_required' | 'ticket_required'
      explanation: string
    }

/** A rule about the target that came close: what it lacks, and what it asks for. */
export interface NearRule {
  name: string
  effect: Exclude<RuleEffect, 'deny'>
  lacks: 'who' | 'action' | 'time'
  /** Plain words: `members of sre-oncall`. */
  wants: string
}

/** A rule that does not match, and every part of it that is in the way. */
export interface MissedRule {
  name: string
  effect: RuleEffect
  lacks: readonly ('who' | 'action' | 'where' | 'time')[]
}

export interface Explanation {
  decision: Decision
  /** Every rule that matches, in file order. */
  matching: readonly { name: string; effect: RuleEffect }[]
  /** A few rules that would have matched but for one thing. Never about other targets. */
  near: readonly NearRule[]
  /** The first 200 rules that do not match. They may be about other targets: only for those who may know of these. */
  missed: readonly MissedRule[]
}

/** Targets that a rule may be about, by patterns with `*` and `?`; an absent part says nothing. */
export interface PolicyPlace {
  environments?: readonly string[]
  namespaces?: readonly string[]
  /** One of the target's names. */
  names?: readonly string[]
}

/** A policy at one moment: rules may hold at some times only. Pure and synchronous: same arguments, same answer. */
export interface Policy {
  /** Hash of the source, kept in audit events. */
  readonly version: string
  decide(request: PolicyRequest): Decision
  explain(request: PolicyRequest): Explanation
  /**
   * Where one of the actions may be allowed to somebody at all: never less than what `decide` allows, so that what is elsewhere need
   * not be asked about. Undefined, or no such method: anywhere.
   */
  reach?(who: PolicyRequest['who'], actions: readonly Action[]): readonly PolicyPlace[] | undefined
}
