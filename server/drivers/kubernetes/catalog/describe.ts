import { warningsOfFacts, type FoundFacts } from '../../../core/target-facts.ts'
import type { PodContainer } from '../../../core/target.ts'
import type { TargetState } from '../../../core/vocabulary.ts'
import { describeContainer, pairContainers, type ContainerPair } from './containers.ts'
import { keepDebugContainers, type KubernetesDebugContainer } from './debug-containers.ts'
import { ownerOf, type Owner, type Pod } from '../api/objects.ts'
import { restartsOf, standingOf } from './pod-status.ts'
import { readPodFacts } from './target-facts.ts'

/** All that is kept of a pod: what a list shows and what a choice among pods looks at. */
export interface PodRecord {
  uid: string
  namespace: string
  name: string
  state: TargetState
  status: string
  ready: boolean
  createdAt: Date
  startedAt?: Date
  labels: Readonly<Record<string, string>>
  /** Of the container below. */
  image: string
  imageId?: string
  user?: string
  /** The container that would be opened: the default one, or the one asked for. Absent when there is no such container. */
  container?: string
  containers: readonly PodContainer[]
  restarts: number
  ports: readonly string[]
  node?: string
  /** Of the container below; of the pod alone when there is none. */
  found: FoundFacts
  warnings: readonly string[]
  owner?: Owner
  /** Hatchway's own ephemeral containers. */
  debug: readonly KubernetesDebugContainer[]
}

/** The annotation by which kubectl, too, chooses a container (kubernetes.io, Well-Known Labels). */
const defaultContainer = 'kubectl.kubernetes.io/default-container'
const noLabels = {}

/** Cuts a pod down to what is needed. Pure; `container` is what the caller asked for. */
export function describePod(pod: Pod, container?: string): PodRecord {
  const { metadata, spec } = pod
  const pairs = pairContainers(pod)
  const containers = pairs.map((pair) => describeContainer(pod, pair))
  const chosen = chooseContainer(pod, pairs, container)
  const described = containers.find(({ name }) => name === chosen?.spec.name)
  const standing = standingOf(pod, containers)
  const startedAt = chosen?.status?.state?.running?.startedAt ?? pod.status?.startTime
  const imageId = chosen?.status?.imageID
  const owner = ownerOf(metadata)
  const found = readPodFacts(pod, chosen?.spec.name ?? '')
  return {
    uid: metadata?.uid ?? '',
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    ...standing,
    createdAt: new Date(metadata?.creationTimestamp ?? 0),
    ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt) }),
    labels: metadata?.labels ?? noLabels,
    image: described?.image ?? '',
    ...(imageId === undefined || imageId === '' ? {} : { imageId }),
    ...(described?.user === undefined ? {} : { user: described.user }),
    ...(chosen === undefined ? {} : { container: chosen.spec.name }),
    containers,
    restarts: restartsOf(containers),
    ports: portsOf(pod),
    ...(spec?.nodeName === undefined ? {} : { node: spec.nodeName }),
    found,
    warnings: [...warningsOf(pod, chosen), ...warningsOfFacts(found)],
    ...(owner === undefined ? {} : { owner }),
    debug: keepDebugContainers(pod),
  }
}

function chooseContainer(
  { metadata }: Pod,
  pairs: readonly ContainerPair[],
  asked: string | undefined,
): ContainerPair | undefined {
  if (asked !== undefined) return pairs.find(({ spec }) => spec.name === asked)
  const annotated = metadata?.annotations?.[defaultContainer]
  const named = pairs.find(({ kind, spec }) => kind === 'app' && spec.name === annotated)
  return named ?? pairs.find(({ kind }) => kind === 'app')
}

function portsOf({ spec }: Pod): string[] {
  const texts = (spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.map(({ containerPort, hostPort, protocol = 'TCP' }) => {
      const inside = `${containerPort}/${protocol.toLowerCase()}`
      return hostPort === undefined ? inside : `${hostPort}->${inside}`
    }),
  )
  return [...new Set(texts)]
}

function warningsOf({ metadata, spec }: Pod, chosen: ContainerPair | undefined): string[] {
  const security = chosen?.spec.securityContext
  const found: [boolean, string][] = [
    [
      metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined,
      'A static pod: its node runs it from a file, and the cluster adds no debug container to it.',
    ],
    [spec?.os?.name === 'windows', 'Runs on Windows: debug containers are for Linux.'],
    [
      spec?.shareProcessNamespace ?? false,
      "Its containers share one process namespace: process 1 is the pod's own, and the container's has another number.",
    ],
    [spec?.hostUsers === false, 'Runs in a user namespace: its files may not be readable.'],
    [security?.readOnlyRootFilesystem ?? false, 'Read-only: its files can be read but not changed.'],
  ]
  return found.flatMap(([holds, words]) => (holds ? [words] : []))
}
