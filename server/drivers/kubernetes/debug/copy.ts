import { setTimeout as delay } from 'node:timers/promises'
import { HatchwayError } from '../../../core/errors.ts'
import type { Opened } from '../../../core/driver.ts'
import type { CommandStream, TerminalStream } from '../../../core/streams.ts'
import { podSecurityRefusal } from './admission.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import { copyLabels, copyName } from '../catalog/copy-name.ts'
import { copyNotices, copyPod } from './copy-pod.ts'
import { waitForCopy } from './copy-start.ts'
import { refusalOf } from '../api/errors.ts'
import type { Pod } from '../api/objects.ts'
import type { Attachment } from './attach.ts'
import { openInPod, readWholePod, type Joining, type PodOpening } from './open.ts'
import { watchPod } from '../catalog/pod.ts'
import { requireCopyable } from '../catalog/precondition.ts'
import { readPodFacts } from '../catalog/target-facts.ts'
import { untilMayBegin } from '../../shared/until-may-begin.ts'
import { requireJudged } from '../../shared/judged-facts.ts'
import { requireDelete } from '../api/rights.ts'

/** A debug copy, by its name and the session that it was made for. */
export interface CopyPlace {
  namespace: string
  pod: string
  sessionId: string
}

const cleanupMs = 20_000
/** A kubelet that has not ended the copy by then doesn't answer: the object goes all the same. */
const gentleMs = 8_000

/** A debug container in a copy of the target's pod; nothing of either is left when this throws. */
export async function openInCopy<Stream extends TerminalStream | CommandStream, Attached extends Attachment>(
  opening: PodOpening,
  joining: Joining<Stream, Attached>,
): Promise<Opened<Stream>> {
  const { found, ...into } = opening
  const { client, spec, target, onProgress, signal } = opening
  onProgress({ phase: 'resolving' })
  const pod = found ?? (await readWholePod(client, { ...target, actor: opening.actor }, signal))
  requireCopyable(pod, target.container, target.uid)
  requireJudged(readPodFacts(pod, target.container), spec, target.pod)
  await requireDelete(client, target.namespace, signal)
  const copy = copyPod(pod, target.container, spec)
  const name = copyName(target.pod, spec.sessionId)
  await createCopy(opening, copy, { dryRun: true, signal })
  await untilMayBegin(opening.mayBegin, signal)
  throwIfCancelled(signal)
  onProgress({ phase: 'creating' })
  try {
    // Not the caller's signal: an abandoned request may still come true behind our back.
    const made = await createCopy(opening, copy, { dryRun: false, signal: AbortSignal.timeout(15_000) })
    const place = { ...target, pod: name, uid: made.metadata?.uid ?? '' }
    throwIfCancelled(signal)
    const watched = watchPod(client, { namespace: target.namespace, pod: name })
    const start = { container: target.container, toolbox: spec.toolbox }
    try {
      await waitForCopy(watched, place, start, { onProgress, signal })
    } finally {
      watched.close()
    }
    const opened = await openInPod(
      {
        ...into,
        target: place,
        // That phase is over.
        onProgress: (progress) => progress.phase !== 'resolving' && onProgress(progress),
      },
      joining,
    )
    return { ...opened, notices: [...copyNotices(pod, target.container, name), ...opened.notices] }
  } catch (cause) {
    const place = { namespace: target.namespace, pod: name, sessionId: spec.sessionId }
    // What can't be removed now is found by its labels later.
    await removeCopy(client, place, AbortSignal.timeout(cleanupMs)).catch(() => {})
    if (signal.aborted) throw new HatchwayError('cancelled', 'The start was cancelled.', { cause })
    throw cause
  }
}

async function createCopy(
  { client, target, actor }: PodOpening,
  body: Pod,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<Pod> {
  return await client
    .json<Pod>({
      method: 'POST',
      path: resourcePath('/api/v1', target.namespace, 'pods'),
      query: { fieldManager: 'hatchway', ...(dryRun && { dryRun: 'All' }) },
      body,
      actor,
      doing: dryRun ? 'ask whether the debug copy is admitted' : 'make the debug copy',
      signal,
    })
    .catch((cause: unknown) => {
      throw explainCopyRefusal(cause, target)
    })
}

function explainCopyRefusal(cause: unknown, { namespace, pod }: PodOpening['target']): unknown {
  const security = podSecurityRefusal(cause)
  const fail = (code: HatchwayError['code'], words: string) => new HatchwayError(code, words, { cause })
  if (security !== undefined) {
    return fail(
      'admission_refused',
      `Pod Security "${security.level}" of the namespace ${namespace} refuses a debug copy of the pod ${pod}, as it would the pod itself: ${security.violations.trim()}`,
    )
  }
  const refusal = refusalOf(cause)
  if (refusal?.status === 409)
    return fail('start_failed', `A debug copy of ${pod} for this session is there already.`)
  if (refusal?.status === 400 || refusal?.status === 422)
    return fail('admission_refused', `The cluster refuses a debug copy of ${pod}: ${refusal.message}`)
  return cause
}

/**
 * Removes a copy with everything in it, on the gateway's own account. Resolves when it is gone; does nothing where there is
 * none, or another pod of that name. Throws when it stays: the caller comes again.
 */
export async function removeCopy(
  client: KubernetesClient,
  place: CopyPlace,
  signal: AbortSignal,
): Promise<void> {
  const uid = (await readCopy(client, place, signal))?.metadata?.uid
  if (uid === undefined) return
  await deleteCopy(client, place, { uid, graceSeconds: 1, signal })
  const gentleUntil = Date.now() + gentleMs
  while ((await readCopy(client, place, signal))?.metadata?.uid === uid) {
    if (Date.now() > gentleUntil) return await deleteCopy(client, place, { uid, graceSeconds: 0, signal })
    await delay(100, undefined, { signal }).catch(() => {})
    if (signal.aborted)
      throw new HatchwayError('timeout', `The debug copy ${place.pod} is not gone yet. It is tried again.`)
  }
}

/** The copy as it is; undefined when it is gone, or was never one. */
export async function readCopy(
  client: KubernetesClient,
  { namespace, pod, sessionId }: CopyPlace,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const path = resourcePath('/api/v1', namespace, 'pods', pod)
  try {
    const found = await client.json<Pod>({ method: 'GET', path, doing: 'read the debug copy', signal })
    return found.metadata?.labels?.[copyLabels.session] === sessionId ? found : undefined
  } catch (cause) {
    if (refusalOf(cause)?.status === 404) return undefined
    throw cause
  }
}

async function deleteCopy(
  client: KubernetesClient,
  { namespace, pod }: CopyPlace,
  { uid, graceSeconds, signal }: { uid: string; graceSeconds: number; signal: AbortSignal },
): Promise<void> {
  await client
    .json({
      method: 'DELETE',
      path: resourcePath('/api/v1', namespace, 'pods', pod),
      body: {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: graceSeconds,
        preconditions: { uid },
      },
      doing: 'remove the debug copy',
      signal,
    })
    .catch((cause: unknown) => {
      const status = refusalOf(cause)?.status
      // Gone, or replaced by another of its name.
      if (status !== 404 && status !== 409) throw cause
    })
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new HatchwayError('cancelled', 'The start was cancelled.')
}
