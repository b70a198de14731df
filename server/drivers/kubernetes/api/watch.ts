import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../../../core/errors.ts'
import type { Actor } from '../../../core/driver.ts'
import { type KubernetesClient } from './client.ts'
import { resourcePath } from './paths.ts'
import { KubernetesRefusal, refusalOf, translateKubernetesError, wasTooLong } from './errors.ts'
import { readList, readRecord, readText, withoutNulls } from '../../shared/read-json.ts'
import { metadataOf, WatchedItems, type Change } from './watched-items.ts'

export interface WatchedResource {
  /** `/api/v1` or `/apis/apps/v1`. */
  group: string
  plural: string
  /** Absent for all namespaces. */
  namespace?: string
  fieldSelector?: string
  labelSelector?: string
  actor?: Actor
}

/** A local copy of what a cluster has, kept up to date until it is closed. */
export interface Watched<T> {
  /** By uid. */
  readonly items: ReadonlyMap<string, T>
  /** All of it has been seen once. It may be old while there is a `problem`. */
  readonly synced: boolean
  /** Why it is not kept up to date at present. */
  readonly problem: HatchwayError | undefined
  /** How many are left out because they are not what they should be. */
  readonly unreadable: number
  /** Told after `items` has changed. Gives back how to stop. */
  onChange(listener: (kind: Change, item: T) => void): () => void
  /** Resolves when synced; rejects with what is in the way as soon as that is known, or when the signal fires. */
  ready(signal: AbortSignal): Promise<void>
  close(): void
}

interface Meta {
  metadata?: { uid?: string; resourceVersion?: string; continue?: string }
}

interface WatchEvent<K> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: K & Meta
}

export interface WatchPace {
  /** Between two tries, milliseconds; doubled at each failure up to `mostMs`. */
  leastMs: number
  mostMs: number
  /** A connection that says nothing for so long is dead: the API server sends a bookmark about every minute. */
  silentMs: number
}

const usualPace: WatchPace = { leastMs: 500, mostMs: 30_000, silentMs: 150_000 }
const usualPage = 250

/**
 * Lists and watches. `keep` cuts an object down to what is needed, so that memory is bounded by that and not by what people
 * put into their objects.
 */
// The caller alone knows what the API server sends for a resource.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function watchResource<K, T>(
  client: KubernetesClient,
  resource: WatchedResource,
  keep: (object: K) => T,
  pace: WatchPace = usualPace,
): Watched<T> {
  const watch = new ResourceWatch(client, resource, keep, pace)
  void watch.run()
  return watch
}

class ResourceWatch<K, T> implements Watched<T> {
  readonly #client: KubernetesClient
  readonly #resource: WatchedResource
  readonly #pace: WatchPace
  readonly #kept: WatchedItems<K, T>
  readonly #waiting = new Set<() => void>()
  readonly #closed = new AbortController()
  /** Objects in a page of a list; fewer once so many were too long for one answer. */
  #page = usualPage
  #synced = false
  #problem: HatchwayError | undefined
  /** Where a watch goes on; undefined when everything has to be listed. */
  #version: string | undefined

  constructor(client: KubernetesClient, resource: WatchedResource, keep: (object: K) => T, pace: WatchPace) {
    this.#client = client
    this.#resource = resource
    this.#pace = pace
    this.#kept = new WatchedItems(keep)
  }

  get items(): ReadonlyMap<string, T> {
    return this.#kept.items
  }

  get synced(): boolean {
    return this.#synced
  }

  get problem(): HatchwayError | undefined {
    return this.#problem
  }

  get unreadable(): number {
    return this.#kept.unreadable
  }

  onChange(listener: (kind: Change, item: T) => void): () => void {
    return this.#kept.onChange(listener)
  }

  async ready(signal: AbortSignal): Promise<void> {
    while (!this.#synced) {
      if (signal.aborted || this.#closed.signal.aborted)
        throw new HatchwayError(
          'cancelled',
          `Cancelled while waiting for the ${this.#resource.plural} of ${this.#client.environment}.`,
        )
      if (this.#problem !== undefined) throw this.#problem
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
      this.#waiting.delete(resolve)
    }
  }

  close(): void {
    this.#closed.abort()
    this.#wake()
    this.#kept.forgetListeners()
  }

  /** Until it is closed. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#closed
    let failures = 0
    while (!signal.aborted) {
      const begun = Date.now()
      try {
        if (this.#version === undefined) await this.#list()
        await this.#follow()
        failures = 0
      } catch (cause) {
        if (signal.aborted) return
        // What broke after a good while is no second failure in a row.
        const isFirst = Date.now() - begun > this.#pace.mostMs
        failures = this.#note(cause, isFirst ? 0 : failures)
      }
      const { leastMs, mostMs } = this.#pace
      // A server that ends every watch at once is not asked more often than this either.
      const wait = Math.min(mostMs, leastMs * 2 ** Math.max(0, failures - 1)) * (0.75 + Math.random() / 2)
      const spent = failures === 0 ? Date.now() - begun : 0
      await delay(Math.max(0, wait - spent), undefined, { signal }).catch(() => {})
    }
  }

  #note(cause: unknown, failures: number): number {
    if (refusalOf(cause)?.status === 410 || (cause instanceof KubernetesRefusal && cause.status === 410)) {
      // The version is older than what the server remembers: usual after a pause, and no problem.
      const again = this.#version === undefined
      this.#version = undefined
      return again ? failures + 1 : 0
    }
    this.#problem = translateKubernetesError(cause, {
      doing: `watch ${this.#resource.plural}`,
      environment: this.#client.environment,
      cancelled: false,
    })
    this.#wake()
    return failures + 1
  }

  get #call() {
    const { group, namespace, plural, fieldSelector, labelSelector, actor } = this.#resource
    return {
      method: 'GET' as const,
      path: resourcePath(group, namespace, plural),
      selectors: {
        ...(fieldSelector !== undefined && { fieldSelector }),
        ...(labelSelector !== undefined && { labelSelector }),
      },
      ...(actor !== undefined && { actor }),
      signal: this.#closed.signal,
    }
  }

  /** Page by page; what is not on any page any more has gone. */
  async #list(): Promise<void> {
    const seen = new Set<string>()
    let version: string | undefined
    let next: string | undefined
    do {
      const page = await this.#listPage(next)
      for (const object of readList(page.items)) {
        this.#kept.put(readRecord(object) as K)
        seen.add(readText(metadataOf(object)['uid']))
      }
      version = page.metadata?.resourceVersion
      next = page.metadata?.continue || undefined
    } while (next !== undefined)
    this.#kept.retain(seen)
    this.#version = version
    this.#healthy()
  }

  /** With half as many objects, and so on, when they are too long: an object of a few MB is as much as a cluster keeps. */
  async #listPage(next: string | undefined): Promise<Meta & { items?: (K & Meta)[] }> {
    const { selectors, ...call } = this.#call
    for (;;) {
      const limit = String(this.#page)
      const query = { ...selectors, limit, ...(next !== undefined && { continue: next }) }
      const doing = `list ${this.#resource.plural}`
      try {
        return await this.#client.json({ ...call, query, doing, timeoutMs: 30_000 })
      } catch (cause) {
        if (!wasTooLong(cause) || this.#page === 1) throw cause
        this.#page = Math.floor(this.#page / 2)
      }
    }
  }

  async #follow(): Promise<void> {
    const { selectors, ...call } = this.#call
    const lines = this.#client.lines({
      ...call,
      query: {
        ...selectors,
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: this.#version ?? '',
        // The server would choose between 30 and 60 minutes; balancing and rotated credentials want it sooner.
        timeoutSeconds: String(Math.round(300 + Math.random() * 120)),
      },
      doing: `watch ${this.#resource.plural}`,
      idleMs: this.#pace.silentMs,
      onOpen: () => this.#healthy(),
    })
    for await (const line of lines) {
      const event = readRecord(withoutNulls(JSON.parse(line)))
      const { type, object } = { type: event['type'], object: readRecord(event['object']) } as WatchEvent<K>
      if (type === 'ERROR')
        throw new KubernetesRefusal((object as { code?: number }).code ?? 500, JSON.stringify(object))
      if (type === 'DELETED') this.#kept.remove(readText(metadataOf(object)['uid']))
      else if (type !== 'BOOKMARK') this.#kept.put(object)
      this.#version = readText(metadataOf(object)['resourceVersion']) || this.#version
    }
  }

  #healthy(): void {
    this.#synced = true
    this.#problem = undefined
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}
