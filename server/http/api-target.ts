/** Targets as the API hands them out. */
import { namespaceOf, type TargetRef } from '../core/target-ref.ts'
import type { Target } from '../core/target.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { refOf } from '../gateway/permissions.ts'
import type { TargetOptions } from '../gateway/target-options.ts'
import type { TargetDetailView, TargetView } from '../gateway/targets.ts'
import type { Target as ApiTarget, TargetDetail } from '../protocol/target-api.ts'
import { describeTerms } from './api-approval.ts'
import { describeRunbook } from './api-runbook.ts'
import { describeIdentity } from './api-session.ts'

export function toApiTarget({ target, canOpen }: TargetView): ApiTarget {
  const { id, ref, name, image, state, status, user, hasShell, node } = target
  return withoutUndefined({
    ref: refOf(target),
    id,
    environment: ref.environment,
    kind: ref.kind,
    namespace: namespaceOf(ref),
    name,
    image,
    state,
    status,
    createdAt: target.createdAt.toISOString(),
    startedAt: target.startedAt?.toISOString(),
    labels: { ...target.labels },
    user,
    hasShell,
    ports: [...target.ports],
    node,
    facts: target.facts && [...target.facts],
    unknownFacts: target.unknownFacts?.length ? [...target.unknownFacts] : undefined,
    warnings: [...target.warnings],
    ...describeCluster(target.cluster, ref),
    canOpen,
  })
}

function describeCluster(cluster: Target['cluster'], ref: TargetRef): Partial<ApiTarget> {
  if (cluster === undefined || ref.kind !== 'kubernetes') return {}
  const { pod, container, containers, restarts, pods } = cluster
  return withoutUndefined({
    workload: ref.workload,
    pod,
    container,
    containers: [...containers],
    restarts,
    pods,
  })
}

export function toApiTargetDetail({ workloads, choice, opening, ...view }: TargetDetailView): TargetDetail {
  const pods = choice?.pods.map((pod) => ({ ...pod, createdAt: pod.createdAt.toISOString() })) ?? []
  return {
    ...toApiTarget(view),
    ...withoutUndefined({ workloads, choice: choice && { explanation: choice.explanation, pods } }),
    ...('denied' in opening ? opening : { options: describeOptions(opening.options) }),
  }
}

function describeOptions({
  toolboxes,
  profiles,
  grant,
  approval,
  copies,
  scopes,
  runbooks,
  rules,
  processes,
}: TargetOptions): NonNullable<TargetDetail['options']> {
  return withoutUndefined({
    toolboxes: toolboxes.map(({ name, image }) => ({ name, image })),
    profiles: profiles.map(({ name, ...found }) =>
      'identity' in found
        ? { name, identity: describeIdentity(found.identity) }
        : { name, problem: found.problem },
    ),
    requireReason: grant.requireReason,
    copies,
    scopes: [...scopes],
    requireTicket: grant.requireTicket,
    reasonPatterns: [...grant.reasonPatterns],
    ticketPatterns: [...grant.ticketPatterns],
    requireApproval: approval !== undefined,
    approval: approval && describeTerms(approval),
    maxDurationSeconds: Math.floor(grant.maxDurationMs / 1000),
    idleTimeoutSeconds: Math.floor(grant.idleTimeoutMs / 1000),
    recordInput: grant.recordInput,
    exclusive: grant.exclusive,
    runbooks: runbooks.map(describeRunbook),
    rules: [...rules],
    processes: processes && { items: [...processes.items], total: processes.total },
  })
}
