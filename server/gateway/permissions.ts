/** What policy says to a caller about targets and sessions. Pure. */
import { HatchwayError } from '../core/errors.ts'
import type { Decision, Policy, PolicyTarget, Principal } from '../core/policy.ts'
import type { Action } from '../core/vocabulary.ts'
import { isSamePerson } from '../core/same-person.ts'
import type { SessionRow } from '../core/session.ts'
import { hasVoted, policyTargetOfSession } from '../core/session-policy.ts'
import { formatTargetRef } from '../core/target-ref.ts'
import type { Target } from '../core/target.ts'
import { kindOf } from '../sessions/kinds/kinds.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { heldRequest, isHeld, mayApprove } from './session-judge.ts'

export function may(policy: Policy, who: Principal, action: Action, target?: PolicyTarget): boolean {
  return policy.decide(withoutUndefined({ who, action, target })).effect === 'allow'
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
  vote: boolean
  /** Review the break-glass session, which has ended. */
  review: boolean
}

/** Ownership gives watching, ending and (while the right to it holds) control, where its kind has any; recordings are policy's alone. */
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
    control: opens && (owner || watches) && kindOf(row).interactive,
    watch: watches || (owner && opens),
    terminate,
    replay,
    vote: approves && row.state === 'pending-approval' && !hasVoted(row, who),
    review:
      approves &&
      row.state === 'ended' &&
      row.breakGlass !== undefined &&
      row.breakGlass.review === undefined,
  }
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
