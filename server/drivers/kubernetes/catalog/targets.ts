import { HatchwayError } from '../../../core/errors.ts'
import type { TargetRef } from '../../../core/target-ref.ts'
import type { Actor } from '../../../core/driver.ts'
import type { Lookup, Target, TargetQuery } from '../../../core/target.ts'
import { KubernetesAccess } from '../api/access.ts'
import { KubernetesCache } from './cache.ts'
import type { KubernetesClient } from '../api/client.ts'
import { copyLabels, sessionOfCopy } from './copy-name.ts'
import type { KubernetesDebugContainer } from './debug-containers.ts'
import { KubernetesFinder } from './find.ts'
import type { Pod } from '../api/objects.ts'

export interface KubernetesTargetsOptions {
  /** Only what is in these namespaces; absent: the whole cluster. */
  namespaces?: readonly string[]
}

/** One of Hatchway's ephemeral containers, and the pod that it is in. */
export interface PlacedDebugContainer extends KubernetesDebugContainer {
  namespace: string
  pod: string
  podUid: string
}

/** A debug copy of a pod, and its only container. */
export interface PlacedDebugCopy {
  namespace: string
  pod: string
  podUid: string
  container: string
  sessionId: string
}

/** The pods and workloads of one cluster. Watches them from its making until `close`. Throws only HatchwayError. */
export class KubernetesTargets {
  readonly #client: KubernetesClient
  readonly #namespaces: readonly string[] | undefined
  readonly #cache: KubernetesCache
  readonly #access: KubernetesAccess
  readonly #finder: KubernetesFinder

  constructor(client: KubernetesClient, { namespaces }: KubernetesTargetsOptions = {}) {
    this.#client = client
    this.#namespaces = namespaces
    this.#cache = new KubernetesCache(client, namespaces)
    this.#access = new KubernetesAccess(client)
    this.#finder = new KubernetesFinder(client, this.#cache, this.#access)
  }

  /** Workloads and pods where the actor may see them, by namespace, name and kind. */
  async list({ namespace }: TargetQuery, actor: Actor, signal: AbortSignal): Promise<readonly Target[]> {
    throwIfAborted(signal)
    await this.#cache.ready(signal)
    const { targets, namespaces } = this.#cache.snapshot()
    const asked = namespace === undefined ? namespaces : [namespace]
    const sees = await this.#access.visible(actor, asked)
    throwIfAborted(signal)
    if (namespace === undefined && !this.#client.impersonates) return targets
    return targets.filter(
      ({ ref }) =>
        ref.kind === 'kubernetes' &&
        (namespace === undefined || ref.namespace === namespace) &&
        sees(ref.namespace),
    )
  }

  /** Throws `target_not_found` and `invalid_request`. A workload without pods comes without `cluster.pod`. */
  async find(ref: TargetRef, lookup: Lookup, actor: Actor, signal: AbortSignal): Promise<Target> {
    throwIfAborted(signal)
    const { environment } = this.#client
    if (ref.kind !== 'kubernetes' || ref.environment !== environment) {
      throw new HatchwayError('invalid_request', `This is no target of the cluster ${environment}.`)
    }
    if (this.#namespaces?.includes(ref.namespace) === false) {
      throw new HatchwayError('target_not_found', `${environment} shows nothing of ${ref.namespace}.`)
    }
    return await this.#finder.find(ref, lookup, actor, signal)
  }

  /** The pod as it was read when its target was found, for what follows at once: only once, and for a second. */
  takePod(target: Target): Pod | undefined {
    return this.#finder.takePod(target)
  }

  /** Every ephemeral container that a gateway of this installation added, running or not, in pods that still exist. */
  async debugContainers(installation: string, signal: AbortSignal): Promise<PlacedDebugContainer[]> {
    await this.#cache.ready(signal)
    return [...this.#cache.pods()].flatMap(({ namespace, name, uid, debug }) =>
      debug
        .filter(({ env }) => env['HATCHWAY_INSTALLATION'] === installation)
        .map((container) => ({ ...container, namespace, pod: name, podUid: uid })),
    )
  }

  /** Every debug copy that a gateway of this installation made and that still exists. */
  async debugCopies(installation: string, signal: AbortSignal): Promise<PlacedDebugCopy[]> {
    await this.#cache.ready(signal)
    return [...this.#cache.pods()].flatMap(({ namespace, name, uid, labels, container = '' }) => {
      const sessionId = sessionOfCopy(name, labels)
      if (sessionId === undefined || labels[copyLabels.installation] !== installation) return []
      return [{ namespace, pod: name, podUid: uid, container, sessionId }]
    })
  }

  /** What is missing from the list, and what in it may be out of date, in words for users. */
  problems(): string[] {
    return this.#cache.problems()
  }

  close(): void {
    this.#cache.close()
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new HatchwayError('cancelled', 'Cancelled while asking for targets.')
}
