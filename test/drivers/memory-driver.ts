import { createHash } from 'node:crypto'
import { untilMayBegin } from '../../server/drivers/shared/until-may-begin.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { TargetRef } from '../../server/core/target-ref.ts'
import type { DebugContainer, DebugSpec } from '../../server/core/debug-container.ts'
import type { Profile } from '../../server/core/vocabulary.ts'
import type {
  DriverCapabilities,
  Opened,
  StartProgress,
  TargetAccess,
  TargetDriver,
} from '../../server/core/driver.ts'
import type { Identity } from '../../server/core/identity.ts'
import type { CommandStream, TerminalStream } from '../../server/core/streams.ts'
import type { Lookup, Target, TargetQuery } from '../../server/core/target.ts'
import type { MemoryContainer, MemoryHost } from './memory-host.ts'

interface Start<Stream extends TerminalStream | CommandStream> {
  container: MemoryContainer
  stream: Stream
}

/** The driver of a {@link MemoryHost}: passes the contract of every driver, and fails as its host is told to. */
export class MemoryDriver implements TargetDriver, TargetAccess {
  readonly kind: TargetRef['kind']
  readonly capabilities: DriverCapabilities
  readonly #host: MemoryHost
  readonly #installation: string

  constructor(host: MemoryHost, installation: string, kind: TargetRef['kind'] = 'docker') {
    this.#host = host
    this.#installation = installation
    this.kind = kind
    this.capabilities = { copies: kind === 'kubernetes' }
  }

  get environment(): string {
    return this.#host.environment
  }

  as(): TargetAccess {
    return this
  }

  async check(signal?: AbortSignal): Promise<void> {
    await this.#answer(signal)
  }

  async list(_query?: TargetQuery, signal?: AbortSignal): Promise<readonly Target[]> {
    await this.#answer(signal)
    const own = this.#host.containers.map(({ description, spec }) => ownTarget(description, spec))
    return own.length === 0 ? this.#host.targets : [...this.#host.targets, ...own]
  }

  async find(ref: TargetRef, _lookup?: Lookup, signal?: AbortSignal): Promise<Target> {
    await this.#answer(signal)
    return this.#host.find(ref)
  }

  async identify(target: Target, profile: Profile, signal?: AbortSignal): Promise<Identity> {
    await this.#answer(signal)
    const { blind } = this.#host.faults
    if (blind?.profiles.includes(profile) === true) throw blind.reason
    return identityOf(target)
  }

  async open(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin?: Promise<unknown>,
  ): Promise<Opened<TerminalStream>> {
    return await this.#start(spec, target, { onProgress, signal, mayBegin }, async () => {
      const { container } = await this.#host.startTerminal(spec, target)
      return { container, stream: container.attach() }
    })
  }

  async run(
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin?: Promise<unknown>,
  ): Promise<Opened<CommandStream>> {
    return await this.#start(spec, target, { onProgress, signal, mayBegin }, () =>
      this.#host.startCommand(spec, target),
    )
  }

  async reattach({ id }: DebugContainer, signal?: AbortSignal): Promise<TerminalStream> {
    await this.#answer(signal)
    const container = this.#host.container(id)
    if (container === undefined)
      throw new HatchwayError('session_ended', 'The debug container of this session no longer runs.')
    return container.attach()
  }

  async stop({ id }: DebugContainer, signal?: AbortSignal): Promise<void> {
    await this.#answer(signal)
    await this.#host.container(id)?.end()
  }

  async listOwned(signal?: AbortSignal): Promise<DebugContainer[]> {
    await this.#answer(signal)
    const own = this.#host.containers.filter(({ spec }) => spec.installation === this.#installation)
    return own.map(({ description }) => description)
  }

  problems(): string[] {
    return [...(this.#host.faults.lacks ?? [])]
  }

  close(): void {}

  async #answer(signal?: AbortSignal): Promise<void> {
    const { hangs, away } = this.#host.faults
    if (hangs === true) await new Promise<never>(() => {})
    throwIfCancelled(signal)
    if (away !== undefined) throw away
  }

  async #start<Stream extends TerminalStream | CommandStream>(
    spec: DebugSpec,
    { id, name }: Target,
    {
      onProgress,
      signal,
      mayBegin,
    }: {
      onProgress: (progress: StartProgress) => void
      signal: AbortSignal
      mayBegin: Promise<unknown> | undefined
    },
    begin: () => Promise<Start<Stream>>,
  ): Promise<Opened<Stream>> {
    await this.#answer(signal)
    onProgress({ phase: 'resolving' })
    throwIfCancelled(signal)
    const target = this.#host.target(id)
    if (target === undefined) throw new HatchwayError('target_not_found', `The container ${name} is gone.`)
    if (target.state !== 'running')
      throw new HatchwayError('target_not_running', `The container ${name} does not run.`)
    const { refused, slow } = this.#host.faults
    onProgress({ phase: 'creating' })
    await untilAborted(slow, signal)
    throwIfCancelled(signal)
    if (refused !== undefined) throw refused
    onProgress({ phase: 'attaching' })
    throwIfCancelled(signal)
    await untilMayBegin(mayBegin, signal)
    const { container, stream } = await begin()
    if (signal.aborted) {
      stream.detach()
      await container.end()
      throwIfCancelled(signal)
    }
    const image = createHash('sha256').update(spec.toolbox.image).digest('hex')
    return {
      container: container.description,
      stream,
      identity: identityOf(target),
      imageId: Promise.resolve(`sha256:${image}`),
      notices: [],
    }
  }
}

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new HatchwayError('cancelled', 'The call was cancelled.')
}

async function untilAborted(slow: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  if (slow === undefined) return
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (signal.aborted) resolve()
  await Promise.race([slow, aborted])
}

function identityOf({ user = '0:0' }: Target): Identity {
  const [uid = 0, gid = 0] = user.split(':').map(Number)
  return { uid, gid, groups: [], capabilities: [], seesFiles: true, explanation: 'as the target' }
}

function ownTarget({ id, environment, sessionId }: DebugContainer, { toolbox }: DebugSpec): Target {
  const name = `hatchway-${sessionId}`
  return {
    ref: { kind: 'docker', environment, container: name },
    id,
    name,
    image: toolbox.image,
    state: 'running',
    status: 'Up',
    createdAt: new Date(),
    labels: {},
    ports: [],
    warnings: [],
    ownSession: sessionId,
  }
}
