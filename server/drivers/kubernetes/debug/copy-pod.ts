/** The pod that a debug copy is. Pure. */
import type { DebugSpec } from '../../../core/debug-container.ts'
import { copyEnding, copyLabels, copyName } from '../catalog/copy-name.ts'
import { containerOf, statusOf } from '../catalog/identity-facts.ts'
import type { Container, Pod, PodSpec } from '../api/objects.ts'
import type { SecurityContext } from './profiles.ts'

const annotations = {
  user: 'hatchway.user',
  deadline: 'hatchway.deadline',
  of: 'hatchway.copy-of',
} as const

/** Of the init container that brings what the target's container holds still with. */
export const holderName = 'hatchway-hold'
/** A copy may wait so long for its node and its images; only then its session's time begins. */
export const copyStartMs = 10 * 60_000

/** The `nonroot` of distroless images: may run where the pod forbids root. */
const nonroot = 65532
/** Which the ServiceAccount admission adds again, to each container that has none. */
const tokenVolume = /^kube-api-access-/

/**
 * The target's pod with this one container, which sleeps in place of its own command. What `kubectl debug --copy-to` takes
 * away is taken away: labels, so that no service and no controller takes it for its own, annotations, owners and probes.
 */
export function copyPod(pod: Pod, container: string, spec: DebugSpec): Pod {
  const target = containerOf(pod, container)
  if (target === undefined) throw new Error(`the pod has no container ${container}`)
  const seconds = Math.ceil((spec.maxDurationMs + copyStartMs) / 1000)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: copyName(pod.metadata?.name ?? '', spec.sessionId),
      labels: { [copyLabels.session]: spec.sessionId, [copyLabels.installation]: spec.installation },
      annotations: {
        [annotations.user]: spec.user,
        [annotations.deadline]: new Date(Date.now() + seconds * 1000).toISOString(),
        [annotations.of]: pod.metadata?.name ?? '',
      },
    },
    spec: {
      ...keptOf(pod.spec),
      restartPolicy: 'Never',
      activeDeadlineSeconds: seconds,
      // Nothing in it has anything to put in order.
      terminationGracePeriodSeconds: 1,
      volumes: [
        ...(pod.spec?.volumes ?? []).filter(({ name }) => !tokenVolume.test(name)),
        { name: holderName, emptyDir: {} },
      ],
      initContainers: [holder(pod, target, spec)],
      containers: [still(target, spec.sessionId, seconds)],
    },
  }
}

/** The rest is about its first life, or is worked out by admission again and refused when it then differs. */
function keptOf(spec: PodSpec | undefined): Omit<PodSpec, 'containers'> {
  const {
    containers: _containers,
    initContainers: _init,
    ephemeralContainers: _ephemeral,
    nodeName: _node,
    readinessGates: _readiness,
    schedulingGates: _scheduling,
    priority: _priority,
    preemptionPolicy: _preemption,
    overhead: _overhead,
    ...kept
  } = spec ?? { containers: [] }
  return kept
}

/** Copies the toolbox's busybox to where the target's container finds it. */
function holder(pod: Pod, target: Container, { toolbox, sessionId }: DebugSpec): Container {
  const mountPath = mountOf(sessionId)
  return {
    name: holderName,
    image: toolbox.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/busybox', 'cp', '/bin/busybox', `${mountPath}/busybox`],
    workingDir: '/',
    // What admits the target admits this too, quotas and limits as well as Pod Security.
    securityContext: holderSecurity(pod, target),
    ...(target.resources !== undefined && { resources: target.resources }),
    volumeMounts: [{ name: holderName, mountPath }],
  }
}

/** The toolbox's image may be root's where the target's own is not. */
function holderSecurity(pod: Pod, target: Container): SecurityContext {
  const own: SecurityContext = target.securityContext ?? {}
  if ((own.runAsUser ?? pod.spec?.securityContext?.runAsUser) !== undefined) return own
  const live = statusOf(pod, target.name)?.user?.linux
  return { ...own, runAsUser: live?.uid ?? nonroot, runAsGroup: own.runAsGroup ?? live?.gid ?? nonroot }
}

function still(target: Container, sessionId: string, seconds: number): Container {
  const {
    args: _args,
    // A host's port is taken by the original.
    ports: _ports,
    livenessProbe: _liveness,
    readinessProbe: _readiness,
    startupProbe: _startup,
    lifecycle: _lifecycle,
    // A sidecar's, and what a container's own restarts go by.
    restartPolicy: _restart,
    restartPolicyRules: _rules,
    stdin: _stdin,
    stdinOnce: _once,
    tty: _tty,
    ...kept
  } = target
  const mountPath = mountOf(sessionId)
  return {
    ...kept,
    command: [`${mountPath}/busybox`, 'sleep', String(seconds)],
    volumeMounts: [
      ...(target.volumeMounts ?? []).filter(({ name }) => !tokenVolume.test(name)),
      { name: holderName, mountPath, readOnly: true },
    ],
  }
}

/** A directory that no image has. */
function mountOf(sessionId: string): string {
  return `/.${copyEnding(sessionId)}`
}

/** What the user is told of the copy: what does not run in it, and what would. */
export function copyNotices(pod: Pod, container: string, name: string): string[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {}
  const others = containers.filter((each) => each.name !== container).map((each) => each.name)
  const inits = initContainers.filter((each) => each.name !== container).map((each) => each.name)
  const left = [
    ...(others.length > 0 ? [`the containers ${others.join(', ')}`] : []),
    ...(inits.length > 0 ? [`the init containers ${inits.join(', ')} (and what they would have made)`] : []),
  ]
  return [
    `This is ${name}, a debug copy of the pod ${pod.metadata?.name}: its container ${container} holds still and is removed with the session. ${ownCommand(containerOf(pod, container))} Its files are in /proc/1/root.`,
    ...(left.length === 0 ? [] : [`The copy leaves out ${left.join(' and ')}.`]),
  ]
}

function ownCommand({ command = [], args = [] }: Partial<Container> = {}): string {
  const words = [...command, ...args].map(quoted).join(' ')
  if (command.length > 0) return `Its own command, which does not run here: ${words} .`
  const given = words === '' ? '' : ` with the arguments ${words}`
  return `Its own command, which does not run here, is its image's${given}.`
}

/** As a shell would take it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
