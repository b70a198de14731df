import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { ContainerInspectInfo } from 'dockerode'
import { HatchwayError } from '../core/errors.ts'
import type {
  DebugContainer,
  DebugSpec,
  Identity,
  OpenedTerminal,
  StartProgress,
  Target,
} from '../core/target.ts'
import { attachTty, watchExit, type ExitWatch } from './docker-attach.ts'
import type { DockerClient } from './docker-client.ts'
import { containerBody, type DebugResources } from './docker-container.ts'
import { dockerStatus, throwIfCancelled } from './docker-errors.ts'
import { inspectContainer, listProcesses, readFacts, readUser } from './docker-facts.ts'
import { chooseIdentity, type RunAs, type TargetFacts } from './docker-identity.ts'
import { removeContainer } from './docker-remove.ts'
import { explainStartFailure } from './docker-start-failure.ts'
import { DockerTerminal } from './docker-terminal.ts'
import type { ReadyToolbox, ToolboxImages } from './docker-toolbox.ts'
import { notRunning } from './target-state.ts'
import type { ResolvedUser } from './user-database.ts'

interface Opening {
  client: DockerClient
  images: ToolboxImages
  /** Who the target's first process was when last looked at. */
  knownUser: (info: ContainerInspectInfo) => ResolvedUser | undefined
  resources: DebugResources
  restartWaitMs: number
  spec: DebugSpec
  target: Target
  onProgress: (progress: StartProgress) => void
  signal: AbortSignal
}

/** One debug container, attached and started; nothing of it stays when this throws. */
export async function openDebugContainer(opening: Opening): Promise<OpenedTerminal> {
  const { client, images, spec, target, onProgress, signal } = opening
  onProgress({ phase: 'resolving' })
  const [joined, local] = await Promise.all([joinTarget(opening), images.find(spec.toolbox, signal)])
  // A missing image and a lost target are told before a wrong profile is.
  joined.facts.catch(() => {})
  const toolbox = local ?? (await images.obtain(spec.toolbox, joined.info, onProgress, signal))
  await images.checkPlatform(toolbox, joined.info, signal)
  const { id, runAs } = await createAsTarget(opening, joined, toolbox)
  const container: DebugContainer = {
    environment: client.environment,
    id,
    sessionId: spec.sessionId,
    targetId: target.id,
  }
  onProgress({ phase: 'attaching' })
  const terminal = await startAttached(opening, container, joined.info, toolbox)
  return {
    container,
    terminal,
    identity: runAs.identity,
    imageId: toolbox.id,
    notices: noticesOf(runAs.identity, toolbox),
  }
}

/**
 * Creates the container, not started, as the target's user of this moment. The engine takes long to tell who that is, so
 * the container is made with who it was when last looked at, and made again in the rare case that it has changed.
 */
async function createAsTarget(
  opening: Opening,
  joined: Joined,
  toolbox: ReadyToolbox,
): Promise<{ id: string; runAs: RunAs }> {
  const { client, spec, onProgress, signal } = opening
  const engine = await client.engine(signal)
  const create = (runAs: RunAs) => {
    onProgress({ phase: 'creating' })
    const { resources } = opening
    const body = containerBody({ spec, target: joined.info, runAs, imageId: toolbox.id, resources, engine })
    return createContainer(client, spec, body, signal)
  }
  const guess = await guessIdentity(opening, joined)
  if (guess === undefined) {
    const runAs = chooseIdentity(await joined.facts, spec.profile)
    return { id: await create(runAs), runAs }
  }
  const [created, facts] = await Promise.allSettled([create(guess), joined.facts])
  if (created.status === 'rejected') throw created.reason
  try {
    if (facts.status === 'rejected') throw facts.reason
    const runAs = chooseIdentity(facts.value, spec.profile)
    if (isDeepStrictEqual(runAs, guess)) return { id: created.value, runAs }
    await removeContainer(client, created.value)
    return { id: await create(runAs), runAs }
  } catch (cause) {
    await removeContainer(client, created.value)
    throw cause
  }
}

/** Undefined when nothing is known of the target, or the profile can't be used. */
async function guessIdentity(
  { client, spec, knownUser, signal }: Opening,
  { info }: Joined,
): Promise<RunAs | undefined> {
  const user = knownUser(info)
  if (user === undefined) return undefined
  try {
    return chooseIdentity(await readFacts(client, info, signal, Promise.resolve(user)), spec.profile)
  } catch {
    return undefined
  }
}

interface Joined {
  info: ContainerInspectInfo
  /** May reject; whoever waits for it hears. */
  facts: Promise<TargetFacts>
}

/** The target as it is now, once it runs. A restarting one is waited for. */
async function joinTarget({ client, target, restartWaitMs, signal }: Opening): Promise<Joined> {
  const deadline = Date.now() + restartWaitMs
  for (;;) {
    // The slowest question runs beside the first one; its answer counts only when it fits that one's.
    const processes = listProcesses(client, target.id, signal)
    const info = await inspectContainer(client, target.id, signal).catch((cause: unknown) => {
      if (dockerStatus(cause) !== 404) throw cause
      const words = `The container ${target.name} is gone: it was removed or recreated. Open the target again by its name.`
      throw new HatchwayError('target_not_found', words, { cause })
    })
    if (info.State.Running && !info.State.Restarting) {
      const facts = readFacts(client, info, signal, readUser(client, info, signal, processes))
      // Awaited later; until then a failure elsewhere must not leave this one unheard.
      facts.catch(() => {})
      return { info, facts }
    }
    if (!info.State.Restarting || Date.now() > deadline) throw notRunning(info)
    await delay(100, undefined, { signal }).catch(() => {})
    throwIfCancelled(signal, 'wait for the target')
  }
}

async function createContainer(
  client: DockerClient,
  spec: DebugSpec,
  body: object,
  signal: AbortSignal,
): Promise<string> {
  const name = `hatchway-${spec.sessionId}`
  // Not the caller's signal: an abandoned create may still come true behind our back. It takes milliseconds.
  const own = new AbortController()
  const call = { method: 'POST', path: '/containers/create', query: { name }, body } as const
  try {
    const { Id } = await client.json<{ Id: string }>({
      ...call,
      doing: 'create the debug container',
      signal: own.signal,
    })
    if (!signal.aborted) return Id
    await removeContainer(client, Id)
    throw new HatchwayError('cancelled', 'The start was cancelled.')
  } catch (cause) {
    // Without an answer it may exist; with one it doesn't, or it is another's of the same name.
    if (dockerStatus(cause) === undefined && !signal.aborted)
      await removeContainer(client, name).catch(() => {})
    throw explainStartFailure(cause, spec)
  }
}

async function startAttached(
  opening: Opening,
  container: DebugContainer,
  target: ContainerInspectInfo,
  toolbox: ReadyToolbox,
): Promise<DockerTerminal> {
  const { client, spec, signal } = opening
  const exit: ExitWatch = watchExit(client, container.id, 'next-exit')
  let socket: Socket | undefined
  try {
    ;[socket] = await Promise.all([attachTty(client, container.id, signal), exit.registered])
    const terminal = new DockerTerminal({
      client,
      container,
      socket,
      exit,
      targetStartedAt: target.State.StartedAt,
    })
    const path = `/containers/${container.id}/start`
    const start = {
      method: 'POST',
      path,
      doing: 'start the debug container',
      signal,
      timeoutMs: 60_000,
    } as const
    const started = terminal.beginWith(spec.size, client.json(start)).catch((cause: unknown) => {
      if (!(cause instanceof HatchwayError && cause.code === 'session_ended')) throw cause
    })
    // The first bytes come before the engine's answer; they are worth showing.
    await Promise.race([started, firstByte(socket)])
    started.catch(() => {})
    signal.throwIfAborted()
    return terminal
  } catch (cause) {
    socket?.destroy()
    exit.close()
    await removeContainer(client, container.id)
    if (signal.aborted) throw new HatchwayError('cancelled', 'The start was cancelled.', { cause })
    throw explainStartFailure(cause, spec, toolbox)
  }
}

/** Resolves when there is something to read, without reading it. Never when the stream ends empty: the start tells. */
function firstByte(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => {
    if (socket.readableLength === 0) return
    socket.off('readable', look)
    resolve()
  }
  socket.on('readable', look)
  return promise
}

function noticesOf(identity: Identity, toolbox: ReadyToolbox): string[] {
  return [
    ...(toolbox.notice === undefined ? [] : [toolbox.notice]),
    ...(identity.seesFiles ? [] : [identity.explanation]),
  ]
}
