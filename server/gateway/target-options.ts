/** What a session in a target may be, for one caller. */
import { within } from '../core/deadline.ts'
import { HatchwayError } from '../core/errors.ts'
import type { ApprovalTerms, Grant, PolicyTarget, Principal } from '../core/policy.ts'
import type { Runbook } from '../core/runbook.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import type { Target } from '../core/target.ts'
import type { SessionScope } from '../core/vocabulary.ts'
import type { Identity, IdentityWish, TargetProcesses } from '../core/identity.ts'
import type { Toolbox } from '../core/debug-container.ts'
import type { Profile } from '../core/vocabulary.ts'
import type { TargetDriver } from '../core/driver.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { driverMs, type FindTargetDeps, type FoundTarget } from './find-target.ts'
import { decideOpenWithReason, mayKnow } from './permissions.ts'

export interface TargetOptionsDeps extends Pick<FindTargetDeps, 'policy'> {
  toolboxes: readonly Toolbox[]
  /** Those for a target. */
  runbooks: (target: PolicyTarget) => readonly Runbook[]
}

export interface TargetOptions {
  toolboxes: readonly Toolbox[]
  /** `problem`: why this profile can't be used here. */
  profiles: readonly ({ name: Profile } & ({ identity: Identity } | { problem: string }))[]
  grant: Grant
  /** Who approves; there when an approval is required. */
  approval?: ApprovalTerms
  /** Whether policy allows a debug copy of the pod. */
  copies: boolean
  /** `problem`: why it can't be shared now. */
  scopes: readonly { scope: SessionScope; problem?: string }[]
  runbooks: readonly Runbook[]
  rules: readonly string[]
  processes?: TargetProcesses
}

/** A container whose processes are gone has none to join; in a cluster its pod may still be copied. */
export function canJoin({ ref, state }: Target): boolean {
  return ref.kind !== 'docker' || state === 'running' || state === 'paused'
}

/**
 * What a target is part of, by names that outlive it. Only those that the caller may know of by these names alone: a pod that
 * they may see does not tell of its workload. Undefined outside of clusters.
 */
export function visibleWorkloads(
  { policy }: Pick<FindTargetDeps, 'policy'>,
  who: Principal,
  { ref, cluster, labels, facts }: Target,
): string[] | undefined {
  if (cluster === undefined || ref.kind !== 'kubernetes') return undefined
  const { environment, namespace } = ref
  const own = `${ref.workload}/${ref.name}`
  return cluster.names.filter(
    (name) =>
      name !== own &&
      !name.startsWith('pod/') &&
      mayKnow(
        policy(),
        who,
        withoutUndefined({ environment, namespace, name, names: [name], labels, facts }),
      ),
  )
}

/** Of a workload: the pod that was chosen, and the others that the caller may know of. */
export function visibleChoice(
  { policy }: Pick<FindTargetDeps, 'policy'>,
  who: Principal,
  { ref, cluster, labels, facts }: Target,
): NonNullable<Target['cluster']>['choice'] {
  if (cluster?.choice === undefined || ref.kind !== 'kubernetes') return undefined
  const { explanation, pods } = cluster.choice
  const { environment, namespace } = ref
  const above = cluster.names.filter((name) => name !== `pod/${cluster.pod}`)
  const visible = pods.filter((pod) => {
    const name = `pod/${pod.name}`
    // Pods of one workload are made alike.
    const described = { environment, namespace, name, names: [name, ...above], labels, facts }
    return mayKnow(policy(), who, withoutUndefined(described))
  })
  return { explanation, pods: visible }
}

/** What a session may share, as the backend found it, and as policy lets it. A container of Docker can only be joined. */
function scopesOf({ cluster, name, status }: Target, copies: boolean): TargetOptions['scopes'] {
  if (cluster === undefined) return [{ scope: 'container' }]
  if (cluster.scopes === undefined)
    return [{ scope: 'container', problem: `${name} has no pod that could be opened: ${status}.` }]
  return cluster.scopes.map(({ scope, problem }) =>
    scope === 'copy' && !copies
      ? { scope, problem: 'Policy does not allow debug copies here.' }
      : withoutUndefined({ scope, problem }),
  )
}

/** What of it a session may be about. Who may not open it is not told. */
async function processesOf(
  target: Target,
  { driver, who }: { driver: TargetDriver; who: Principal },
  signal: AbortSignal,
): Promise<TargetProcesses | undefined> {
  const access = driver.as(who)
  if (access.processes === undefined || !canJoin(target)) return undefined
  const ask = async (signal: AbortSignal) => await access.processes?.(target, signal)
  return await within(driverMs, `Environment ${driver.environment}`, signal, ask).catch((error: unknown) => {
    if (error instanceof HatchwayError) return undefined
    throw error
  })
}

/** What a session in it may be, or why there can be none. `wanted`: what the identities of the profiles are told for. */
export async function optionsFor(
  deps: TargetOptionsDeps,
  who: Principal,
  { target, driver }: FoundTarget,
  wanted: IdentityWish,
  signal: AbortSignal,
): Promise<{ options: TargetOptions } | { denied: string }> {
  const decision = decideOpenWithReason(deps.policy(), who, policyTargetOf(target))
  if (decision.effect === 'deny') return { denied: decision.explanation }
  const { grant, rules } = decision
  const profiles = grant.profiles.map(async (name) => {
    try {
      const what = `Environment ${driver.environment}`
      const ask = (signal: AbortSignal) => driver.as(who).identify(target, name, signal, wanted)
      return { name, identity: await within(driverMs, what, signal, ask) }
    } catch (error) {
      if (!(error instanceof HatchwayError)) throw error
      return { name, problem: error.message }
    }
  })
  return {
    options: withoutUndefined({
      toolboxes: deps.toolboxes.filter(({ name }) => grant.toolboxes?.includes(name) ?? true),
      profiles: await Promise.all(profiles),
      grant,
      approval: decision.effect === 'require-approval' ? decision.approval : undefined,
      copies: grant.copies && driver.capabilities.copies,
      scopes: scopesOf(target, grant.copies),
      runbooks: deps.runbooks(policyTargetOf(target)),
      rules,
      processes: await processesOf(target, { driver, who }, signal),
    }),
  }
}
