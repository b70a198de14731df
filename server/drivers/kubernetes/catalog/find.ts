import { HatchwayError } from '../../../core/errors.ts'
import { formatTargetRef, type TargetRef } from '../../../core/target-ref.ts'
import type { Actor } from '../../../core/driver.ts'
import type { Lookup, Target } from '../../../core/target.ts'
import type { PodPick } from '../../../core/vocabulary.ts'
import type { KubernetesAccess } from '../api/access.ts'
import type { KubernetesCache } from './cache.ts'
import { checkContainer, choosePod, describeChoices, stateOfChosen, type ChosenPod } from './choose.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import { describePod, type PodRecord } from './describe.ts'
import { refusalOf } from '../api/errors.ts'
import type { Pod } from '../api/objects.ts'
import { nameOf, traceOwners, type Lineage } from './owners.ts'
import { scopesOf } from './precondition.ts'
import { factsOf, workloadStanding } from './rows.ts'
import { workloadKey } from './snapshot.ts'
import {
  controllerKinds,
  describeWorkload,
  resources,
  type ControllerKind,
  type WorkloadRecord,
} from './workloads.ts'

export type ClusterRef = TargetRef & { kind: 'kubernetes' }

/** Pods that one choice reads anew: a watch that is further behind than that is of no use. */
const maxReads = 20
/** How late the watch may be with a workload that the API server already has. */
const watchLagMs = 2_000
/** A pod that was read longer ago is no base for what comes next. */
const freshMs = 1_000

/** Resolves references to pods, on behalf of one person at a time. */
export class KubernetesFinder {
  readonly #client: KubernetesClient
  readonly #cache: KubernetesCache
  readonly #access: KubernetesAccess
  readonly #read = new WeakMap<PodRecord | Target, { pod: Pod; at: number }>()

  constructor(client: KubernetesClient, cache: KubernetesCache, access: KubernetesAccess) {
    this.#client = client
    this.#cache = cache
    this.#access = access
  }

  /**
   * Every answer is about a pod as the API server has it now, read as the actor. Throws `target_not_found`, also for what
   * the cluster does not let the actor see, and `invalid_request` for a container that can't be a target.
   */
  async find(ref: ClusterRef, lookup: Lookup, actor: Actor, signal: AbortSignal): Promise<Target> {
    const { workload: kind } = ref
    if (kind !== 'pod') return await this.#findWorkload({ ...ref, workload: kind }, lookup, actor, signal)
    const pod = await this.#readPod(ref, ref.name, actor, signal)
    if (pod === undefined) throw notFound(ref)
    checkContainer(pod, ref.container)
    return this.#found(targetOf(ref, pod, await this.#lineage(pod, signal)), pod)
  }

  /** Once: the pod of a target that was found within the last second, as it was read for that. */
  takePod(target: Target): Pod | undefined {
    const read = this.#read.get(target)
    this.#read.delete(target)
    return read !== undefined && performance.now() - read.at <= freshMs ? read.pod : undefined
  }

  #found(target: Target, from: PodRecord): Target {
    const read = this.#read.get(from)
    if (read === undefined) return target
    const { cluster } = target
    const found =
      cluster?.container === undefined
        ? target
        : { ...target, cluster: { ...cluster, scopes: scopesOf(read.pod, cluster.container) } }
    this.#read.set(found, read)
    return found
  }

  async #findWorkload(
    ref: ClusterRef & { workload: ControllerKind },
    { pick = 'ready' }: Lookup,
    actor: Actor,
    signal: AbortSignal,
  ): Promise<Target> {
    const [sees] = await Promise.all([
      this.#access.visible(actor, [ref.namespace]),
      this.#cache.ready(signal),
    ])
    if (!sees(ref.namespace)) throw notFound(ref)
    const record = await this.#findRecord(ref, signal)
    if (record === undefined) throw notFound(ref)
    const verified = new Verified()
    while (verified.size < maxReads) {
      const pods = verified.over(this.#podsOf(record))
      if (pods.length === 0) return withoutPods(ref, record)
      const chosen = choosePod(pods, pick)
      if (chosen === undefined) throw noneToPick(ref, pick, pods)
      const lineage = verified.lineages.get(chosen.pod)
      if (lineage !== undefined) {
        checkContainer(chosen.pod, ref.container)
        return this.#found(withChoice(targetOf(ref, chosen.pod, lineage), chosen, pods), chosen.pod)
      }
      const pod = await this.#readPod(ref, chosen.pod.name, actor, signal)
      const fresh = pod === undefined ? undefined : await this.#lineage(pod, signal)
      if (pod !== undefined && fresh?.uids.includes(record.uid)) verified.add(pod, fresh)
      if (pod?.uid !== chosen.pod.uid) verified.drop(chosen.pod)
    }
    throw new HatchwayError(
      'backend_unavailable',
      `The pods of ${formatTargetRef(ref)} change too quickly to choose one now. Try again.`,
    )
  }

  async #findRecord(ref: ClusterRef & { workload: ControllerKind }, signal: AbortSignal) {
    const { workload: kind, namespace, name } = ref
    const key = workloadKey({ kind, namespace, name })
    const known = this.#cache.snapshot().workloads.get(key)
    if (known !== undefined) return known
    const fetched = await this.#readWorkload(kind, namespace, name, signal)
    if (fetched === undefined || !this.#cache.knowsKind(kind)) return fetched
    return (
      (await this.#cache.until(() => this.#cache.snapshot().workloads.get(key), watchLagMs, signal)) ??
      fetched
    )
  }

  /** The pods that verifiably belong to it. */
  #podsOf(record: WorkloadRecord): readonly PodRecord[] {
    const { owners, podsOf } = this.#cache.snapshot()
    if (owners.has(record.uid)) return podsOf.get(record.uid) ?? []
    const byUid = (uid: string) => (uid === record.uid ? record : owners.get(uid))
    return [...this.#cache.pods()].filter((pod) => traceOwners(pod, byUid).uids.includes(record.uid))
  }

  /** As the actor; undefined when there is no such pod, or none for them. */
  async #readPod(
    { namespace, container }: ClusterRef,
    name: string,
    actor: Actor,
    signal: AbortSignal,
  ): Promise<PodRecord | undefined> {
    const path = resourcePath('/api/v1', namespace, 'pods', name)
    try {
      const doing = `look at the pod ${namespace}/${name}`
      const at = performance.now()
      const pod = await this.#client.json<Pod>({ method: 'GET', path, actor, doing, signal })
      const record = describePod(pod, container)
      this.#read.set(record, { pod, at })
      return record
    } catch (cause) {
      const refusal = refusalOf(cause)
      if (refusal?.status === 404) return undefined
      const isTheirs = this.#client.impersonates && !/cannot impersonate/.test(refusal?.message ?? '')
      if (refusal?.status === 403 && isTheirs) return undefined
      throw cause
    }
  }

  /** As the gateway. */
  async #readWorkload(
    kind: ControllerKind,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<WorkloadRecord | undefined> {
    const { group, plural } = resources[kind]
    const path = resourcePath(group, namespace, plural, name)
    try {
      const doing = `look at the ${kind} ${namespace}/${name}`
      return describeWorkload(kind, await this.#client.json<object>({ method: 'GET', path, doing, signal }))
    } catch (cause) {
      if (refusalOf(cause)?.status === 404) return undefined
      throw cause
    }
  }

  /** With owners that the watch has not brought yet read from the API server. */
  async #lineage(pod: PodRecord, signal: AbortSignal): Promise<Lineage> {
    const { owners } = this.#cache.snapshot()
    const fetched = new Map<string, WorkloadRecord>()
    const byUid = (uid: string) => owners.get(uid) ?? fetched.get(uid)
    for (let owner = pod.owner; owner !== undefined; owner = byUid(owner.uid)?.owner) {
      const kind = controllerKinds.find((kind) => kind === owner?.kind)
      if (kind === undefined) break
      if (byUid(owner.uid) !== undefined) continue
      // What may not be read stays a claim.
      const read = this.#readWorkload(kind, pod.namespace, owner.name, signal)
      const record = await read.catch((cause: unknown) => {
        if (refusalOf(cause)?.status === 403) return undefined
        throw cause
      })
      if (record?.uid !== owner.uid || fetched.has(owner.uid)) break
      fetched.set(record.uid, record)
    }
    return traceOwners(pod, byUid)
  }
}

/** What was read from the API server while a pod was chosen: it counts more than what the watch says. */
class Verified {
  readonly lineages = new Map<PodRecord, Lineage>()
  readonly #gone = new Set<string>()

  get size(): number {
    return this.lineages.size + this.#gone.size
  }

  add(pod: PodRecord, lineage: Lineage): void {
    this.lineages.set(pod, lineage)
  }

  drop({ uid }: PodRecord): void {
    this.#gone.add(uid)
  }

  over(pods: readonly PodRecord[]): PodRecord[] {
    const read = [...this.lineages.keys()]
    const uids = new Set([...this.#gone, ...read.map(({ uid }) => uid)])
    return [...read, ...pods.filter(({ uid }) => !uids.has(uid))]
  }
}

function targetOf(ref: ClusterRef, pod: PodRecord, lineage: Lineage): Target {
  const own = nameOf({ kind: ref.workload, name: ref.name })
  const all = [nameOf({ kind: 'pod', name: pod.name }), ...lineage.names]
  return {
    ref,
    id: pod.uid,
    name: ref.name,
    ...factsOf(pod),
    state: stateOfChosen(pod),
    cluster: {
      names: [own, ...all.filter((name) => name !== own)],
      ...(lineage.claims.length === 0 ? {} : { claims: lineage.claims }),
      pod: pod.name,
      ...(pod.container === undefined ? {} : { container: pod.container }),
      containers: pod.containers,
      restarts: pod.restarts,
    },
  }
}

function withChoice(target: Target, { explanation }: ChosenPod, pods: readonly PodRecord[]): Target {
  const { cluster } = target
  if (cluster === undefined) return target
  const ready = pods.filter((pod) => pod.ready).length
  return {
    ...target,
    cluster: {
      ...cluster,
      pods: { total: pods.length, ready },
      choice: { explanation, pods: describeChoices(pods) },
    },
  }
}

/** A workload that has nothing to open now. */
function withoutPods(ref: ClusterRef, record: WorkloadRecord): Target {
  const { row } = record
  const standing =
    row === undefined ? { state: 'exited' as const, status: 'No pods' } : workloadStanding(row, [])
  return {
    ref,
    id: record.uid,
    name: record.name,
    image: row?.image ?? '',
    ...standing,
    createdAt: row?.createdAt ?? new Date(0),
    labels: row?.labels ?? {},
    ports: [],
    facts: [],
    warnings: [],
    cluster: { names: [nameOf(record)], containers: [], restarts: 0, pods: { total: 0, ready: 0 } },
  }
}

function notFound(ref: ClusterRef): HatchwayError {
  return new HatchwayError(
    'target_not_found',
    `There is no ${formatTargetRef(ref)}, or it is not for you to see. It may have been removed: look in the list.`,
  )
}

function noneToPick(ref: ClusterRef, pick: PodPick, pods: readonly PodRecord[]): HatchwayError {
  const ready = pods.filter((pod) => pod.ready).length
  const wanted = pick === 'crashing' ? 'crashes or fails to start' : 'is unready'
  return new HatchwayError(
    'target_not_found',
    `No pod of ${ref.workload} ${ref.name} ${wanted} now: ${ready} of ${pods.length} are ready. Choose a ready one, or name a pod.`,
  )
}
