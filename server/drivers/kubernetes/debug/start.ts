import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../../../core/errors.ts'
import type { StartProgress } from '../../../core/driver.ts'
import { kubeletStarting, notUpYet, type Attachment, type AttachPlace } from './attach.ts'
import type { KubernetesClient } from '../api/client.ts'
import { followEvents } from './events.ts'
import type { PodFacts } from '../catalog/pod.ts'
import { readEvent, readStart, type Starting } from './progress.ts'
import type { Watched } from '../api/watch.ts'

export interface StartWait<Attached extends Attachment> {
  client: KubernetesClient
  place: AttachPlace & { uid: string }
  starting: Starting
  pod: Watched<PodFacts>
  attach: (signal: AbortSignal) => Promise<Attached>
  onProgress: (progress: StartProgress) => void
  signal: AbortSignal
}

/** Container starts take about 70 ms, and the kubelet's status comes up to a second later than its attach works. */
const eagerForMs = 3_000
/** No container is up sooner, and each refused attach costs a connection, TLS and all, while the node is at work. */
const firstMs = 45
const eagerMs = 20
const patientMs = 250
/** What may come right by itself is waited for so long. */
const stuckMs = 60_000
/** A node whose kubelet says nothing for so long will not start anything soon. */
const silentMs = 60_000
const pullMs = 10 * 60_000

/**
 * An attachment to a debug container that was just added, as soon as the kubelet lets it be attached.
 * Rejects as soon as the pod's status tells that it can't succeed, and at a deadline otherwise.
 */
export async function attachWhenUp<Attached extends Attachment>(
  wait: StartWait<Attached>,
): Promise<Attached> {
  const over = new AbortController()
  const signal = AbortSignal.any([wait.signal, over.signal])
  const follower = followStart(wait)
  const attaching = askToAttach(wait, signal)
  try {
    return await Promise.race([attaching, follower.failed])
  } catch (cause) {
    // It may have got through in the same moment.
    void attaching.then(
      (attached) => attached.destroy(),
      () => {},
    )
    throw cause
  } finally {
    over.abort()
    follower.close()
  }
}

async function askToAttach<Attached extends Attachment>(
  { attach }: StartWait<Attached>,
  signal: AbortSignal,
): Promise<Attached> {
  const since = Date.now()
  await delay(firstMs, undefined, { signal }).catch(() => {})
  for (;;) {
    try {
      return await attach(signal)
    } catch (cause) {
      const isDown = cause instanceof HatchwayError && cause.code === 'backend_unavailable'
      if (!notUpYet(cause) && !kubeletStarting(cause) && !isDown) throw cause
    }
    const isEager = Date.now() - since < eagerForMs
    await delay(isEager ? eagerMs : patientMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) throw new HatchwayError('cancelled', 'The start was cancelled.')
  }
}

function followStart({ client, pod, place, starting, onProgress }: StartWait<Attachment>): {
  failed: Promise<never>
  close(): void
} {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {})
  const since = Date.now()
  let stuckSince: number | undefined
  let told = ''
  let event: string | undefined
  const look = () => {
    const facts = pod.items.get(place.uid)
    if (facts === undefined) {
      if (pod.synced) reject(new HatchwayError('target_not_found', `The pod ${place.pod} is gone.`))
      else if (Date.now() - since > silentMs) reject(tooLong(place, pod.problem))
      return
    }
    const status = readStart(facts, starting)
    const isVague = status.kind === 'starting' && event !== undefined
    const state = isVague ? readEvent(event ?? '', starting) : status
    if (state.kind === 'failed') reject(state.error)
    stuckSince = state.kind === 'stuck' ? (stuckSince ?? Date.now()) : undefined
    if (state.kind === 'stuck' && Date.now() - (stuckSince ?? 0) > stuckMs) reject(state.error)
    const detail = state.kind === 'stuck' || state.kind === 'starting' ? state.detail : undefined
    if (detail !== undefined && detail !== told) {
      told = detail
      const phase = 'pulls' in state && state.pulls ? 'pulling' : 'creating'
      onProgress({ phase, detail, ...(state.kind === 'stuck' && { advice: state.advice }) })
    }
    const limit = detail === undefined ? silentMs : pullMs
    if (Date.now() - since > limit) reject(tooLong(place, pod.problem))
  }
  const ignore = pod.onChange(look)
  const timer = setInterval(look, 1_000)
  const over = new AbortController()
  const hear = (message: string) => {
    event = message
    look()
  }
  void followEvents(client, place, hear, over.signal)
  look()
  return {
    failed,
    close() {
      over.abort()
      ignore()
      clearInterval(timer)
    },
  }
}

function tooLong({ pod }: AttachPlace, problem: HatchwayError | undefined): HatchwayError {
  const more = problem === undefined ? '' : ` ${problem.message}`
  return new HatchwayError(
    'timeout',
    `The kubelet has not started the debug container in ${pod} in time. See whether the pod's node is ready.${more}`,
  )
}
