import { HatchwayError } from '../../../core/errors.ts'
import type { KubernetesClient } from '../api/client.ts'
import { describePod, type PodRecord } from './describe.ts'
import { missingRight } from '../api/errors.ts'
import type { Pod } from '../api/objects.ts'
import { missingInWords } from '../api/rights.ts'
import { SnapshotBuilder, type ClusterSnapshot } from './snapshot.ts'
import { watchResource, type Watched } from '../api/watch.ts'
import { controllerKinds, describeWorkload, resources, type WorkloadRecord } from './workloads.ts'

/** The pods and workloads of one cluster, kept up to date by watches from its making until `close`. */
export class KubernetesCache {
  readonly #pods: readonly Watched<PodRecord>[]
  readonly #workloads: readonly Watched<WorkloadRecord>[]
  readonly #environment: string
  readonly #builder: SnapshotBuilder
  readonly #listeners = new Set<() => void>()
  #snapshot: ClusterSnapshot | undefined

  /** `namespaces`: only these; absent: the whole cluster. */
  constructor(client: KubernetesClient, namespaces?: readonly string[]) {
    this.#environment = client.environment
    this.#builder = new SnapshotBuilder(client.environment)
    const places = namespaces?.map((namespace) => ({ namespace })) ?? [{}]
    this.#pods = places.map((place) =>
      watchResource(client, { group: '/api/v1', plural: 'pods', ...place }, (pod: Pod) => describePod(pod)),
    )
    this.#workloads = controllerKinds.flatMap((kind) =>
      places.map((place) =>
        watchResource(client, { ...resources[kind], ...place }, (object: object) =>
          describeWorkload(kind, object),
        ),
      ),
    )
    for (const watched of [...this.#pods, ...this.#workloads]) {
      watched.onChange(() => {
        this.#snapshot = undefined
        for (const listener of this.#listeners) listener()
      })
    }
  }

  /**
   * Resolves when everything that may be listed has been listed once. Throws when no pods may be listed, and `cancelled`.
   * What else may not be listed stands in {@link problems}.
   */
  async ready(signal: AbortSignal): Promise<void> {
    const pods = await Promise.allSettled(this.#pods.map((watched) => watched.ready(signal)))
    throwIfAborted(signal)
    const failed = pods.find((each) => each.status === 'rejected')
    if (failed !== undefined && pods.every(({ status }) => status === 'rejected')) throw failed.reason
    await Promise.allSettled(this.#workloads.map((watched) => watched.ready(signal)))
    throwIfAborted(signal)
  }

  /** What is known now: after {@link ready}, all there is. */
  snapshot(): ClusterSnapshot {
    this.#snapshot ??= this.#builder.build(itemsOf(this.#pods), itemsOf(this.#workloads))
    return this.#snapshot
  }

  pods(): Iterable<PodRecord> {
    return itemsOf(this.#pods)
  }

  /** Whether anything has been listed of this kind of workload everywhere it should be. */
  knowsKind(kind: WorkloadRecord['kind']): boolean {
    const perKind = this.#workloads.length / controllerKinds.length
    const start = controllerKinds.indexOf(kind) * perKind
    return this.#workloads.slice(start, start + perKind).every(({ synced }) => synced)
  }

  /** What is missing, and what may be out of date, in words for users. */
  problems(): string[] {
    const all = [...this.#pods, ...this.#workloads]
    const rights = all.flatMap(({ problem, synced }) => (synced ? [] : (missingRight(problem) ?? [])))
    const isTold = (problem: HatchwayError) => rights.length > 1 && missingRight(problem) !== undefined
    const words = all.flatMap(({ problem, synced, unreadable }) => {
      if (problem === undefined && unreadable > 0)
        return [`${unreadable} objects are left out: what the cluster says of them can't be read.`]
      if (problem === undefined || (!synced && isTold(problem))) return []
      return [synced ? `What is shown may be out of date. ${problem.message}` : problem.message]
    })
    return [...(rights.length > 1 ? missingInWords(this.#environment, rights) : []), ...new Set(words)]
  }

  /** Resolves with what `look` finds, at the latest after `ms`: with undefined then, or when aborted. */
  async until<T>(look: () => T | undefined, ms: number, signal: AbortSignal): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>()
    const check = () => {
      const found = look()
      if (found !== undefined) resolve(found)
    }
    const over = AbortSignal.any([signal, AbortSignal.timeout(ms)])
    const stop = () => resolve(undefined)
    over.addEventListener('abort', stop)
    this.#listeners.add(check)
    try {
      check()
      if (over.aborted) stop()
      return await promise
    } finally {
      this.#listeners.delete(check)
      over.removeEventListener('abort', stop)
    }
  }

  close(): void {
    for (const watched of [...this.#pods, ...this.#workloads]) watched.close()
    this.#listeners.clear()
  }
}

function* itemsOf<T>(all: readonly Watched<T>[]): Iterable<T> {
  for (const { items } of all) yield* items.values()
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new HatchwayError('cancelled', 'The caller went away.')
}
