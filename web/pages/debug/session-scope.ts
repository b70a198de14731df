/** Where a session in a target can run, and as what the form begins. Pure. */
import type { TargetDetail } from '../../../server/protocol/target-api.ts'

export type Where = 'pod' | 'network' | 'copy' | 'nowhere'

/** What a session in this target may share, each with why not; the gateway calls the pod `container`. */
interface WhereChoices {
  pod: { problem?: string | undefined }
  network: { problem?: string | undefined }
  copy: { problem?: string | undefined }
  /** Whether there is a question: anything else makes no sense beside a container that runs well, unless it is chosen already. */
  isAsked: boolean
}

// As often as this, the next restart is likely to end a session.
const manyRestarts = 3

/** Where a session in this target can run, and whether that is a question where `chosen` is what the form says now. Pure. */
export function whereChoices(target: TargetDetail, chosen: Where = 'pod'): WhereChoices {
  const of = (scope: 'container' | 'network' | 'copy') =>
    target.options?.scopes.find((each) => each.scope === scope) ?? { problem: 'There is no pod to open.' }
  const pod = of('container')
  const own = target.containers?.find(({ name }) => name === target.container)
  const isShaky = (own?.restarts ?? 0) >= manyRestarts
  return {
    pod,
    network: of('network'),
    copy: of('copy'),
    // What was asked stays: one that crashes runs now and then, and the form would move under the pointer.
    isAsked: target.kind === 'kubernetes' && (pod.problem !== undefined || isShaky || chosen !== 'pod'),
  }
}

/** What is preferred as long as it can be had, else the most that can be. Pure. */
export function chosenWhere(target: TargetDetail, preferred: Where | undefined): Where {
  const choices = whereChoices(target)
  const order = ['pod', 'copy', 'network'] as const
  const can = order.filter((where) => choices[where].problem === undefined)
  return can.find((where) => where === preferred) ?? can[0] ?? 'nowhere'
}
