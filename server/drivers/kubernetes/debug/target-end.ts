import type { V1ContainerStateTerminated } from '@kubernetes/client-node'
import type { PodFacts } from '../catalog/pod.ts'

/** Times of the kubelet are whole seconds, and a namespace's processes die with its first. */
const sameMomentMs = 2_000

// Reasons of the condition DisruptionTarget: kubernetes.io, concepts/workloads/pods/disruptions.
const disruptions: Partial<Record<string, string>> = {
  EvictionByEvictionAPI: 'The pod was evicted, as when its node is drained',
  PreemptionByScheduler: 'The pod was preempted by one of higher priority',
  DeletionByTaintManager: 'The pod was deleted because its node is not usable any more',
  DeletionByPodGC: 'The pod was deleted because its node is gone',
  TerminationByKubelet: 'The node ended the pod, because it ran short of something or shuts down',
}

/** Why a pod is gone, or going. */
export function endOfPod(pod: PodFacts | undefined): string {
  if (pod === undefined) return 'The pod is gone.'
  const { reason, message, conditions } = pod.status
  const disruption = conditions?.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  const known = disruptions[disruption?.reason ?? '']
  if (known !== undefined) return `${known}${disruption?.message ? `: ${sentence(disruption.message)}` : '.'}`
  if (reason === 'Evicted') return `The node evicted the pod${message ? `: ${sentence(message)}` : '.'}`
  return 'The pod was deleted.'
}

/** What became of the target when a debug container in its process namespace was killed; undefined when it goes on as before. */
export function endOfTarget(
  pod: PodFacts | undefined,
  target: string,
  debug: V1ContainerStateTerminated,
): string | undefined {
  if (pod === undefined) return undefined
  if (pod.metadata.deletionTimestamp !== undefined || pod.status.reason === 'Evicted') return endOfPod(pod)
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status
  const status = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === target)
  const ended = status?.state?.terminated ?? status?.lastState?.terminated
  if (ended === undefined) return undefined
  const apartMs = Math.abs(timeOf(ended.finishedAt) - timeOf(debug.finishedAt))
  if (!(apartMs <= sameMomentMs)) return undefined
  const memory = ended.reason === 'OOMKilled' ? ' because it ran out of memory' : ''
  const next = status?.state?.terminated === undefined ? ' It is being restarted.' : ''
  return `The target exited with code ${ended.exitCode}${memory}.${next}`
}

/** Texts, although the types say dates: the transport does not turn them into such. */
function timeOf(value: unknown): number {
  return typeof value === 'string' ? Date.parse(value) : Number.NaN
}

function sentence(words: string): string {
  const text = words.trim().slice(0, 300)
  return text.endsWith('.') ? text : `${text}.`
}
