/** Judges sessions by policy, while they are asked for, wait and live. */
import { needsAreMet } from '../core/approval.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Decision, Policy, PolicyRequest, Principal } from '../core/policy.ts'
import { maySamePerson } from '../core/same-person.ts'
import { policyTargetOfSession } from '../core/session-policy.ts'
import { kindOf } from '../sessions/kinds/kinds.ts'
import type { SessionRow } from '../core/session.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { Judgement, SessionJudge } from '../sessions/session-judge.ts'

/** By what policy says at one moment. */
export function createSessionJudge(policy: Policy): SessionJudge {
  return {
    objection(row, who) {
      const decision = policy.decide(heldRequest(row, who))
      return isHeld(decision, row) ? undefined : objectionOf(decision)
    },
    mayBePrivileged: (row) => isHeld(policy.decide({ ...heldRequest(row), profile: 'sysadmin' }), row),
    mayWatch: (who, row) =>
      policy.decide({ who, action: 'watch', target: policyTargetOfSession(row) }).effect === 'allow',
    mayApprove: (who, row) => mayApprove(policy, who, row),
    request: (row) => judgeRequest(policy, row),
  }
}

/** Whether its user may still have a session like this one; `who` may be newer than the row. Reason and ticket were judged at the start. */
export function heldRequest(row: SessionRow, who: PolicyRequest['who'] = row.user): PolicyRequest {
  return withoutUndefined({
    who,
    action: kindOf(row).action,
    target: policyTargetOfSession(row),
    toolbox: row.toolbox,
    profile: row.profile,
    copy: row.copy,
    prospective: true,
  })
}

/** Whether a decision on {@link heldRequest} leaves the session to its user: with the approvals that it was given. */
export function isHeld(decision: Decision, row: SessionRow): boolean {
  if (decision.effect !== 'require-approval') return decision.effect === 'allow'
  if (row.state === 'pending-approval') return true
  if (row.breakGlass !== undefined) return decision.approval.breakGlass
  return needsAreMet(decision.approval.needs, row.approval?.votes ?? [])
}

function objectionOf(decision: Decision): string {
  const why =
    decision.effect === 'deny'
      ? decision.explanation
      : `The policy requires an approval that it does not have (${decision.rules.join(', ')}).`
  return `Policy no longer allows this session. ${why}`
}

/** Whether they are one of those whom policy asked for: by `approve` on its target, by a group of a rule, and not the requester. */
export function mayApprove(policy: Policy, who: Principal, row: SessionRow): boolean {
  const needs = row.approval?.needs ?? row.breakGlass?.needs ?? []
  return (
    needs.some(({ groups }) => groups.some((group) => who.groups.includes(group))) &&
    !maySamePerson(who, row.user) &&
    policy.decide({ who, action: 'approve', target: policyTargetOfSession(row) }).effect === 'allow'
  )
}

function judgeRequest(policy: Policy, row: SessionRow): Judgement {
  const { toolbox, profile, reason, ticket, copy, user: who } = row
  const asked = { who, action: kindOf(row).action, target: policyTargetOfSession(row), toolbox, profile }
  const decision = policy.decide(withoutUndefined({ ...asked, reason, ticket, copy }))
  if (decision.effect === 'deny')
    throw new HatchwayError('forbidden', `Policy no longer allows this request. ${decision.explanation}`)
  const { grant, rules } = decision
  if (decision.effect === 'allow') return { ready: true, grant, rules, outcome: 'not-needed' }
  const { needs } = decision.approval
  if (!needsAreMet(needs, row.approval?.votes ?? [])) return { ready: false, needs }
  return { ready: true, grant, rules, outcome: 'approved' }
}
