import type { Profile } from '../../../core/vocabulary.ts'
import type { Identity } from '../../../core/identity.ts'
import type { SessionScope } from '../../../core/vocabulary.ts'
import {
  capabilityName,
  dockerDefaults as runtimeDefaults,
  effectiveCapabilities,
  includesCapabilities,
  type CapabilityChange,
} from '../../shared/capabilities.ts'
import type { PodIdentityFacts } from '../catalog/identity-facts.ts'
import { compliant, kubectlProfiles, type SecurityContext } from './profiles.ts'
import type { ResolvedUser } from '../../shared/user-database.ts'

/** An identity and the security context that brings it about. */
export interface PodRunAs {
  identity: Identity
  securityContext: SecurityContext
}

interface Choice {
  user: ResolvedUser
  context: SecurityContext
}

const root: ResolvedUser = { uid: 0, gid: 0, groups: [] }
/** The `nonroot` of distroless images. */
const nonroot: ResolvedUser = { uid: 65532, gid: 65532, groups: [] }

/**
 * As whom a debug container with this profile runs beside this target. Pure.
 * The ids are always written down: an image's own user would be root where the pod forbids it, or somebody who sees nothing.
 * Whether it may run there at all is for policy to say, by the target's facts.
 */
export function choosePodIdentity(
  facts: PodIdentityFacts,
  profile: Profile,
  scope: SessionScope = 'container',
): PodRunAs {
  const { user, context } = choose(facts, profile)
  const effective = effectiveOf(user, context)
  const identity: Identity = {
    uid: user.uid,
    gid: user.gid,
    groups: facts.podGroups.filter((id) => id !== user.gid),
    capabilities: effective,
    seesFiles: scope !== 'network' && seesFiles(facts, user, context, effective),
    explanation: '',
  }
  // What the pod forbids to all its containers, this one would have to be allowed to.
  const allowRoot = user.uid === 0 && facts.nonRootOnly ? { runAsNonRoot: false } : {}
  return {
    identity: { ...identity, explanation: explain(facts, profile, identity, scope) },
    securityContext: { ...context, runAsUser: user.uid, runAsGroup: user.gid, ...allowRoot },
  }
}

function choose(facts: PodIdentityFacts, profile: Profile): Choice {
  const own = facts.user ?? nonroot
  if (profile === 'auto') {
    if (own.uid !== 0) return { user: own, context: compliant }
    return { user: own, context: leastForRoot(facts) }
  }
  const context = kubectlProfiles[profile]
  if (profile === 'restricted') return { user: own.uid === 0 ? nonroot : own, context }
  return { user: profile === 'baseline' ? own : root, context }
}

/**
 * The target's own capabilities, word for word, so that what Pod Security admitted of the target it admits again; nothing
 * short of privileged is as much as a privileged root has, so that one gets no more than any.
 */
function leastForRoot({ capabilities, privileged }: PodIdentityFacts): SecurityContext {
  const { add, drop } = privileged ? { add: [], drop: [] } : capabilities
  // The API server refuses the two together (validation.go, ValidateSecurityContext).
  const escalates = add.some((name) => capabilityName(name) === 'SYS_ADMIN')
  return {
    ...(escalates ? {} : { allowPrivilegeEscalation: false }),
    ...(add.length + drop.length === 0
      ? {}
      : {
          capabilities: {
            ...(add.length > 0 && { add: [...add] }),
            ...(drop.length > 0 && { drop: [...drop] }),
          },
        }),
    seccompProfile: { type: 'RuntimeDefault' },
  }
}

/** A process that isn't root has no capabilities, whatever its container was given. */
function effectiveOf(user: ResolvedUser, context: SecurityContext): string[] {
  if (user.uid !== 0) return []
  return context.privileged ? ['ALL'] : effectiveCapabilities(changeOf(context))
}

function changeOf({ capabilities }: SecurityContext): CapabilityChange {
  return { add: capabilities?.add ?? [], drop: capabilities?.drop ?? [] }
}

/**
 * The kernel's rule for /proc/<pid>/root (ptrace(2), PTRACE_MODE_READ_FSCREDS): uid and gid equal and capabilities
 * a superset, or SYS_PTRACE.
 */
function seesFiles(
  facts: PodIdentityFacts,
  user: ResolvedUser,
  context: SecurityContext,
  effective: readonly string[],
): boolean {
  if (context.privileged) return true
  if (facts.unconfined) return false
  if (effective.includes('SYS_PTRACE')) return true
  if (facts.user === undefined) return false
  const theirs =
    facts.user.uid !== 0 ? [] : facts.privileged ? ['ALL'] : effectiveCapabilities(facts.capabilities)
  const sameIds = user.uid === facts.user.uid && user.gid === facts.user.gid
  return sameIds && includesCapabilities(effective, theirs)
}

function explain(facts: PodIdentityFacts, profile: Profile, identity: Identity, scope: SessionScope): string {
  const ids = `${identity.uid}:${identity.gid}`
  const isLike = facts.user?.uid === identity.uid && facts.user.gid === identity.gid
  const who = `Runs as ${isLike ? `${ids} like the target` : ids}, ${capabilityWords(identity.capabilities)}`
  const rest = [...caveats(facts, identity)]
  if (scope === 'network') {
    const own = "shares the pod's network only, none of its processes and files."
    const shared = "shares the pod's network and whatever processes run in it, and no files."
    return [`${who}: ${facts.processes === 'own' ? own : shared}`, ...rest].join(' ')
  }
  if (scope === 'copy' && facts.user === undefined)
    return 'Runs as whoever the container of the copy turns out to run as: it has not run yet, and the specification names nobody.'
  if (identity.seesFiles) return [`${who}: sees its processes, network and files.`, ...rest].join(' ')
  const why = whyUnseen(facts, profile, identity)
  return [`${who}: sees its processes and network, but not its files. ${why}`, ...rest].join(' ')
}

function caveats(facts: PodIdentityFacts, identity: Identity): string[] {
  const missing = (facts.user?.groups ?? []).filter((id) => !identity.groups.includes(id))
  const isLike = facts.user?.uid === identity.uid
  return [
    ...(facts.userFrom === 'specified' && isLike
      ? ["The runtime does not tell the target's live user, so this is what the pod's specification says."]
      : []),
    ...(missing.length > 0 && isLike
      ? [`The target's image puts it into the groups ${missing.join(', ')}, which only it can have.`]
      : []),
    ...(facts.processes === 'pod' ? ['All containers of the pod share their processes.'] : []),
    ...(facts.userNamespace ? ['The ids are those inside the pod, which maps them.'] : []),
  ]
}

function capabilityWords(names: readonly string[]): string {
  if (names.length === 0) return 'without capabilities'
  if (names.includes('ALL')) return 'with all capabilities'
  const extra = names.filter((name) => !runtimeDefaults.includes(name))
  if (!runtimeDefaults.every((name) => names.includes(name)))
    return `with the capabilities ${names.join(', ')}`
  const more = extra.length === 0 ? '' : ` and ${extra.join(', ')}`
  return `with the runtime's default capabilities${more}`
}

function whyUnseen(facts: PodIdentityFacts, profile: Profile, identity: Identity): string {
  if (facts.user === undefined) {
    return "The target's user is known neither from the runtime (containerd 2.0 and newer tell it) nor from the pod's specification. The profile general would see them."
  }
  if (facts.privileged && facts.user.uid === 0)
    return 'The target is privileged: seeing them takes the profile general or sysadmin.'
  if (facts.unconfined)
    return 'The target runs without AppArmor and this shell with it: seeing them takes the profile sysadmin.'
  const other = profile === 'auto' ? 'general' : 'auto'
  const { uid, gid } = facts.user
  if (identity.uid === uid && identity.gid === gid)
    return `The target holds more capabilities: the profile ${other} would see them.`
  return `The target runs as ${uid}:${gid}: the profile ${other} would see them.`
}
