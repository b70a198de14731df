/** What policy says to a caller, in the words of the HTTP layer. Pure, except for the audit of a refusal. */
import { HatchwayError } from '../core/errors.ts'
import type { Action, Decision, Policy, PolicyTarget, Principal } from '../core/policy.ts'
import type { SessionRow } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import { formatTargetRef } from '../core/target-ref.ts'
import type { Target } from '../core/target.ts'
import { defined } from './defined.ts'
import type { Caller } from './authenticate.ts'

/** What a rule's `where` sees of a target that a driver described. */
export function policyTargetOf(target: Target): PolicyTarget {
  const { ref, labels } = target
  const { environment } = ref
  if (ref.kind === 'docker') return { environment, name: target.name, labels }
  const { names = [], claims } = target.cluster ?? {}
  const name = `${ref.workload}/${ref.name}`
  return defined({ environment, namespace: ref.namespace, name, names, claims, labels })
}

/** The same, of a session's target as it was when the session was opened. */
export function policyTargetOfSession(row: SessionRow): PolicyTarget {
  const { environment, namespace, names, labels } = row.target
  const { claims } = row.target.resolved
  return defined({ environment, namespace, name: names?.[0] ?? row.target.name, names, claims, labels })
}

export function may(policy: Policy, who: Principal, action: Action, target?: PolicyTarget): boolean {
  return policy.decide(defined({ who, action, target })).effect === 'allow'
}

/** Whether `open` is allowed once a reason is given. */
export function mayOpen(policy: Policy, who: Principal, target: PolicyTarget): boolean {
  return decideOpenWithReason(policy, who, target).effect === 'allow'
}

/** The decision on `open`, with the question of a reason set aside. */
export function decideOpenWithReason(policy: Policy, who: Principal, target: PolicyTarget): Decision {
  return policy.decide({ who, action: 'open', target, reason: 'to be given' })
}

/** What policy lets a caller do with one session. */
export interface SessionRights {
  /** May know of it at all. */
  see: boolean
  control: boolean
  watch: boolean
  terminate: boolean
  replay: boolean
}

/** Ownership gives watching, ending and (while `open` still holds) control; recordings are policy's alone. */
export function sessionRights(policy: Policy, who: Principal, row: SessionRow): SessionRights {
  const target = policyTargetOfSession(row)
  const owner = row.user.subject === who.subject
  const opens =
    policy.decide({
      who,
      action: 'open',
      target,
      toolbox: row.toolbox,
      profile: row.profile,
      reason: row.reason ?? 'as opened',
    }).effect === 'allow'
  const watches = may(policy, who, 'watch', target)
  const terminate = owner || may(policy, who, 'terminate', target)
  const replay = may(policy, who, 'read-recording', target)
  return {
    see: owner || watches || terminate || replay,
    control: opens && (owner || watches),
    watch: watches || (owner && opens),
    terminate,
    replay,
  }
}

export interface Refusal {
  caller: Caller
  action: Action
  /** The reference, as asked. */
  target?: string
  sessionId?: string
  rules?: readonly string[]
  reason?: string
}

/** Writes the `denied` event; what is answered comes after it. */
export async function auditDenied(store: Store, refusal: Refusal): Promise<void> {
  const { caller, action, target, sessionId, rules = [], reason } = refusal
  await store.appendAudit(
    defined({
      kind: 'denied' as const,
      who: { subject: caller.who.subject, name: caller.who.name },
      from: caller.from,
      action,
      target,
      sessionId,
      rule: rules.length === 0 ? undefined : rules.join(', '),
      reason,
    }),
  )
}

/** The same words for what does not exist and for what the caller may not know of. */
export function targetNotFound(ref: string): HatchwayError {
  return new HatchwayError(
    'target_not_found',
    `There is no target ${JSON.stringify(ref)} that you may see. Check its name, and that it has not been removed.`,
  )
}

/** The same words for what does not exist and for what the caller may not know of. */
export function sessionNotFound(id: string): HatchwayError {
  return new HatchwayError('session_not_found', `There is no session ${JSON.stringify(id)} that you may see.`)
}

export function refOf(target: Target): string {
  return formatTargetRef(target.ref)
}
