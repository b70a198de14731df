/** What policy says to a caller, in the words of the HTTP layer. Pure, except for the audit of a refusal. */
import { HatchwayError } from '../core/errors.ts'
import type { Action, Decision, Policy, PolicyTarget, Principal } from '../core/policy.ts'
import { isSamePerson, personOf } from '../core/same-person.ts'
import type { SessionRow } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import { hasVoted, heldRequest, isHeld, mayApprove, policyTargetOfSession } from '../core/session-policy.ts'
import { shownCommand } from '../protocol/shown-command.ts'
import { formatTargetRef } from '../core/target-ref.ts'
import type { Target } from '../core/target.ts'
import { defined } from '../core/without-undefined.ts'
import type { Caller } from '../http/authenticate.ts'

export function may(policy: Policy, who: Principal, action: Action, target?: PolicyTarget): boolean {
  return policy.decide(defined({ who, action, target })).effect === 'allow'
}

/** Whether the caller may know that there is such a target. */
export function mayKnow(policy: Policy, who: Principal, target: PolicyTarget): boolean {
  return may(policy, who, 'list', target) || mayOpen(policy, who, target)
}

/** Whether `open` is allowed once a reason, a ticket and the approval are given. */
export function mayOpen(policy: Policy, who: Principal, target: PolicyTarget): boolean {
  return decideOpenWithReason(policy, who, target).effect !== 'deny'
}

/** The decision on `open`, or `run`, with the question of a reason and a ticket set aside. */
export function decideOpenWithReason(
  policy: Policy,
  who: Principal,
  target: PolicyTarget,
  action: 'open' | 'run' = 'open',
): Decision {
  return policy.decide({ who, action, target, prospective: true })
}

/** What policy lets a caller do with one session. */
export interface SessionRights {
  /** May know of it at all. */
  see: boolean
  control: boolean
  watch: boolean
  terminate: boolean
  replay: boolean
  /** Approve or deny the request, which waits. */
  decide: boolean
  /** Review the break-glass session, which has ended. */
  review: boolean
}

/** Ownership gives watching, ending and (while the right to it holds) control, which a run has none of; recordings are policy's alone. */
export function sessionRights(policy: Policy, who: Principal, row: SessionRow): SessionRights {
  const target = policyTargetOfSession(row)
  const owner = isSamePerson(row.user, who)
  const decision = policy.decide(heldRequest(row, who))
  // Others have no share in an approval that was given to its user.
  const opens = owner ? isHeld(decision, row) : decision.effect === 'allow'
  const watches = may(policy, who, 'watch', target)
  const terminate = owner || may(policy, who, 'terminate', target)
  const replay = may(policy, who, 'read-recording', target)
  const approves = mayApprove(policy, who, row)
  return {
    see: owner || watches || terminate || replay || approves,
    control: opens && (owner || watches) && row.run !== true,
    watch: watches || (owner && opens),
    terminate,
    replay,
    decide: approves && row.state === 'pending-approval' && !hasVoted(row, who),
    review:
      approves &&
      row.state === 'ended' &&
      row.breakGlass !== undefined &&
      row.breakGlass.review === undefined,
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
  /** What was to run, as argv. */
  command?: readonly string[]
}

/** Writes the `denied` event; what is answered comes after it. */
export async function auditDenied(store: Store, refusal: Refusal): Promise<void> {
  const { caller, action, target, sessionId, rules = [], reason, command } = refusal
  await store.appendAudit(
    defined({
      kind: 'denied' as const,
      who: personOf(caller.who),
      from: caller.from,
      action,
      target,
      sessionId,
      rule: rules.length === 0 ? undefined : rules.join(', '),
      reason,
      detail: command && { command: shownCommand(command).slice(0, 500) },
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
