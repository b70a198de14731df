import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../core/errors.ts'
import { attachTty, notUpYet, type Attachment } from './kubernetes-attach.ts'
import { resourcePath, type KubernetesClient } from './kubernetes-client.ts'
import { refusalOf } from './kubernetes-errors.ts'
import { endingSize } from './kubernetes-launch.ts'
import { ephemeralStatus, readPod } from './kubernetes-pod.ts'

/** A debug container, and the uid of its pod. */
export interface DebugPlace {
  namespace: string
  pod: string
  container: string
  uid: string
  sessionId: string
}

/** How an ephemeral container is now. `absent`: its pod is gone, or it never was. `pending`: it has not been started. */
export type DebugState = 'absent' | 'ended' | 'running' | 'pending'

/** The watchdog looks at its terminal once a second. */
const orderMs = 4_000

export async function readDebugState(
  client: KubernetesClient,
  place: DebugPlace,
  signal: AbortSignal,
): Promise<DebugState> {
  try {
    const pod = await readPod(client, place, signal)
    if (pod.metadata.uid !== place.uid) return 'absent'
    if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return 'ended'
    const state = ephemeralStatus(pod, place.container)?.state
    if (state?.terminated !== undefined) return 'ended'
    if (state?.running !== undefined) return 'running'
    return pod.ephemeralContainers.some(({ name }) => name === place.container) ? 'pending' : 'absent'
  } catch (cause) {
    if (refusalOf(cause)?.status === 404) return 'absent'
    throw cause
  }
}

/**
 * Ends a debug container by ordering it to; resolves when its status says that it has ended. One that was never started
 * is given a moment to be, and then left to its own claim deadline.
 * Throws when it goes on running: the caller comes again.
 */
export async function endDebugContainer(
  client: KubernetesClient,
  place: DebugPlace,
  { attached, signal }: { attached?: Attachment | undefined; signal: AbortSignal },
): Promise<void> {
  if (attached !== undefined) {
    attached.end()
    await Promise.race([attached.closed, delay(orderMs, undefined, { signal }).catch(() => {})])
  }
  const pendingUntil = Date.now() + 3_000
  for (let round = 0; ; round += 1) {
    const state = await readDebugState(client, place, signal)
    if (state === 'absent' || state === 'ended') return
    if (state === 'pending' && Date.now() > pendingUntil) return
    if (round % 20 === 0 || state === 'pending') await order(client, place, round, signal)
    await delay(100, undefined, { signal }).catch(() => {})
    if (signal.aborted) {
      throw new HatchwayError(
        'timeout',
        `The debug container ${place.container} of the pod ${place.pod} has not ended in time. It ends at its own deadline, and is tried again.`,
      )
    }
  }
}

async function order(
  client: KubernetesClient,
  place: DebugPlace,
  round: number,
  signal: AbortSignal,
): Promise<void> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(orderMs)])
  try {
    const tty = await attachTty(client, place, endingSize, soon)
    // What nobody reads would hold up the process's own output.
    tty.io.resume()
    await Promise.race([tty.closed, delay(orderMs, undefined, { signal: soon }).catch(() => {})])
    tty.destroy()
  } catch (cause) {
    if (!notUpYet(cause) && !soon.aborted) throw cause
  }
  // It doesn't listen: whoever may, kills it.
  if (round >= 40) await killByExec(client, place, soon)
}

/** Kills what carries the session in its environment: the shell, and its guard. */
const killScript = `for dir in /proc/[0-9]*; do
  [ "$dir" = "/proc/$$" ] || { grep -q "HATCHWAY_SESSION=$1" "$dir/environ" && kill -KILL "\${dir#/proc/}"; }
done 2>/dev/null`

async function killByExec(client: KubernetesClient, place: DebugPlace, signal: AbortSignal): Promise<void> {
  const socket = await client.webSocket(
    {
      path: resourcePath('/api/v1', place.namespace, 'pods', place.pod, 'exec'),
      query: {
        container: place.container,
        command: ['/bin/sh', '-c', killScript, 'hatchway', place.sessionId],
        stdout: 'true',
        stderr: 'true',
      },
      doing: 'kill a debug container that does not end when it is ordered to',
      signal,
    },
    ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
  )
  socket.on('error', () => {})
  socket.resume()
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
    signal.addEventListener('abort', () => socket.terminate(), { once: true })
  })
}
