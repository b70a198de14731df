/** How policy looks at a session and at its target. */
import type { PolicyTarget, Principal } from './policy.ts'
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

/** Whether they, or somebody who may be them, have already decided on it. */
export function hasVoted(row: SessionRow, who: Principal): boolean {
  return row.approval?.votes.some(({ by }) => maySamePerson(by, who)) ?? false
}
