import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import type { TargetRef } from '../core/target-ref.ts'
import type { TargetDriver } from '../core/driver.ts'
import type { IdentityWish } from '../core/identity.ts'
import type { Target } from '../core/target.ts'
import type { Target as ApiTarget, TargetDetail } from '../protocol/target-api.ts'
import { within } from '../core/deadline.ts'
import { defined } from '../core/without-undefined.ts'
import type { AppDeps } from '../http/deps.ts'
import { driverMs } from './find-target.ts'
import { describeTerms } from '../http/api-approval.ts'
import { describeRunbook } from '../http/api-runbook.ts'
import { decideOpenWithReason, mayKnow, mayOpen, refOf } from './permissions.ts'

/** A target as a caller sees it. */
export function describeTarget(deps: AppDeps, who: Principal, target: Target): ApiTarget {
  const { id, ref, name, image, state, status, user, hasShell, node } = target
  return defined({
    ref: refOf(target),
    id,
    environment: ref.environment,
    kind: ref.kind,
    namespace: ref.kind === 'kubernetes' ? ref.namespace : undefined,
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
    canOpen: canJoin(target) && mayOpen(deps.policy(), who, policyTargetOf(target)),
  })
}

/** A container whose processes are gone has none to join; in a cluster its pod may still be copied. */
function canJoin({ ref, state }: Target): boolean {
  return ref.kind !== 'docker' || state === 'running' || state === 'paused'
}

function describeCluster(cluster: Target['cluster'], ref: TargetRef): Partial<ApiTarget> {
  if (cluster === undefined || ref.kind !== 'kubernetes') return {}
  const { pod, container, containers, restarts, pods } = cluster
  return defined({ workload: ref.workload, pod, container, containers: [...containers], restarts, pods })
}

/**
 * What a target is part of, by names that outlive it. Only those that the caller may know of by these names alone: a pod that
 * they may see does not tell of its workload.
 */
export function describeWorkloads(
  deps: Pick<AppDeps, 'policy'>,
  who: Principal,
  { ref, cluster, labels, facts }: Target,
): Pick<TargetDetail, 'workloads'> {
  if (cluster === undefined || ref.kind !== 'kubernetes') return {}
  const { environment, namespace } = ref
  const own = `${ref.workload}/${ref.name}`
  const workloads = cluster.names.filter(
    (name) =>
      name !== own &&
      !name.startsWith('pod/') &&
      mayKnow(deps.policy(), who, defined({ environment, namespace, name, names: [name], labels, facts })),
  )
  return { workloads }
}

/** Of a workload: the pod that was chosen, and the others that the caller may know of. */
export function describeChoice(
  deps: Pick<AppDeps, 'policy'>,
  who: Principal,
  { ref, cluster, labels, facts }: Target,
): Pick<TargetDetail, 'choice'> {
  if (cluster?.choice === undefined || ref.kind !== 'kubernetes') return {}
  const { explanation, pods } = cluster.choice
  const { environment, namespace } = ref
  const above = cluster.names.filter((name) => name !== `pod/${cluster.pod}`)
  const described = pods
    .filter((pod) => {
      const name = `pod/${pod.name}`
      // Pods of one workload are made alike.
      const described = { environment, namespace, name, names: [name, ...above], labels, facts }
      return mayKnow(deps.policy(), who, defined(described))
    })
    .map((pod) => ({ ...pod, createdAt: pod.createdAt.toISOString() }))
  return { choice: { explanation, pods: described } }
}

/** What a session may share, as the backend found it, and as policy lets it. A container of Docker can only be joined. */
function scopesOf(
  { cluster, name, status }: Target,
  copies: boolean,
): NonNullable<TargetDetail['options']>['scopes'] {
  if (cluster === undefined) return [{ scope: 'container' }]
  if (cluster.scopes === undefined)
    return [{ scope: 'container', problem: `${name} has no pod that could be opened: ${status}.` }]
  return cluster.scopes.map(({ scope, problem }) =>
    scope === 'copy' && !copies
      ? { scope, problem: 'Policy does not allow debug copies here.' }
      : defined({ scope, problem }),
  )
}

/** What of it a session may be about. Who may not open it is not told. */
async function describeProcesses(
  target: Target,
  { driver, who }: { driver: TargetDriver; who: Principal },
  signal: AbortSignal,
): Promise<NonNullable<TargetDetail['options']>['processes']> {
  const access = driver.as(who)
  if (access.processes === undefined || !canJoin(target)) return undefined
  const ask = async (signal: AbortSignal) => await access.processes?.(target, signal)
  const found = await within(driverMs, `Environment ${driver.environment}`, signal, ask).catch(
    (error: unknown) => {
      if (error instanceof HatchwayError) return undefined
      throw error
    },
  )
  return found && { items: [...found.items], total: found.total }
}

/** What a session in it may be, or why there can be none. */
export async function describeOptions(
  deps: AppDeps,
  who: Principal,
  target: Target,
  { driver, wish }: { driver: TargetDriver; wish: IdentityWish },
  signal: AbortSignal,
): Promise<Pick<TargetDetail, 'options' | 'denied'>> {
  const decision = decideOpenWithReason(deps.policy(), who, policyTargetOf(target))
  if (decision.effect === 'deny') return { denied: decision.explanation }
  const { grant, rules } = decision
  const toolboxes = deps.toolboxes.filter(({ name }) => grant.toolboxes?.includes(name) ?? true)
  const profiles = grant.profiles.map(async (name) => {
    try {
      const what = `Environment ${driver.environment}`
      const identity = await within(driverMs, what, signal, (signal) =>
        driver.as(who).identify(target, name, signal, wish),
      )
      return {
        name,
        identity: { ...identity, groups: [...identity.groups], capabilities: [...identity.capabilities] },
      }
    } catch (error) {
      if (!(error instanceof HatchwayError)) throw error
      return { name, problem: error.message }
    }
  })
  return {
    options: {
      toolboxes: toolboxes.map(({ name, image }) => ({ name, image })),
      profiles: await Promise.all(profiles),
      requireReason: grant.requireReason,
      copies: grant.copies && driver.kind === 'kubernetes',
      scopes: scopesOf(target, grant.copies),
      requireTicket: grant.requireTicket,
      reasonPatterns: [...grant.reasonPatterns],
      ticketPatterns: [...grant.ticketPatterns],
      requireApproval: decision.effect === 'require-approval',
      ...(decision.effect === 'require-approval' && { approval: describeTerms(decision.approval) }),
      maxDurationSeconds: Math.floor(grant.maxDurationMs / 1000),
      idleTimeoutSeconds: Math.floor(grant.idleTimeoutMs / 1000),
      recordInput: grant.recordInput,
      exclusive: grant.exclusive,
      runbooks: deps.runbooks(policyTargetOf(target)).map(describeRunbook),
      rules: [...rules],
      ...defined({ processes: await describeProcesses(target, { driver, who }, signal) }),
    },
  }
}
