/** The state of a pod, and the words for it. The order of the questions is that of kubectl's printer (pkg/printers). */
import type { PodContainer } from '../../../core/target.ts'
import type { TargetState } from '../../../core/vocabulary.ts'
import { shorten } from './containers.ts'
import type { Pod } from '../api/objects.ts'

export interface PodStanding {
  state: TargetState
  status: string
  /** The pod takes traffic: it runs, is ready, and is not being removed. */
  ready: boolean
}

/** What a list shows of a pod whose containers are described. Pure. */
export function standingOf(pod: Pod, containers: readonly PodContainer[]): PodStanding {
  const phase = pod.status?.phase ?? 'Pending'
  if (pod.metadata?.deletionTimestamp !== undefined) {
    return { state: 'removing', status: removalWords(pod), ready: false }
  }
  if (phase === 'Succeeded') return { state: 'exited', status: 'Completed', ready: false }
  if (phase === 'Failed') return { state: 'exited', status: failureWords(pod, containers), ready: false }
  if (phase === 'Unknown') return { state: 'dead', status: `Unknown: ${silentNode(pod)}`, ready: false }
  const failing = containers.find((container) => isFailing(pod, container))
  if (failing !== undefined) {
    const words = `${crashWords(failing)}${namedWords(failing, containers)}`
    return { state: 'restarting', status: words, ready: isReady(pod) }
  }
  if (phase === 'Pending') return { state: 'created', status: pendingWords(pod, containers), ready: false }
  return runningStanding(pod, containers)
}

/** Over all containers but ephemeral ones, which are never restarted. */
export function restartsOf(containers: readonly PodContainer[]): number {
  return containers.reduce((sum, { kind, restarts }) => (kind === 'debug' ? sum : sum + restarts), 0)
}

function condition(pod: Pod, type: string) {
  return pod.status?.conditions?.find((each) => each.type === type)
}

function isReady(pod: Pod): boolean {
  return condition(pod, 'Ready')?.status === 'True'
}

function silentNode(pod: Pod): string {
  return `the node ${pod.spec?.nodeName ?? ''} does not answer`.replace('  ', ' ')
}

function removalWords(pod: Pod): string {
  if (pod.status?.reason === 'NodeLost') return `Terminating: ${silentNode(pod)}`
  // Set before a pod is evicted, drained away or preempted.
  const disruption = condition(pod, 'DisruptionTarget')
  const why = disruption?.status === 'True' ? (disruption.message ?? disruption.reason) : undefined
  return why === undefined ? 'Terminating' : `Terminating: ${shorten(why)}`
}

function failureWords(pod: Pod, containers: readonly PodContainer[]): string {
  const { reason, message } = pod.status ?? {}
  if (reason !== undefined) return message === undefined ? reason : `${reason}: ${shorten(message)}`
  const failed = containers.find(
    ({ kind, state, status }) => kind !== 'debug' && state === 'terminated' && status !== 'Completed',
  )
  return failed === undefined ? 'Failed' : `Failed: ${namedWords(failed, containers)}`
}

// The kubelet's reasons for a container that it tries to start again and again (pkg/kubelet/images, kuberuntime).
const failingReasons =
  /^(CrashLoopBackOff|ImagePullBackOff|ErrImagePull|ErrImageNeverPull|InvalidImageName|ImageInspectError|CreateContainerConfigError|CreateContainerError|RunContainerError|PostStartHookError)\b/

/** Cannot start, is in back-off, or ended and is about to be started again. */
function isFailing(pod: Pod, { kind, state, status }: PodContainer): boolean {
  if (state === 'waiting') return kind !== 'debug' && failingReasons.test(status)
  if (state !== 'terminated' || kind === 'debug') return false
  if (kind === 'sidecar') return true
  const policy = pod.spec?.restartPolicy ?? 'Always'
  return isDone(status) ? policy === 'Always' && kind === 'app' : policy !== 'Never'
}

/** A kubelet says CrashLoopBackOff only now and then: while a container waits for its next try it is mostly just one that has ended. */
function crashWords({ state, status }: PodContainer): string {
  if (state !== 'terminated') return ''
  return isDone(status) ? 'Restarting: ' : 'Crashing: '
}

/** Of a container that ended: without an error. */
function isDone(status: string): boolean {
  return !status.startsWith('exit code')
}

/** `CrashLoopBackOff, exit code 1, 14 restarts`, with the container's name where there are several. */
function namedWords(container: PodContainer, containers: readonly PodContainer[]): string {
  const { kind, name, restarts, status } = container
  const alone = kind === 'app' && containers.filter((each) => each.kind === 'app').length === 1
  const prefix = kind === 'init' ? `Init: ${name}: ` : alone ? '' : `${name}: `
  return `${prefix}${status}${restartWords(restarts)}`
}

function restartWords(restarts: number): string {
  if (restarts === 0) return ''
  return restarts === 1 ? ', 1 restart' : `, ${restarts} restarts`
}

function pendingWords(pod: Pod, containers: readonly PodContainer[]): string {
  const scheduled = condition(pod, 'PodScheduled')
  if (scheduled?.status === 'False') {
    return `Pending: ${shorten(scheduled.message ?? scheduled.reason ?? 'not scheduled')}`
  }
  const inits = containers.filter(({ kind }) => kind === 'init')
  const current = inits.find(({ state, status }) => state !== 'terminated' || !isDone(status))
  if (current !== undefined && hasStarted(current)) {
    const done = inits.indexOf(current)
    const what = current.state === 'running' ? `${current.name} runs` : `${current.name}: ${current.status}`
    return `Init: ${done} of ${inits.length} done, ${what}`
  }
  const waiting = containers.find(
    ({ kind, state, status }) => kind !== 'debug' && state === 'waiting' && isTelling(status),
  )
  if (waiting !== undefined) return namedWords(waiting, containers)
  const creating = containers.some(({ status }) => status === 'ContainerCreating')
  return creating ? 'ContainerCreating' : 'Pending'
}

function hasStarted({ state, status }: PodContainer): boolean {
  return state !== 'waiting' || isTelling(status)
}

function isTelling(status: string): boolean {
  return !['Waiting', 'ContainerCreating', 'PodInitializing'].includes(status)
}

function runningStanding(pod: Pod, containers: readonly PodContainer[]): PodStanding {
  const serving = containers.filter(({ kind }) => kind === 'app' || kind === 'sidecar')
  const readyOnes = serving.filter(({ ready }) => ready).length
  const stuck = serving.find(({ state, status }) => state === 'waiting' && isTelling(status))
  const runs = serving.some(({ kind, state }) => kind === 'app' && state === 'running')
  const parts = [
    stuck === undefined ? 'Running' : namedWords(stuck, containers),
    `${readyOnes}/${serving.length} ready`,
  ]
  const restarts = restartWords(stuck === undefined ? restartsOf(containers) : 0)
  const lost = isNodeSilent(pod) ? `, ${silentNode(pod)}` : isGated(pod) ? ', waits for a readiness gate' : ''
  return {
    state: runs ? 'running' : 'created',
    status: `${parts.join(', ')}${restarts}${lost}`,
    ready: isReady(pod),
  }
}

/**
 * The node controller sets only the condition Ready to False when a node falls silent, and leaves what its kubelet said
 * last (pkg/controller/util/node, MarkPodsNotReady). Readiness gates are the other reason for such a difference.
 */
function isNodeSilent(pod: Pod): boolean {
  return isUnreadyItself(pod) && (pod.spec?.readinessGates ?? []).length === 0
}

function isGated(pod: Pod): boolean {
  return isUnreadyItself(pod) && (pod.spec?.readinessGates ?? []).length > 0
}

/** All of its containers are ready, and it is not. */
function isUnreadyItself(pod: Pod): boolean {
  return condition(pod, 'Ready')?.status === 'False' && condition(pod, 'ContainersReady')?.status === 'True'
}
