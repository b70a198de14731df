import type { V1SecurityContext } from '@kubernetes/client-node'
import type { Profile } from '../../../core/vocabulary.ts'

/** A plain object, although the client's types are classes. */
export type SecurityContext = { [Field in keyof V1SecurityContext]: V1SecurityContext[Field] }

/** What Pod Security's level `restricted` asks of a container: pod-security-standards, Restricted. */
export const compliant: SecurityContext = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

/** What `kubectl debug --profile` gives an ephemeral container (kubectl 1.36, pkg/cmd/debug/profiles.go). */
export const kubectlProfiles: Readonly<Record<Exclude<Profile, 'auto'>, SecurityContext>> = {
  general: { capabilities: { add: ['SYS_PTRACE'] } },
  baseline: {},
  restricted: compliant,
  netadmin: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
  sysadmin: { privileged: true },
}

/** Profiles from the one that gives most to the one that gives least: what to offer in place of a refused one. */
export const byStrength: readonly Profile[] = [
  'sysadmin',
  'general',
  'netadmin',
  'auto',
  'baseline',
  'restricted',
]

/** Whether `made`, which something in the cluster may have changed, is the user of `sent` with no right more. Pure. */
export function hasNoRightMore(sent: SecurityContext, made: SecurityContext): boolean {
  const added = made.capabilities?.add ?? []
  const dropped = made.capabilities?.drop ?? []
  return (
    made.runAsUser === sent.runAsUser &&
    made.runAsGroup === sent.runAsGroup &&
    (made.privileged !== true || sent.privileged === true) &&
    (made.allowPrivilegeEscalation === false || sent.allowPrivilegeEscalation !== false) &&
    (made.procMount === sent.procMount || made.procMount === 'Default') &&
    (made.seccompProfile?.type !== 'Unconfined' || sent.seccompProfile === undefined) &&
    added.every((name) => sent.capabilities?.add?.includes(name)) &&
    (sent.capabilities?.drop ?? []).every((name) => dropped.includes(name) || dropped.includes('ALL'))
  )
}
