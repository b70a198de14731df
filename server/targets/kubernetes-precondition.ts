import { HatchwayError } from '../core/errors.ts'
import { recreated, staticPod } from './kubernetes-admission.ts'
import { statusOf } from './kubernetes-facts.ts'
import type { ContainerStatus, Pod } from './kubernetes-objects.ts'

const copyAdvice = 'A debug copy of the pod, where policy allows it, holds it still.'

/**
 * Throws why no debug container can be added to this container of the pod. The API server itself accepts one where nothing
 * will ever run, so this comes first.
 */
export function requireRunning(pod: Pod, container: string, uid: string): void {
  const name = pod.metadata?.name ?? ''
  requireSamePod(pod, uid)
  const fail = (words: string) => new HatchwayError('target_not_running', `The pod ${name} ${words}`)
  if (pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) throw staticPod(name)
  if (pod.spec?.os?.name === 'windows')
    throw fail('runs Windows: a shell of Linux cannot join its processes.')
  if (pod.metadata?.deletionTimestamp !== undefined)
    throw fail('is being deleted. Open the target again once its successor is there.')
  const { phase, reason, message } = pod.status ?? {}
  const why = [reason, message].filter(Boolean).join(': ')
  if (phase === 'Succeeded' || phase === 'Failed')
    throw fail(
      `has finished (${phase}${why ? `, ${why}` : ''}), so nothing in it can be joined. ${copyAdvice}`,
    )
  if (pod.spec?.nodeName === undefined) throw fail(`is on no node yet: ${unscheduled(pod)}`)
  const state = notRunning(statusOf(pod, container))
  if (state !== undefined)
    throw new HatchwayError('target_not_running', `The container ${container} of the pod ${name} ${state}`)
}

/** Throws `target_not_found` when the name now belongs to another pod. */
export function requireSamePod(pod: Pod, uid: string): void {
  if (pod.metadata?.uid !== uid) throw recreated(pod.metadata?.name ?? '')
}

/** Why a container can't be joined; undefined for one that runs. */
export function notRunning(status: ContainerStatus | undefined): string | undefined {
  if (status === undefined) return 'has not been started yet. Try again in a moment.'
  const { waiting, terminated, running } = status.state ?? {}
  if (running !== undefined) return undefined
  const last = status.lastState?.terminated
  const memory = last?.reason === 'OOMKilled' ? ' because it ran out of memory' : ''
  if (waiting?.reason === 'CrashLoopBackOff') {
    return `keeps crashing: its last exit code was ${last?.exitCode ?? 'not told'}${memory}, after ${status.restartCount} restarts. A shell can join only while it runs. ${copyAdvice}`
  }
  if (terminated !== undefined) {
    const ran = terminated.reason === 'OOMKilled' ? ' because it ran out of memory' : ''
    return `exited with code ${terminated.exitCode}${ran}, so its processes cannot be joined. ${copyAdvice}`
  }
  const why = [waiting?.reason, waiting?.message].filter(Boolean).join(': ')
  return `does not run yet${why ? ` (${why})` : ''}. Open it once it does.`
}

function unscheduled({ status }: Pod): string {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return scheduled?.message ?? 'the scheduler has not placed it.'
}
