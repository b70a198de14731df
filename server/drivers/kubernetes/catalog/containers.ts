import type { PodContainer } from '../../../core/target.ts'
import type { ContainerStatus, Pod } from '../api/objects.ts'

type Spec = NonNullable<Pod['spec']>

/** The longest piece of the kubelet's words that a list shows. */
const maxWords = 300

/** A container's specification and the last that the kubelet said of it. */
export interface ContainerPair {
  kind: PodContainer['kind']
  spec: Spec['containers'][number] | NonNullable<Spec['ephemeralContainers']>[number]
  status?: ContainerStatus
}

/** Every container in the order of the specification: init ones and sidecars, then the app's, then ephemeral ones. */
export function pairContainers({ spec, status }: Pod): ContainerPair[] {
  const pair = (
    kind: PodContainer['kind'],
    container: ContainerPair['spec'],
    statuses: readonly ContainerStatus[] | undefined,
  ): ContainerPair => {
    const found = statuses?.find(({ name }) => name === container.name)
    return { kind, spec: container, ...(found === undefined ? {} : { status: found }) }
  }
  return [
    ...(spec?.initContainers ?? []).map((container) =>
      pair(
        container.restartPolicy === 'Always' ? 'sidecar' : 'init',
        container,
        status?.initContainerStatuses,
      ),
    ),
    ...(spec?.containers ?? []).map((container) => pair('app', container, status?.containerStatuses)),
    ...(spec?.ephemeralContainers ?? []).map((container) =>
      pair('debug', container, status?.ephemeralContainerStatuses),
    ),
  ]
}

/** One container as users see it. */
export function describeContainer(pod: Pod, { kind, spec, status }: ContainerPair): PodContainer {
  const user = userOf(pod, spec, status)
  return {
    name: spec.name,
    kind,
    image: spec.image ?? status?.image ?? '',
    state: stateOf(status),
    status: containerWords(status),
    ready: status?.ready ?? false,
    restarts: status?.restartCount ?? 0,
    ...(user === undefined ? {} : { user }),
  }
}

function stateOf(status: ContainerStatus | undefined): PodContainer['state'] {
  if (status?.state?.running !== undefined) return 'running'
  return status?.state?.terminated === undefined ? 'waiting' : 'terminated'
}

/** What the kubelet says of a container now, such as `CrashLoopBackOff, exit code 1`. */
export function containerWords(status: ContainerStatus | undefined): string {
  const { running, terminated, waiting } = status?.state ?? {}
  if (running !== undefined) return status?.ready === true ? 'Running' : 'Running, not ready'
  if (terminated !== undefined) return endWords(terminated)
  if (waiting === undefined) return 'Waiting'
  const reason = waiting.reason ?? 'Waiting'
  if (reason === 'CrashLoopBackOff') {
    const last = status?.lastState?.terminated
    return last === undefined ? reason : `${reason}, ${exitWords(last)}`
  }
  return waiting.message === undefined ? reason : `${reason}: ${shorten(waiting.message)}`
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>

function endWords(terminated: Terminated): string {
  if (terminated.exitCode === 0) return terminated.reason ?? 'Completed'
  return exitWords(terminated)
}

/** `exit code 137 (OOMKilled)`; the reason `Error` says no more than the code. */
function exitWords({ exitCode, reason }: Terminated): string {
  const why = reason === undefined || reason === 'Error' || reason === 'Completed' ? '' : ` (${reason})`
  return `exit code ${exitCode}${why}`
}

/** In one line, cut where it gets long. */
export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= maxWords ? line : `${line.slice(0, maxWords - 1)}…`
}

/**
 * `uid:gid` as the runtime tells it (status field `user.linux`, containerd 2.0 and newer), else as the specification asks
 * for; the uid alone where the gid is left to the image.
 */
function userOf(
  pod: Pod,
  spec: ContainerPair['spec'],
  status: ContainerStatus | undefined,
): string | undefined {
  const live = status?.user?.linux
  if (live !== undefined) return `${live.uid}:${live.gid}`
  const uid = spec.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser
  const gid = spec.securityContext?.runAsGroup ?? pod.spec?.securityContext?.runAsGroup
  if (uid === undefined) return undefined
  return gid === undefined ? `${uid}` : `${uid}:${gid}`
}
