import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { DebugContainer } from '../../core/debug-container.ts'
import type { StreamEnd } from '../../core/streams.ts'
import type { ExitWatch } from './attach.ts'
import type { DockerClient } from './client.ts'
import { dockerStatus } from './errors.ts'
import { wasKilledByEngine } from './events.ts'
import { inspectContainer } from './facts.ts'
import { requireTold } from './read.ts'

/** A debug container whose stream is there. */
export interface Attached {
  client: DockerClient
  container: DebugContainer
  socket: Socket
  exit: ExitWatch
  /** The target's start time when the session joined it; a later one means that it was restarted. */
  targetStartedAt: string
}

/** Killed by SIGKILL: its own deadline, memory, or the end of the process namespace that it shares. */
const killed = 137

/** How it ended, once its socket has closed. `isDetached` is asked then. Never rejects. */
export async function endOfStream(attached: Attached, isDetached: () => boolean): Promise<StreamEnd> {
  const { client, container, socket, exit } = attached
  // `close` follows `end`, which follows the last byte.
  if (!socket.closed) await once(socket, 'close').catch(() => {})
  if (isDetached()) {
    exit.close()
    return { kind: 'disconnected', detail: 'Detached.' }
  }
  // The stream closes a moment before the engine knows the exit code.
  const patience = new AbortController()
  const tired = delay(1_000, undefined, { signal: patience.signal }).catch(() => undefined)
  const code = await Promise.race([exit.exitCode, tired])
  patience.abort()
  exit.close()
  const end = code ?? (await stateOfContainer(client, container))
  if (typeof end !== 'number') return end
  if (end !== killed) return { kind: 'exit', exitCode: end }
  const removed = wasKilledByEngine(client, container.id)
  const cause = await endOfTarget(client, container.targetId, attached.targetStartedAt)
  if (cause !== undefined) return cause
  if (await removed) return { kind: 'removed', detail: 'Somebody had the engine kill the debug container.' }
  return { kind: 'exit', exitCode: end }
}

async function stateOfContainer(
  client: DockerClient,
  container: DebugContainer,
): Promise<number | StreamEnd> {
  try {
    const info = await inspectContainer(client, container.id, AbortSignal.timeout(5_000))
    requireTold(info, client.environment)
    if (!info.State.Running) return info.State.ExitCode
    return {
      kind: 'disconnected',
      detail: 'The connection to the engine broke; the debug container still runs.',
    }
  } catch (cause) {
    const gone = dockerStatus(cause) === 404
    const detail = gone ? 'The debug container is gone.' : 'The connection to the engine broke.'
    return { kind: 'disconnected', detail }
  }
}

/**
 * What became of the target; undefined when it goes on as before. Its end is known to the engine a little after
 * the kernel has killed everything in its namespace, so this looks for up to a second.
 */
async function endOfTarget(
  client: DockerClient,
  id: string,
  startedAt: string,
): Promise<StreamEnd | undefined> {
  const exited = (detail: string) => ({ kind: 'target-exited', detail }) as const
  const limit = AbortSignal.timeout(5_000)
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      const info = await inspectContainer(client, id, limit)
      requireTold(info, client.environment)
      const { State } = info
      const memory = State.OOMKilled ? ' because it ran out of memory' : ''
      if (!State.Running || State.Restarting)
        return exited(`The target exited with code ${State.ExitCode}${memory}.`)
      if (State.StartedAt !== startedAt) return exited('The target was restarted.')
    } catch (cause) {
      if (dockerStatus(cause) === 404) return exited('The target was removed.')
      // An engine that goes down takes its containers with it, or keeps them: a reattach will tell.
      return { kind: 'disconnected', detail: 'The engine went away.' }
    }
    await delay(50)
  }
  return undefined
}
