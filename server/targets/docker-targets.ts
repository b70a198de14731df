import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode'
import type { Target } from '../core/target.ts'
import type { DockerClient } from './docker-client.ts'
import { dockerStatus, throwIfCancelled } from './docker-errors.ts'
import { inspectContainer, readUser } from './docker-facts.ts'
import { limitConcurrency } from './limit-concurrency.ts'
import { describeTarget, type TargetDetails } from './describe-target.ts'
import type { ResolvedUser } from './user-database.ts'

/** How long a list waits for what it must ask about each container. */
const patienceMs = 300
const userMaxAgeMs = 30_000
const shells = ['/bin/sh', '/bin/bash', '/busybox/sh', '/usr/bin/sh']

/** The live user: it changes with a start, and a little after one when the entrypoint drops privileges. */
interface LiveUser {
  startedAt: string
  readAt: number
  user?: ResolvedUser
}

/** The containers of one engine, with details that arrive when they can. */
export class DockerTargets {
  readonly #client: DockerClient
  readonly #limit = limitConcurrency(6)
  /** By container id: the last details known. */
  readonly #details = new Map<string, TargetDetails>()
  readonly #users = new Map<string, LiveUser>()
  /** By container id: one question at a time. */
  readonly #asking = new Map<string, Promise<void>>()
  /** By image id. */
  readonly #hasShell = new Map<string, boolean>()

  constructor(client: DockerClient) {
    this.#client = client
  }

  /** Every container. Details that take longer than a moment are absent and there the next time. */
  async list(signal: AbortSignal): Promise<Target[]> {
    const containers = await this.#containers({}, signal)
    this.#forgetOthers(containers)
    // Not the caller's signal: what is asked here serves the next list too.
    const own = AbortSignal.timeout(15_000)
    const details = Promise.allSettled(containers.map(async (container) => await this.#ask(container, own)))
    await Promise.race([details, delay(patienceMs, undefined, { signal }).catch(() => {})])
    throwIfCancelled(signal, 'list the containers')
    return containers.map((container) => this.#describe(container))
  }

  /**
   * One container with its details, by name, id or id prefix; undefined when it has just gone.
   * Throws what the engine says of a reference that fits none or several.
   */
  async find(reference: string, signal: AbortSignal): Promise<Target | undefined> {
    // Most references are names: asked for both at once, the second question costs no time.
    const named = this.#containers({ name: [`^/${reference.replaceAll('.', '\\.')}$`] }, signal).catch(
      () => [],
    )
    const info = await inspectContainer(this.#client, reference, signal)
    // The engine's list is a copy that follows a little later: where the two differ, it is asked again.
    const found = (await named).find(({ Id, State }) => Id === info.Id && State === info.State.Status)
    const container = found ?? (await this.#containers({ id: [info.Id] }, signal))[0]
    if (container === undefined) return undefined
    await this.#readDetails(container, signal, info)
    return this.#describe(container)
  }

  /** A container as it was when last looked at, with who its first process ran as in that life of it. */
  known(id: string): { info: ContainerInspectInfo; user?: ResolvedUser } | undefined {
    const info = this.#details.get(id)?.info
    if (info === undefined) return undefined
    const live = this.#users.get(id)
    return live?.user !== undefined && live.startedAt === info.State.StartedAt
      ? { info, user: live.user }
      : { info }
  }

  async #containers(filters: Record<string, string[]>, signal: AbortSignal): Promise<ContainerInfo[]> {
    const query = { all: '1', filters: JSON.stringify(filters) }
    const call = { method: 'GET', path: '/containers/json', query, doing: 'list its containers' } as const
    return await this.#client.json<ContainerInfo[]>({ ...call, signal })
  }

  #describe(container: ContainerInfo): Target {
    return describeTarget(this.#client.environment, container, this.#details.get(container.Id))
  }

  #ask(container: ContainerInfo, signal: AbortSignal): Promise<void> {
    const { Id } = container
    const asking = this.#asking.get(Id) ?? this.#limit(async () => await this.#readDetails(container, signal))
    this.#asking.set(Id, asking)
    const forget = () => {
      if (this.#asking.get(Id) === asking) this.#asking.delete(Id)
    }
    asking.then(forget, forget)
    return asking
  }

  async #readDetails(
    { Id, ImageID }: ContainerInfo,
    signal: AbortSignal,
    inspected?: ContainerInspectInfo,
  ): Promise<void> {
    const info = inspected ?? (await inspectContainer(this.#client, Id, signal))
    const [user, hasShell, remapped] = await Promise.all([
      this.#user(info, signal),
      this.#shell(info, ImageID, signal),
      this.#client
        .securityOptions(signal)
        .then((options) => options.some((item) => item.startsWith('name=userns'))),
    ])
    this.#details.set(Id, {
      info,
      remapped,
      ...(user === undefined ? {} : { user: `${user.uid}:${user.gid}` }),
      ...(hasShell === undefined ? {} : { hasShell }),
    })
  }

  async #user(info: ContainerInspectInfo, signal: AbortSignal): Promise<ResolvedUser | undefined> {
    const known = this.#users.get(info.Id)
    if (known?.startedAt !== info.State.StartedAt) return await this.#readUser(info, signal)
    // What is known serves now; whoever asks next gets what is read meanwhile.
    if (Date.now() - known.readAt > userMaxAgeMs) {
      known.readAt = Date.now()
      void this.#readUser(info, AbortSignal.timeout(15_000))
    }
    return known.user
  }

  /** Never rejects. */
  async #readUser(info: ContainerInspectInfo, signal: AbortSignal): Promise<ResolvedUser | undefined> {
    const user = await readUser(this.#client, info, signal).catch(() => undefined)
    const { StartedAt: startedAt } = info.State
    this.#users.set(info.Id, { startedAt, readAt: Date.now(), ...(user === undefined ? {} : { user }) })
    return user
  }

  async #shell(info: ContainerInspectInfo, image: string, signal: AbortSignal): Promise<boolean | undefined> {
    const known = this.#hasShell.get(image)
    if (known !== undefined) return known
    const found = await Promise.all(shells.map(async (path) => await this.#hasFile(info.Id, path, signal)))
    if (found.includes(true)) this.#hasShell.set(image, true)
    else if (!found.includes(undefined)) this.#hasShell.set(image, false)
    return this.#hasShell.get(image)
  }

  async #hasFile(id: string, path: string, signal: AbortSignal): Promise<boolean | undefined> {
    const call = { method: 'HEAD', path: `/containers/${id}/archive`, query: { path } } as const
    return await this.#client.json({ ...call, doing: `look for ${path}`, signal }).then(
      () => true,
      (cause: unknown) => (dockerStatus(cause) === 404 ? false : undefined),
    )
  }

  #forgetOthers(containers: readonly ContainerInfo[]): void {
    const ids = new Set(containers.map(({ Id }) => Id))
    const images = new Set(containers.map(({ ImageID }) => ImageID))
    for (const map of [this.#details, this.#users]) {
      for (const id of map.keys()) if (!ids.has(id)) map.delete(id)
    }
    for (const image of this.#hasShell.keys()) if (!images.has(image)) this.#hasShell.delete(image)
  }
}
