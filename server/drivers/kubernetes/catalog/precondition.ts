import { HatchwayError } from '../../../core/errors.ts'
import type { ScopeChoice } from '../../../core/target.ts'
import { recreated, staticPod } from './pod-errors.ts'
import { pairContainers } from './containers.ts'
import { statusOf } from './identity-facts.ts'
import type { ContainerStatus, Pod } from '../api/objects.ts'

/**
 * Throws why no debug container can be added to this container of the pod. The API server itself accepts one where nothing
 * will ever run, so this comes first.
 */
export function requireRunning(pod: Pod, container: string, uid: string): void {
  requireSamePod(pod, uid)
  requireAddable(pod)
  const name = pod.metadata?.name ?? ''
  const state = notRunning(pod, container)
  if (state !== undefined)
    throw new HatchwayError('target_not_running', `The container ${container} of the pod ${name} ${state}`)
}

/** Throws why no debug container can share the pod's network. None of its containers has to run for that. */
export function requireNetwork(pod: Pod, uid: string): void {
  requireSamePod(pod, uid)
  requireAddable(pod)
  const name = pod.metadata?.name ?? ''
  // The kubelet's word for the sandbox, which holds the network (kubernetes.io, Pod Lifecycle, Pod conditions).
  const sandbox = pod.status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')
  if (sandbox?.status === 'False')
    throw new HatchwayError(
      'target_not_running',
      `The pod ${name} has no network yet: its node is still making it. Try again in a moment.`,
    )
}

/** Throws `target_not_found` when the name now belongs to another pod. */
export function requireSamePod(pod: Pod, uid: string): void {
  if (pod.metadata?.uid !== uid) throw recreated(pod.metadata?.name ?? '')
}

/** What a session in this container may share, and why not. A debug copy is policy's to allow. */
export function scopesOf(pod: Pod, container: string): ScopeChoice[] {
  const uid = pod.metadata?.uid ?? ''
  const image = missingImage(pod, container)
  return [
    { scope: 'container', ...problemOf(() => requireRunning(pod, container, uid)) },
    { scope: 'network', ...problemOf(() => requireNetwork(pod, uid)) },
    {
      scope: 'copy',
      ...(image === undefined ? problemOf(() => requireCopyable(pod, container, uid)) : { problem: image }),
    },
  ]
}

/** Throws why no copy of this pod would do. */
export function requireCopyable(pod: Pod, container: string, uid: string): void {
  requireSamePod(pod, uid)
  const name = pod.metadata?.name ?? ''
  if (isStatic(pod)) throw staticPod(name)
  if (pod.spec?.os?.name === 'windows')
    throw new HatchwayError('target_not_running', `The pod ${name} is for Windows: a copy cannot hold still.`)
  const image = missingImage(pod, container)
  if (image !== undefined) throw new HatchwayError('target_not_running', image)
}

function problemOf(check: () => void): { problem?: string } {
  try {
    check()
    return {}
  } catch (cause) {
    if (cause instanceof HatchwayError) return { problem: cause.message }
    throw cause
  }
}

function isStatic({ metadata }: Pod): boolean {
  return metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined
}

/** Whatever a debug container shares, its pod has to be on a node and to stay. */
function requireAddable(pod: Pod): void {
  const name = pod.metadata?.name ?? ''
  const fail = (words: string) => new HatchwayError('target_not_running', `The pod ${name} ${words}`)
  if (isStatic(pod)) throw staticPod(name)
  if (pod.spec?.os?.name === 'windows')
    throw fail('runs Windows: a shell of Linux cannot join its processes.')
  if (pod.metadata?.deletionTimestamp !== undefined)
    throw fail('is being deleted. Open the target again once its successor is there.')
  const { phase, reason, message } = pod.status ?? {}
  const why = [reason, message].filter(Boolean).join(': ')
  if (phase === 'Succeeded' || phase === 'Failed')
    throw fail(
      `has finished (${phase}${why ? `, ${why}` : ''}), so nothing in it can be joined. A debug copy of the pod, where policy allows it, holds it still.`,
    )
  if (pod.spec?.nodeName === undefined) throw fail(`is on no node yet: ${unscheduled(pod)}`)
}

/** The kubelet's reasons for an image that it does not get (pkg/kubelet/images/types.go). */
const imageReasons =
  /^(ErrImagePull|ImagePullBackOff|RegistryUnavailable|ImageInspectError|InvalidImageName|ErrImageNeverPull)$/

/** A copy would wait for the same image. */
function missingImage(pod: Pod, container: string): string | undefined {
  const { reason = '', message } = statusOf(pod, container)?.state?.waiting ?? {}
  if (!imageReasons.test(reason)) return undefined
  return `The image of ${container} cannot be had (${[reason, message].filter(Boolean).join(': ')}), and a copy would wait for it too.`
}

/** Why a container can't be joined, and what can be done; undefined for one that runs. */
function notRunning(pod: Pod, container: string): string | undefined {
  const status = statusOf(pod, container)
  const { waiting, terminated, running } = status?.state ?? {}
  if (running !== undefined) return undefined
  const ways = `The pod's network alone can be opened${missingImage(pod, container) === undefined ? ', or, where policy allows it, a debug copy of the pod' : ''}.`
  if (waiting?.reason === 'CrashLoopBackOff')
    return `keeps crashing: ${lastExit(status)}. A shell can join only while it runs. ${ways}`
  if (terminated !== undefined) {
    const ran = terminated.reason === 'OOMKilled' ? ' because it ran out of memory' : ''
    return `exited with code ${terminated.exitCode}${ran}, so its processes cannot be joined. ${ways}`
  }
  const before = unfinishedInit(pod, container)
  if (before !== undefined) return `waits for ${before} ${ways}`
  if (status === undefined) return 'has not been started yet. Try again in a moment.'
  const why = [waiting?.reason, waiting?.message].filter(Boolean).join(': ')
  return `does not run yet${why ? ` (${why})` : ''}. Open it once it does. ${ways}`
}

function lastExit(status: ContainerStatus | undefined): string {
  const last = status?.lastState?.terminated
  const memory = last?.reason === 'OOMKilled' ? ' because it ran out of memory' : ''
  return `its last exit code was ${last?.exitCode ?? 'not told'}${memory}, after ${status?.restartCount ?? 0} restarts`
}

/** The init container or sidecar that this one has to wait for, and how that is. */
function unfinishedInit(pod: Pod, container: string): string | undefined {
  for (const { kind, spec, status } of pairContainers(pod)) {
    if (spec.name === container || (kind !== 'init' && kind !== 'sidecar')) return undefined
    const { running, terminated, waiting } = status?.state ?? {}
    const isDone = kind === 'init' ? terminated?.exitCode === 0 : running !== undefined
    if (isDone) continue
    const what = `${kind === 'init' ? 'the init container' : 'the sidecar'} ${spec.name}`
    if (running !== undefined) return `${what}, which runs: open ${spec.name} to see what it does.`
    if (terminated !== undefined) return `${what}, which exited with code ${terminated.exitCode}.`
    if (waiting?.reason === 'CrashLoopBackOff') return `${what}, which keeps failing: ${lastExit(status)}.`
    const why = [waiting?.reason, waiting?.message].filter(Boolean).join(': ')
    return `${what}, which does not run yet${why ? ` (${why})` : ''}.`
  }
  return undefined
}

function unscheduled({ status }: Pod): string {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return scheduled?.message ?? 'the scheduler has not placed it.'
}
