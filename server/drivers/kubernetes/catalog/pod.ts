import type {
  V1ContainerStatus,
  V1EphemeralContainer,
  V1ObjectMeta,
  V1PodStatus,
} from '@kubernetes/client-node'
import type { Actor } from '../../../core/driver.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import { watchResource, type Watched } from '../api/watch.ts'

/** What is followed of one pod. Times are texts, as the API server writes them. */
export interface PodFacts {
  metadata: Pick<V1ObjectMeta, 'name' | 'uid'> & {
    deletionTimestamp?: string
    deletionGracePeriodSeconds?: number
  }
  ephemeralContainers: readonly V1EphemeralContainer[]
  status: V1PodStatus
}

interface PodPlace {
  namespace: string
  pod: string
  actor?: Actor
}

interface Pod {
  metadata: PodFacts['metadata']
  spec: { ephemeralContainers?: V1EphemeralContainer[] }
  status?: V1PodStatus
}

export function podFacts({ metadata, spec, status }: Pod): PodFacts {
  const { name, uid, deletionTimestamp, deletionGracePeriodSeconds } = metadata
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(uid !== undefined && { uid }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    },
    ephemeralContainers: spec.ephemeralContainers ?? [],
    status: status ?? {},
  }
}

/** The pod as it is now. Throws `not_found`. */
export async function readPod(
  client: KubernetesClient,
  { namespace, pod, actor }: PodPlace,
  signal: AbortSignal,
): Promise<PodFacts> {
  const path = resourcePath('/api/v1', namespace, 'pods', pod)
  const who = actor === undefined ? {} : { actor }
  return podFacts(await client.json<Pod>({ method: 'GET', path, ...who, doing: 'read the pod', signal }))
}

/** Follows one pod by its name: `items` holds it, or nothing once it is gone. */
export function watchPod(client: KubernetesClient, { namespace, pod, actor }: PodPlace): Watched<PodFacts> {
  const fieldSelector = `metadata.name=${pod}`
  const resource = {
    group: '/api/v1',
    plural: 'pods',
    namespace,
    fieldSelector,
    ...(actor !== undefined && { actor }),
  }
  return watchResource(client, resource, podFacts)
}

/** How the ephemeral container of that name is; undefined before the kubelet has said anything. */
export function ephemeralStatus(pod: PodFacts, name: string): V1ContainerStatus | undefined {
  return pod.status.ephemeralContainerStatuses?.find((status) => status.name === name)
}
