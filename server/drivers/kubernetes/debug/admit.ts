import type { V1EphemeralContainer } from '@kubernetes/client-node'
import { HatchwayError } from '../../../core/errors.ts'
import type { Profile } from '../../../core/vocabulary.ts'
import { explainRefusal, podSecurityRefusal } from './admission.ts'
import type { KubernetesClient } from '../api/client.ts'
import {
  addEphemeralContainer,
  ephemeralContainer,
  type EphemeralPlace,
  type EphemeralPlan,
} from './ephemeral.ts'
import { choosePodIdentity, type PodRunAs } from './identity.ts'
import type { PodIdentityFacts } from '../catalog/identity-facts.ts'
import { byStrength } from './profiles.ts'

export interface Admission {
  client: KubernetesClient
  place: EphemeralPlace
  plan: Omit<EphemeralPlan, 'runAs'>
  facts: PodIdentityFacts
  /** Debug containers that the pod has. */
  earlier: readonly string[]
  signal: AbortSignal
}

export interface Admitted {
  container: V1EphemeralContainer
  runAs: PodRunAs
  /** When it is not the profile that was asked for: why, and which. */
  notice?: string
}

/**
 * What the cluster would admit, asked by a dry run: what is added to a pod can never be taken out again.
 * For `auto` the strongest that Pod Security lets pass; any other profile is taken or refused as it is.
 */
export async function admit(admission: Admission): Promise<Admitted> {
  const { profile } = admission.plan.spec
  try {
    return await tryProfile(admission, profile)
  } catch (cause) {
    const security = podSecurityRefusal(cause)
    if (security === undefined) throw explain(admission, cause)
    const weaker = byStrength.slice(byStrength.indexOf(profile) + 1)
    const next = await firstAdmitted(admission, weaker)
    if (next === undefined || profile !== 'auto') throw explain(admission, cause, next?.profile)
    const notice = `Pod Security "${security.level}" does not admit what this target would need, so the shell has the profile ${next.profile}. ${next.admitted.runAs.identity.explanation}`
    return { ...next.admitted, notice }
  }
}

async function firstAdmitted(
  admission: Admission,
  profiles: readonly Profile[],
): Promise<{ profile: Profile; admitted: Admitted } | undefined> {
  for (const profile of profiles) {
    try {
      return { profile, admitted: await tryProfile(admission, profile) }
    } catch (cause) {
      const isUnusable = cause instanceof HatchwayError && cause.code === 'profile_insufficient'
      if (podSecurityRefusal(cause) === undefined && !isUnusable) throw cause
    }
  }
  return undefined
}

async function tryProfile(
  { client, place, plan, facts, signal }: Admission,
  profile: Profile,
): Promise<Admitted> {
  const scope = plan.target === undefined ? 'network' : 'container'
  const runAs = choosePodIdentity(facts, profile, scope)
  const container = ephemeralContainer({ ...plan, runAs })
  await addEphemeralContainer(client, place, container, { dryRun: true, signal })
  return { container, runAs }
}

function explain({ place, plan, earlier }: Admission, cause: unknown, admitted?: Profile): HatchwayError {
  return explainRefusal(cause, {
    namespace: place.namespace,
    pod: place.pod,
    name: `hatchway-${plan.spec.sessionId}`,
    profile: plan.spec.profile,
    earlier,
    ...(admitted !== undefined && { admitted }),
  })
}
