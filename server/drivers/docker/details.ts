import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { ContainerInfo } from 'dockerode'
import type { DockerClient } from './client.ts'
import { dockerStatus } from './errors.ts'
import { DockerEvents } from './events.ts'
import { inspectContainer, readUser } from './facts.ts'
import type { Inspected } from './read.ts'
import { readTargetFacts } from './target-facts.ts'
import type { TargetDetails } from './describe-target.ts'
import { limitConcurrency } from '../shared/limit-concurrency.ts'
import type { LiveUser } from './target-process.ts'

const askMs = 15_000
const listenMs = 100
/** An entrypoint may drop privileges a little after a start, of which no event tells. */
const youngMs = 120_000
const youngMaxAgeMs = 30_000
/** However quiet the engine is, nothing known of a container is older. */
const maxAgeMs = 300_000
const shells = ['/bin/sh', '/bin/bash', '/busybox/sh', '/usr/bin/sh']

/** What is known of one container, and since when. Moments are by `performance.now()`. */
interface Known {
  readonly firstAskedAt: number
  details?: TargetDetails
  user?: LifeUser
  askedAt: number
  /** The events' period in which it was asked; undefined when changes were not heard of. */
  period: number | undefined
  /** Something has happened to it since it was asked. */
  changed: boolean
  asking?: Promise<void>
}

/** When something was asked, and what had been heard of until then. */
export interface AsOf {
  at: number
  period: number | undefined
  changes: number
}

/** Who the first process of one life of a container runs as. */
interface LifeUser {
  startedAt: string
  readAt: number
  user?: LiveUser
}

/** What a list doesn't tell of containers: each is looked at once, and again when something happens to it. */
export class DockerDetails {
  readonly #client: DockerClient
  readonly #events: DockerEvents
  readonly #limit = limitConcurrency(6)
  /** By container id. */
  readonly #known = new Map<string, Known>()
  /** By image id. */
  readonly #hasShell = new Map<string, boolean>()
  /** How often something has happened to any container. */
  #changes = 0

  constructor(client: DockerClient) {
    this.#client = client
    this.#events = new DockerEvents(client, (id) => {
      this.#changes += 1
      const known = this.#known.get(id)
      if (known !== undefined) known.changed = true
    })
  }

  /** What was last seen of a container; the same object as long as it is the same. */
  of(id: string): TargetDetails | undefined {
    return this.#known.get(id)?.details
  }

  /** Who the first process ran as in the life of the container that was last seen. */
  userOf(id: string): LiveUser | undefined {
    const { details, user } = this.#known.get(id) ?? {}
    return user !== undefined && user.startedAt === details?.info.State.StartedAt ? user.user : undefined
  }

  /** Looks at those of which nothing is known, or not how they are now. Never rejects. */
  async refresh(containers: readonly ContainerInfo[]): Promise<void> {
    // Before anything is asked, so that what happens from then on is heard of; an engine that tells of nothing is asked each time.
    await Promise.race([this.#events.listen(), delay(listenMs)])
    const due = containers.filter((container) => this.#isDue(container))
    await Promise.allSettled(due.map(async (container) => await this.#ask(container)))
  }

  /** Before something is asked that {@link take} is to be given. */
  get asOf(): AsOf {
    return { at: performance.now(), period: this.#events.period, changes: this.#changes }
  }

  /** Takes what was seen of a container, and looks again soon when anything has happened since it was asked. */
  async take(container: ContainerInfo, info: Inspected, asOf: AsOf, signal: AbortSignal): Promise<void> {
    await this.#read(this.#entry(container.Id), container, asOf, signal, info)
  }

  /** The engine did not answer: whether changes are still heard of is not sure. */
  lost(): void {
    this.#events.drop()
  }

  /** Forgets all but these. */
  keepOnly(containers: readonly ContainerInfo[]): void {
    const ids = new Set(containers.map(({ Id }) => Id))
    const images = new Set(containers.map(({ ImageID }) => ImageID))
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id)
    for (const image of this.#hasShell.keys()) if (!images.has(image)) this.#hasShell.delete(image)
  }

  close(): void {
    this.#events.close()
  }

  #isDue({ Id, State }: ContainerInfo): boolean {
    const known = this.#known.get(Id)
    if (known?.details === undefined || known.changed) return true
    const unheard = known.period === undefined || known.period !== this.#events.period
    // Whatever was not told: the list itself knows better.
    const differs = State !== '' && State !== known.details.info.State.Status
    return unheard || differs || performance.now() - known.askedAt > mostAgeMs(known)
  }

  #entry(id: string): Known {
    const now = performance.now()
    const known = this.#known.get(id) ?? {
      firstAskedAt: now,
      askedAt: now,
      period: undefined,
      changed: false,
    }
    this.#known.set(id, known)
    return known
  }

  /** One question at a time about each. */
  async #ask(container: ContainerInfo): Promise<void> {
    const known = this.#entry(container.Id)
    // Not a caller's signal: what is asked here serves the next list too.
    const ask = async () => await this.#read(known, container, this.asOf, AbortSignal.timeout(askMs))
    known.asking ??= this.#limit(ask).finally(() => {
      delete known.asking
    })
    await known.asking
  }

  async #read(
    known: Known,
    { Id, ImageID }: ContainerInfo,
    asOf: AsOf,
    signal: AbortSignal,
    inspected?: Inspected,
  ): Promise<void> {
    known.changed = asOf.changes !== this.#changes
    known.period = asOf.period
    known.askedAt = asOf.at
    try {
      const info = inspected ?? (await inspectContainer(this.#client, Id, signal))
      const [user, hasShell, found] = await Promise.all([
        this.#user(known, info, signal),
        this.#shell(info, ImageID, signal),
        readTargetFacts(this.#client, info, signal),
      ])
      const details: TargetDetails = {
        info,
        found,
        ...(user === undefined ? {} : { user: `${user.uid}:${user.gid}` }),
        ...(hasShell === undefined ? {} : { hasShell }),
      }
      if (!isDeepStrictEqual(known.details, details)) known.details = details
    } catch (cause) {
      known.changed = true
      throw cause
    }
  }

  async #user(known: Known, info: Inspected, signal: AbortSignal): Promise<LiveUser | undefined> {
    const { user } = known
    if (user?.startedAt !== info.State.StartedAt) return await this.#readUser(known, info, signal)
    // What is known serves now; whoever asks next gets what is read meanwhile.
    if (performance.now() - user.readAt > mostAgeMs(known) / 2) {
      user.readAt = performance.now()
      void this.#readUser(known, info, AbortSignal.timeout(askMs))
    }
    return user.user
  }

  /** Never rejects. */
  async #readUser(known: Known, info: Inspected, signal: AbortSignal): Promise<LiveUser | undefined> {
    const user = info.untold.length > 0 ? undefined : await this.#liveUser(info, signal)
    const { StartedAt: startedAt } = info.State
    known.user = { startedAt, readAt: performance.now(), ...(user === undefined ? {} : { user }) }
    return user
  }

  async #liveUser(info: Inspected, signal: AbortSignal): Promise<LiveUser | undefined> {
    return await readUser(this.#client, info, signal).catch(() => undefined)
  }

  async #shell(info: Inspected, image: string, signal: AbortSignal): Promise<boolean | undefined> {
    const known = this.#hasShell.get(image)
    if (known !== undefined || image === '') return known
    const found = await Promise.all(shells.map(async (path) => await this.#hasFile(info.Id, path, signal)))
    if (found.includes(true)) this.#hasShell.set(image, true)
    else if (!found.includes(undefined)) this.#hasShell.set(image, false)
    return this.#hasShell.get(image)
  }

  async #hasFile(id: string, path: string, signal: AbortSignal): Promise<boolean | undefined> {
    const call = { method: 'HEAD', path: `/containers/${id}/archive`, query: { path } } as const
    return await this.#client.send({ ...call, doing: `look for ${path}`, signal }).then(
      () => true,
      (cause: unknown) => (dockerStatus(cause) === 404 ? false : undefined),
    )
  }
}

function mostAgeMs({ firstAskedAt }: Known): number {
  return performance.now() - firstAskedAt < youngMs ? youngMaxAgeMs : maxAgeMs
}
