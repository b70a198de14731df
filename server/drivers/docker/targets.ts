import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerInfo } from 'dockerode'
import type { Target } from '../../core/target.ts'
import { describeTarget, type TargetDetails } from './describe-target.ts'
import { readItems, type Items } from './answer.ts'
import type { DockerClient } from './client.ts'
import { DockerDetails } from './details.ts'
import { throwIfCancelled } from './errors.ts'
import { inspectContainer } from './facts.ts'
import { readRow, type Inspected } from './read.ts'
import type { LiveUser } from './target-process.ts'

/** How long a list waits for what it must ask about each container. */
const patienceMs = 300

/** A line of the engine's list as a target, and what it was made of. */
interface Described {
  target: Target
  details: TargetDetails | undefined
}

/** What the engine answered, and the lines of it that name no container. */
interface Rows {
  rows: readonly ContainerInfo[]
  nameless: number
  tooLarge: number
}

/** The containers of one engine, with details that arrive when they can. */
export class DockerTargets {
  readonly #client: DockerClient
  readonly #details: DockerDetails
  /** Lines of the last list by their text: one that has not changed is neither parsed nor described again. */
  #lines = new Map<string, ContainerInfo>()
  readonly #described = new WeakMap<ContainerInfo, Described>()
  #problems: readonly string[] = []

  constructor(client: DockerClient) {
    this.#client = client
    this.#details = new DockerDetails(client)
  }

  /**
   * Every container, each the same object as long as nothing of it changes. Details that take longer than a moment are absent
   * and there the next time. Callers at the same time share what the engine is asked.
   */
  async list(signal: AbortSignal): Promise<Target[]> {
    const { rows, ...leftOut } = await this.#all(signal).catch((cause: unknown) => {
      if (!signal.aborted) this.#details.lost()
      throw cause
    })
    this.#details.keepOnly(rows)
    const refreshed = this.#details.refresh(rows)
    await Promise.race([refreshed, delay(patienceMs, undefined, { signal }).catch(() => {})])
    throwIfCancelled(signal, 'list the containers')
    this.#problems = this.#problemsOf(rows, leftOut)
    return rows.map((row) => this.#describe(row))
  }

  /** What the last list left out or could not tell. */
  problems(): readonly string[] {
    return this.#problems
  }

  /**
   * One container with its details, by name, id or id prefix; undefined when it has just gone.
   * Throws what the engine says of a reference that fits none or several.
   */
  async find(reference: string, signal: AbortSignal): Promise<Target | undefined> {
    // Most references are names: asked for both at once, the second question costs no time.
    const named = this.#some({ name: [`^/${reference.replaceAll('.', '\\.')}$`] }, signal).catch(() => [])
    const { asOf } = this.#details
    const info = await inspectContainer(this.#client, reference, signal)
    // The engine's list is a copy that follows a little later: where the two differ, it is asked again.
    const found = (await named).find(({ Id, State }) => Id === info.Id && State === info.State.Status)
    const container = found ?? (await this.#some({ id: [info.Id] }, signal)).find(({ Id }) => Id === info.Id)
    if (container === undefined) return undefined
    await this.#details.take(container, info, asOf, signal)
    return this.#describe(container)
  }

  /** A container as it was when last looked at, with who its first process ran as in that life of it. */
  known(id: string): { info: Inspected; user?: LiveUser } | undefined {
    const info = this.#details.of(id)?.info
    if (info === undefined) return undefined
    const user = this.#details.userOf(id)
    return user === undefined ? { info } : { info, user }
  }

  close(): void {
    this.#details.close()
  }

  async #all(signal: AbortSignal): Promise<Rows> {
    const question = { path: '/containers/json', query: { all: '1' }, doing: 'list its containers', signal }
    return await this.#client.look<Rows>(question, async (response) => {
      const lines = new Map<string, ContainerInfo>()
      const { items, tooLarge } = await readItems(response, (text) => {
        const row = this.#lines.get(text) ?? readRow(JSON.parse(text))
        if (row !== undefined) lines.set(text, row)
        return row
      })
      this.#lines = lines
      const rows = items.filter((row) => row !== undefined)
      return { rows, nameless: items.length - rows.length, tooLarge }
    })
  }

  async #some(filters: Record<string, string[]>, signal: AbortSignal): Promise<ContainerInfo[]> {
    return await listContainers(this.#client, filters, signal)
  }

  #describe(row: ContainerInfo): Target {
    const details = this.#details.of(row.Id)
    const known = this.#described.get(row)
    if (known !== undefined && known.details === details) return known.target
    const target = describeTarget(this.#client.environment, row, details)
    this.#described.set(row, { target, details })
    return target
  }

  #problemsOf(rows: readonly ContainerInfo[], { nameless, tooLarge }: Omit<Rows, 'rows'>): string[] {
    const problems: string[] = []
    if (nameless > 0)
      problems.push(`${nameless} lines of the engine's list name no container and are left out.`)
    if (tooLarge > 0)
      problems.push(`${tooLarge} containers are left out: what the engine says of them is too large.`)
    for (const row of rows) {
      const { info } = this.#details.of(row.Id) ?? {}
      if (info === undefined || info.untold.length === 0) continue
      const name = describeTarget(this.#client.environment, row).name
      problems.push(
        `The engine does not say how ${name} is set up: its answer has no ${info.untold.join(', no ')}.`,
      )
    }
    return problems
  }
}

/** The containers that fit, running or not; whatever names no container is left out. */
export async function listContainers(
  client: DockerClient,
  filters: Readonly<Record<string, readonly string[]>>,
  signal: AbortSignal,
): Promise<ContainerInfo[]> {
  const query = { all: '1', filters: JSON.stringify(filters) }
  const question = { path: '/containers/json', query, doing: 'list its containers', signal }
  const read = async (response: AsyncIterable<Buffer>): Promise<Items<ContainerInfo | undefined>> =>
    await readItems(response, (text) => readRow(JSON.parse(text)))
  const { items } = await client.look<Items<ContainerInfo | undefined>>(question, read)
  return items.filter((row) => row !== undefined)
}
