import { HatchwayError } from '../../core/errors.ts'
import type { TargetRef } from '../../core/target-ref.ts'
import type { DebugContainer, DebugSpec } from '../../core/debug-container.ts'
import type { Profile } from '../../core/vocabulary.ts'
import type { Actor, Opened, StartProgress, TargetAccess, TargetDriver } from '../../core/driver.ts'
import type { Identity, IdentityWish, TargetProcesses } from '../../core/identity.ts'
import type { CommandStream, TerminalStream } from '../../core/streams.ts'
import type { Lookup, Target, TargetQuery } from '../../core/target.ts'
import { ownSessionOf } from './describe-target.ts'
import { attachTo, watchExit } from './attach.ts'
import { DockerClient, type DockerEndpoint } from './client.ts'
import { labels, type DebugResources } from './container.ts'
import { dockerStatus, dockerWords } from './errors.ts'
import { inspectContainer, readFacts, readOffered } from './facts.ts'
import { chooseIdentity } from './identity.ts'
import { openDebugContainer, type Opening } from './open.ts'
import { removeContainer } from './remove.ts'
import { requireTold } from './read.ts'
import { DockerTargets, listContainers } from './targets.ts'
import { DockerCommand } from './command.ts'
import type { Joining } from './start.ts'
import { DockerTerminal } from './terminal.ts'
import { ToolboxImages, type BuiltinToolbox } from './toolbox.ts'
import { limitConcurrency } from '../shared/limit-concurrency.ts'

/** Debug containers that are being created and started; others wait for their turn. */
const startsAtOnce = 8

export interface DockerDriverOptions {
  environment: string
  endpoint: DockerEndpoint
  /** Whose debug containers these are. */
  installation: string
  resources: DebugResources
  builtin?: BuiltinToolbox
  /** Milliseconds. */
  timeouts?: { pullTotal?: number; pullIdle?: number; restartWait?: number }
}

type Asked<Stream extends TerminalStream | CommandStream> = Pick<
  Opening<Stream>,
  'spec' | 'target' | 'onProgress' | 'signal' | 'mayBegin' | 'joining'
>

const byTerminal: Joining<DockerTerminal> = {
  tty: true,
  join: (attached) => new DockerTerminal(attached),
  begin: (terminal, size, started) => terminal.beginWith(size, started),
}

const asCommand: Joining<DockerCommand> = {
  tty: false,
  join: (attached) => new DockerCommand(attached),
  begin: (_command, _size, started) => started,
}

/** One Docker engine, over its socket or TCP with TLS. Engine 20.10 and newer. */
export class DockerDriver implements TargetDriver, TargetAccess {
  readonly environment: string
  readonly kind = 'docker' as const
  readonly capabilities = { copies: false }
  readonly client: DockerClient
  readonly #options: DockerDriverOptions
  readonly #targets: DockerTargets
  readonly #images: ToolboxImages
  readonly #turns = limitConcurrency(startsAtOnce)

  constructor(options: DockerDriverOptions) {
    const { environment, endpoint, builtin, timeouts = {} } = options
    this.environment = environment
    this.#options = options
    this.client = new DockerClient(endpoint, environment)
    this.#targets = new DockerTargets(this.client)
    this.#images = new ToolboxImages(this.client, {
      pull: { totalMs: timeouts.pullTotal ?? 10 * 60_000, idleMs: timeouts.pullIdle ?? 60_000 },
      ...(builtin === undefined ? {} : { builtin }),
    })
  }

  /** An engine knows no people: whoever reaches it may do everything. */
  as(_actor: Actor): TargetAccess {
    return this
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.client.send({ method: 'GET', path: '/_ping', doing: 'answer', signal, timeoutMs: 5_000 })
  }

  async list(_query: TargetQuery, signal: AbortSignal): Promise<Target[]> {
    return await this.#targets.list(signal)
  }

  async find(ref: TargetRef, _lookup: Lookup, signal: AbortSignal): Promise<Target> {
    if (ref.kind !== 'docker' || ref.environment !== this.environment) {
      throw new HatchwayError(
        'invalid_request',
        `This is not a container of the environment ${this.environment}.`,
      )
    }
    const missing = (cause?: unknown) =>
      new HatchwayError(
        'target_not_found',
        `${this.environment} has no container named ${ref.container}, and none whose id begins so. It may have been removed: look in the list.`,
        { cause },
      )
    const target = await this.#targets.find(ref.container, signal).catch((cause: unknown) => {
      // An ambiguous id prefix is a 400 or 404 whose words alone tell (moby pkg/truncindex).
      if (/multiple ids found/i.test(dockerWords(cause))) {
        throw new HatchwayError(
          'target_ambiguous',
          `Several containers of ${this.environment} have an id that begins with ${ref.container}. Give more of it, or the name.`,
          { cause },
        )
      }
      throw dockerStatus(cause) === 404 ? missing(cause) : cause
    })
    if (target === undefined) throw missing()
    return target
  }

  async identify(
    target: Target,
    profile: Profile,
    signal: AbortSignal,
    { process: asked }: IdentityWish = {},
  ): Promise<Identity> {
    const info = await inspectContainer(this.client, target.id, signal)
    const process = asked === undefined ? undefined : { asked }
    return chooseIdentity(await readFacts(this.client, info, signal, { process }), profile).identity
  }

  async processes(target: Target, signal: AbortSignal): Promise<TargetProcesses | undefined> {
    return await readOffered(this.client, await inspectContainer(this.client, target.id, signal), signal)
  }

  async open(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin?: Promise<unknown>,
  ): Promise<Opened<TerminalStream>> {
    return await this.#open({ spec, target, onProgress, signal, mayBegin, joining: byTerminal })
  }

  async run(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin?: Promise<unknown>,
  ): Promise<Opened<CommandStream>> {
    return await this.#open({ spec, target, onProgress, signal, mayBegin, joining: asCommand })
  }

  async #open<Stream extends TerminalStream | CommandStream>(asked: Asked<Stream>): Promise<Opened<Stream>> {
    const { resources, timeouts } = this.#options
    if (asked.spec.copy === true || asked.spec.networkOnly === true)
      throw new HatchwayError(
        'invalid_request',
        'A session in Docker joins its container: copies and networks alone are for pods.',
      )
    return await openDebugContainer({
      client: this.client,
      images: this.#images,
      known: (id) => this.#targets.known(id),
      resources,
      turns: this.#turns,
      restartWaitMs: timeouts?.restartWait ?? 10_000,
      ...asked,
    })
  }

  async reattach(container: DebugContainer, signal: AbortSignal): Promise<TerminalStream> {
    const ended = (cause?: unknown) =>
      new HatchwayError('session_ended', 'The debug container of this session no longer runs.', { cause })
    const { client } = this
    const [info, target] = await Promise.all([
      inspectContainer(client, container.id, signal),
      inspectContainer(client, container.targetId, signal),
    ]).catch((cause: unknown) => {
      throw dockerStatus(cause) === 404 ? ended(cause) : cause
    })
    requireTold(info, this.environment)
    if (!info.State.Running || info.Config.Labels[labels.session] !== container.sessionId) throw ended()
    const exit = watchExit(client, container.id, 'not-running')
    try {
      const socket = await attachTo(client, { id: container.id, tty: true }, signal)
      return new DockerTerminal({ client, container, socket, exit, targetStartedAt: target.State.StartedAt })
    } catch (cause) {
      exit.close()
      throw [404, 409].includes(dockerStatus(cause) ?? 0) ? ended(cause) : cause
    }
  }

  async stop(container: DebugContainer, signal: AbortSignal): Promise<void> {
    await removeContainer(this.client, container.id, signal)
  }

  async listOwned(signal: AbortSignal): Promise<DebugContainer[]> {
    const { environment, client } = this
    const label = `${labels.installation}=${this.#options.installation}`
    const containers = await listContainers(client, { label: [label] }, signal)
    return containers.flatMap((row) => {
      const sessionId = ownSessionOf(row)
      const targetId = row.Labels[labels.target]
      if (sessionId === undefined || targetId === undefined) return []
      return [{ environment, id: row.Id, sessionId, targetId }]
    })
  }

  problems(): string[] {
    return [...this.#targets.problems()]
  }

  close(): void {
    this.#targets.close()
    this.client.close()
  }
}
