import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../../../core/errors.ts'
import { attachTty, notUpYet, type Attachment } from './attach.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import { refusalOf } from '../api/errors.ts'
import { endingSize } from './launch.ts'
import { ephemeralStatus, readPod } from '../catalog/pod.ts'

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
const killMs = 4_000
/** Looks between two tries to end it. Whoever calls has 20 s: an order or two, and the kill, have to fit into that. */
const roundsBetween = 20

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
  let heard = false
  let refused: unknown
  for (let round = 0; ; round += 1) {
    const state = await readDebugState(client, place, signal).catch((cause: unknown) => {
      throw signal.aborted ? notEnded(place, refused) : cause
    })
    if (state === 'absent' || state === 'ended') return
    if (state === 'pending' && Date.now() > pendingUntil) return
    if (round % roundsBetween === 0 || state === 'pending') {
      // It has heard the order and doesn't listen: whoever may, kills it.
      const kills = heard && state === 'running'
      const cause = kills ? await killByExec(client, place, signal) : undefined
      if (!signal.aborted) refused = cause ?? refused
      if (!kills || cause !== undefined) heard = (await order(client, place, signal)) || heard
    }
    await delay(100, undefined, { signal }).catch(() => {})
    if (signal.aborted) throw notEnded(place, refused)
  }
}

function notEnded({ container, pod }: DebugPlace, cause: unknown): HatchwayError {
  return new HatchwayError(
    'timeout',
    `The debug container ${container} of the pod ${pod} has not ended in time. It ends at its own deadline, and is tried again.`,
    { cause },
  )
}

/** Whether there was a terminal to give the order by. */
async function order(client: KubernetesClient, place: DebugPlace, signal: AbortSignal): Promise<boolean> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(orderMs)])
  try {
    const tty = await attachTty(client, place, endingSize, soon)
    tty.discard()
    await Promise.race([tty.closed, delay(orderMs, undefined, { signal: soon }).catch(() => {})])
    tty.destroy()
    return true
  } catch (cause) {
    if (!notUpYet(cause) && !soon.aborted) throw cause
    return false
  }
}

/** Kills what carries the session in its environment: the shell, and its guard. */
const killScript = `for dir in /proc/[0-9]*; do
  [ "$dir" = "/proc/$$" ] || { grep -q "HATCHWAY_SESSION=$1" "$dir/environ" && kill -KILL "\${dir#/proc/}"; }
done 2>/dev/null`

/** Resolves when the command has ended, or after 4 s; with what is in the way where it cannot be run, as most may not. */
async function killByExec(
  client: KubernetesClient,
  place: DebugPlace,
  parent: AbortSignal,
): Promise<unknown> {
  const signal = AbortSignal.any([parent, AbortSignal.timeout(killMs)])
  try {
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
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    const stop = () => socket.terminate()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    socket.resume()
    await promise
    return undefined
  } catch (cause) {
    return cause
  }
}
