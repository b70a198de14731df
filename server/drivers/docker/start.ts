import type { Socket } from 'node:net'
import type { ContainerInspectInfo } from 'dockerode'
import { HatchwayError } from '../../core/errors.ts'
import type { DebugContainer, DebugSpec } from '../../core/debug-container.ts'
import type { StartProgress } from '../../core/driver.ts'
import type { TerminalSize } from '../../core/streams.ts'
import { attachTo, watchExit, type ExitWatch } from './attach.ts'
import type { DockerClient } from './client.ts'
import { containerBody, containerName, type DebugResources } from './container.ts'
import { dockerStatus, throwIfCancelled } from './errors.ts'
import type { RunAs } from './identity.ts'
import { readRecord, readText } from '../shared/read-json.ts'
import { removeContainer } from './remove.ts'
import { explainStartFailure } from './start-failure.ts'
import type { Attached } from './stream-end.ts'
import type { ReadyToolbox } from './toolbox.ts'
import { untilMayBegin } from '../shared/until-may-begin.ts'
import type { Turns } from '../shared/limit-concurrency.ts'

/** How what a debug container runs is joined: by a terminal, or as a command. */
export interface Joining<Stream> {
  tty: boolean
  join(attached: Attached): Stream
  /** Resolves once the container has started, and a terminal has the size that it begins with. */
  begin(stream: Stream, size: TerminalSize, started: Promise<void>): Promise<void>
}

export interface StartOptions<Stream> {
  client: DockerClient
  resources: DebugResources
  /** An engine that is told to start a hundred at once starts none in time, and answers nobody meanwhile. */
  turns: Turns
  spec: DebugSpec
  joining: Joining<Stream>
  onProgress: (progress: StartProgress) => void
  signal: AbortSignal
  /** See TargetAccess. */
  mayBegin?: Promise<unknown> | undefined
}

/** What to start, and beside what. */
export interface StartPlan {
  target: ContainerInspectInfo
  toolbox: ReadyToolbox
  runAs: RunAs
}

export interface Started<Stream> {
  container: DebugContainer
  stream: Stream
}

/**
 * Creates, attaches and starts; resolves when there is output or the engine has started it. Nothing stays when it throws.
 * `onStarting` is called when the engine has been told to start.
 */
export async function startDebugContainer<Stream>(
  options: StartOptions<Stream>,
  plan: StartPlan,
  onStarting: () => void = () => {},
): Promise<Started<Stream>> {
  const { turns, signal } = options
  return await turns(async () => await startNow(options, plan, onStarting), signal).catch(
    (cause: unknown) => {
      throwIfCancelled(signal, 'start the debug container')
      throw cause
    },
  )
}

async function startNow<Stream>(
  options: StartOptions<Stream>,
  plan: StartPlan,
  onStarting: () => void,
): Promise<Started<Stream>> {
  const { client, spec, resources, onProgress, signal } = options
  const { target, toolbox, runAs } = plan
  const engine = await client.engine(signal)
  onProgress({ phase: 'creating' })
  const image = { imageId: toolbox.id, architecture: toolbox.architecture }
  const body = containerBody({ spec, tty: options.joining.tty, target, runAs, resources, engine, ...image })
  const id = await createContainer(options, body)
  const container = { environment: client.environment, id, sessionId: spec.sessionId, targetId: target.Id }
  onProgress({ phase: 'attaching' })
  return { container, stream: await startAttached(options, plan, container, onStarting) }
}

async function createContainer(
  { client, spec, signal }: StartOptions<unknown>,
  body: object,
): Promise<string> {
  const name = containerName(spec.sessionId)
  // Not the caller's signal: an abandoned create may still come true behind our back. It takes milliseconds.
  const own = new AbortController()
  const call = { method: 'POST', path: '/containers/create', query: { name }, body } as const
  try {
    const answer = await client.json({ ...call, doing: 'create the debug container', signal: own.signal })
    const Id = readText(readRecord(answer)['Id'])
    if (Id === '') {
      throw new HatchwayError(
        'start_failed',
        `The engine of ${client.environment} does not say which container it created. See what answers there, then try again.`,
      )
    }
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

async function startAttached<Stream>(
  options: StartOptions<Stream>,
  { target, toolbox }: StartPlan,
  container: DebugContainer,
  onStarting: () => void,
): Promise<Stream> {
  const { client, spec, joining, signal } = options
  const exit: ExitWatch = watchExit(client, container.id, 'next-exit')
  let socket: Socket | undefined
  try {
    ;[socket] = await Promise.all([
      attachTo(client, { id: container.id, tty: joining.tty }, signal),
      exit.registered,
    ])
    const targetStartedAt = target.State.StartedAt
    const stream = joining.join({ client, container, socket, exit, targetStartedAt })
    const path = `/containers/${container.id}/start`
    const start = {
      method: 'POST',
      path,
      doing: 'start the debug container',
      signal,
      timeoutMs: 60_000,
    } as const
    await untilMayBegin(options.mayBegin, signal)
    const starting = client.send(start)
    const started = joining.begin(stream, spec.size, starting).catch((cause: unknown) => {
      if (!(cause instanceof HatchwayError && cause.code === 'session_ended')) throw cause
    })
    onStarting()
    // The first bytes come before the engine's answer; they are worth showing.
    await Promise.race([started, firstByte(socket)])
    started.catch(() => {})
    signal.throwIfAborted()
    return stream
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
