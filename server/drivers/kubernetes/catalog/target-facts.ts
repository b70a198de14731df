import { posix } from 'node:path'
import { inOrder, type FoundFacts } from '../../../core/target-facts.ts'
import type { TargetFact } from '../../../core/vocabulary.ts'
import { factsOfMount } from '../../shared/host-mounts.ts'
import { pairContainers, type ContainerPair } from './containers.ts'
import type { Pod } from '../api/objects.ts'
import { addsPower, isUnconfinedType } from '../../shared/risky-options.ts'

type PodSpec = NonNullable<Pod['spec']>
type Spec = ContainerPair['spec']
type Mount = NonNullable<Spec['volumeMounts']>[number]

/** What `kubectl debug`, and Hatchway, add for a profile: beside each other they are nothing new. */
const debugCapabilities: readonly string[] = ['SYS_PTRACE', 'NET_ADMIN', 'NET_RAW']
/** Until Kubernetes 1.30 AppArmor was chosen there, and it still counts (KEP-24). */
const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/'
/** One for all the pods of a cluster. */
const nothing: FoundFacts = { facts: [], unknownFacts: [] }

/**
 * The facts of a pod's container. Those of every container count whose processes its shell sees: of the whole pod where that
 * shares them, and of debug containers that were aimed at it and still run. What a volume claim stands for is not in a pod. Pure.
 */
export function readPodFacts(pod: Pod, container: string): FoundFacts {
  const { spec } = pod
  const sharing = pairContainers(pod).filter((pair) => sharesProcesses(spec, pair, container))
  const facts: TargetFact[] = sharing.flatMap((pair) => factsOfOne(pod, pair))
  if (spec?.hostPID === true) facts.push('hostPid')
  if (spec?.hostNetwork === true) facts.push('hostNetwork')
  // The runtime mounts the host's /dev/shm there, into each container of the pod.
  if (spec?.hostIPC === true) facts.push('hostPath')
  if (spec?.hostUsers === false) facts.push('userNamespace')
  return facts.length === 0 ? nothing : { facts: inOrder(facts), unknownFacts: [] }
}

function sharesProcesses(spec: PodSpec | undefined, pair: ContainerPair, container: string): boolean {
  if (pair.spec.name === container) return true
  const isOver = pair.status?.state?.terminated !== undefined
  if (spec?.hostPID === true || spec?.shareProcessNamespace === true) return !isOver
  const aimedAt = 'targetContainerName' in pair.spec ? pair.spec.targetContainerName : undefined
  return aimedAt === container && !isOver
}

function factsOfOne(pod: Pod, { kind, spec }: ContainerPair): TargetFact[] {
  const security = spec.securityContext
  const added = (security?.capabilities?.add ?? []).filter(
    (name) => kind !== 'debug' || !debugCapabilities.includes(name),
  )
  return [
    ...(security?.privileged === true ? (['privileged'] as const) : []),
    ...(spec.volumeMounts ?? []).flatMap((mount) => factsOfVolumeMount(pod.spec, mount)),
    ...(addsPower(added) ? (['extraCapabilities'] as const) : []),
    ...(isUnconfined(pod, spec) ? (['unconfined'] as const) : []),
  ]
}

function factsOfVolumeMount(spec: PodSpec | undefined, mount: Mount): TargetFact[] {
  const path = spec?.volumes?.find(({ name }) => name === mount.name)?.hostPath?.path
  if (path === undefined) return []
  // What an expression stands for only the kubelet knows: anything below the volume.
  const source = posix.join(path, mount.subPath ?? '')
  const writable = mount.readOnly !== true
  return factsOfMount({ source, destination: mount.mountPath, writable })
}

/** By its own wish. What a container gets that says nothing, a debug container gets too. */
function isUnconfined({ metadata, spec }: Pod, { name, securityContext: own }: Spec): boolean {
  const shared = spec?.securityContext
  const kinds = [
    (own?.seccompProfile ?? shared?.seccompProfile)?.type,
    (own?.appArmorProfile ?? shared?.appArmorProfile)?.type,
  ]
  const annotated = metadata?.annotations?.[`${appArmorAnnotation}${name}`]
  const selinux = own?.seLinuxOptions?.type ?? shared?.seLinuxOptions?.type
  return (
    kinds.includes('Unconfined') ||
    annotated === 'unconfined' ||
    own?.procMount === 'Unmasked' ||
    (selinux !== undefined && isUnconfinedType(selinux))
  )
}
