import { setTimeout as delay } from 'node:timers/promises'
import type { CoreV1Event } from '@kubernetes/client-node'
import type { AttachPlace } from './attach.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import type { Wire } from '../api/objects.ts'

/** A start from an image that the node has is over by then, and needs no words. */
const firstAfterMs = 700
const everyMs = 1_000
const answerMs = 2_000

type PodEvent = Pick<Wire<CoreV1Event>, 'message' | 'lastTimestamp' | 'eventTime' | 'firstTimestamp'>

/**
 * Tells the newest of what the kubelet reports about an ephemeral container, until the signal aborts. Never rejects:
 * an actor who may not list events, or an API server that does not answer, leaves the start with fewer words.
 */
export async function followEvents(
  client: KubernetesClient,
  place: AttachPlace & { uid: string },
  onMessage: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const about = `involvedObject.uid=${place.uid},involvedObject.fieldPath=spec.ephemeralContainers{${place.container}}`
  try {
    const path = resourcePath('/api/v1', place.namespace, 'events')
    await delay(firstAfterMs, undefined, { signal })
    for (;;) {
      const { items } = await client.json<{ items: PodEvent[] }>({
        method: 'GET',
        path,
        query: { fieldSelector: about },
        ...(place.actor && { actor: place.actor }),
        doing: 'list the events of the debug container',
        signal,
        timeoutMs: answerMs,
      })
      const message = newestMessage(items)
      if (message !== undefined && !signal.aborted) onMessage(message)
      await delay(everyMs, undefined, { signal })
    }
  } catch {
    // The pod's status says what matters.
  }
}

/** A kubelet repeats the bare reason right after the event that says why, such as `Error: ErrImagePull`. */
const bareReason = /^Error: \w+$/

/** Pure. Of events of the same second the last listed one: the API server lists them by name, which has the time in it. */
export function newestMessage(events: readonly PodEvent[]): string | undefined {
  const telling = events.filter(({ message = '' }) => !bareReason.test(message))
  let newest: PodEvent | undefined
  for (const event of telling.length > 0 ? telling : events) {
    if (newest === undefined || timeOf(event) >= timeOf(newest)) newest = event
  }
  return newest?.message
}

function timeOf({ lastTimestamp, eventTime, firstTimestamp }: PodEvent): number {
  return Date.parse(lastTimestamp ?? eventTime ?? firstTimestamp ?? '') || 0
}
