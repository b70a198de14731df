/** How policy looks at a session and at its target. */
import { needsAreMet } from './approval.ts'
import type { Decision, Policy, PolicyRequest, PolicyTarget, Principal } from './policy.ts'
import { maySamePerson } from './same-person.ts'
import type { SessionRow } from './session.ts'
import type { Target } from './target.ts'

/** What a rule's `where` sees of a target that a driver described. */
export function policyTargetOf(target: Target): PolicyTarget {
  const { ref, labels } = target
  const { environment } = ref
  if (ref.kind === 'docker') return { environment, name: target.name, labels, ...foundFacts(target) }
  const { names = [], claims } = target.cluster ?? {}
  return {
    environment,
    namespace: ref.namespace,
    name: `${ref.workload}/${ref.name}`,
    names,
    ...(claims !== undefined && { claims }),
    labels,
    ...foundFacts(target),
  }
}

function foundFacts({ facts, unknownFacts }: Pick<PolicyTarget, 'facts' | 'unknownFacts'>) {
  return { ...(facts && { facts }), ...(unknownFacts && { unknownFacts }) }
}

/** The same, of a session's target as it was when the session was opened. */
export function policyTargetOfSession(row: SessionRow): PolicyTarget {
  const { environment, namespace, names, labels } = row.target
  const { claims } = row.target.resolved
  return {
    environment,
    ...(namespace !== undefined && { namespace }),
    name: names?.[0] ?? row.target.name,
    ...(names !== undefined && { names }),
    ...(claims !== undefined && { claims }),
    labels,
    ...foundFacts(row.target.resolved),
  }
}

/** The right that a session was started by, and goes on by. */
export function startAction({ run }: Pick<SessionRow, 'run'>): 'open' | 'run' {
  return run === true ? 'run' : 'open'
}

/** Whether its user may still have a session like this one; `who` may be newer than the row. Reason and ticket were judged at the start. */
export function heldRequest(row: SessionRow, who: PolicyRequest['who'] = row.user): PolicyRequest {
  return {
    who,
    action: startAction(row),
    target: policyTargetOfSession(row),
    toolbox: row.toolbox,
    profile: row.profile,
    ...(row.copy !== undefined && { copy: row.copy }),
    prospective: true,
  }
}

/** Whether a decision on {@link heldRequest} leaves the session to its user: with the approvals that it was given. */
export function isHeld(decision: Decision, row: SessionRow): boolean {
  if (decision.effect !== 'require-approval') return decision.effect === 'allow'
  if (row.state === 'pending-approval') return true
  if (row.breakGlass !== undefined) return decision.approval.breakGlass
  return needsAreMet(decision.approval.needs, row.approval?.votes ?? [])
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

/** Whether they, or somebody who may be them, have already decided on it. */
export function hasVoted(row: SessionRow, who: Principal): boolean {
  return row.approval?.votes.some(({ by }) => maySamePerson(by, who)) ?? false
}
