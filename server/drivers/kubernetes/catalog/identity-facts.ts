import type { CapabilityChange } from '../../shared/capabilities.ts'
import type { Container, ContainerStatus, Pod } from '../api/objects.ts'
import type { ResolvedUser } from '../../shared/user-database.ts'

/** What of a pod decides as whom a debug container runs beside one of its containers. */
export interface PodIdentityFacts {
  /** Absent when neither the runtime nor the specification tells. */
  user?: ResolvedUser
  /** `specified`: the runtime doesn't tell, and a gid that the specification leaves open is taken for 0. */
  userFrom: 'runtime' | 'specified' | 'nowhere'
  capabilities: CapabilityChange
  privileged: boolean
  /** Whose processes the target's namespace holds. */
  processes: 'own' | 'pod' | 'host'
  /** AppArmor keeps a confined process from looking at one that isn't. */
  unconfined: boolean
  /** The pod maps its user ids. */
  userNamespace: boolean
  /** Given to every container of the pod, a debug container too. */
  podGroups: readonly number[]
  /** The pod asks of every container not to run as root, unless the container says otherwise. */
  nonRootOnly: boolean
}

/** Reads what the API tells of a pod's container. Pure. */
export function readIdentityFacts(pod: Pod, container: string): PodIdentityFacts {
  const spec = containerOf(pod, container)
  const own = spec?.securityContext
  const shared = pod.spec?.securityContext
  const live = statusOf(pod, container)?.user?.linux
  const specified = own?.runAsUser ?? shared?.runAsUser
  const gid = own?.runAsGroup ?? shared?.runAsGroup ?? 0
  const { fsGroup, supplementalGroups = [] } = shared ?? {}
  const user =
    live !== undefined
      ? {
          uid: live.uid,
          gid: live.gid,
          groups: (live.supplementalGroups ?? []).filter((id) => id !== live.gid),
        }
      : specified !== undefined
        ? { uid: specified, gid, groups: [] }
        : undefined
  return {
    ...(user !== undefined && { user }),
    userFrom: live !== undefined ? 'runtime' : specified !== undefined ? 'specified' : 'nowhere',
    capabilities: { add: own?.capabilities?.add ?? [], drop: own?.capabilities?.drop ?? [] },
    privileged: own?.privileged ?? false,
    processes: pod.spec?.hostPID ? 'host' : pod.spec?.shareProcessNamespace ? 'pod' : 'own',
    unconfined: (own?.appArmorProfile ?? shared?.appArmorProfile)?.type === 'Unconfined',
    userNamespace: pod.spec?.hostUsers === false,
    podGroups: [...new Set([...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups])],
    nonRootOnly: shared?.runAsNonRoot ?? false,
  }
}

/** The specification of an ordinary or init container of that name. */
export function containerOf({ spec }: Pod, name: string): Container | undefined {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].find((each) => each.name === name)
}

/** The status of an ordinary or init container of that name. */
export function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {}
  return [...containerStatuses, ...initContainerStatuses].find((each) => each.name === name)
}
