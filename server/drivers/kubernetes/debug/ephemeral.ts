import { isDeepStrictEqual } from 'node:util'
import type { V1EphemeralContainer, V1Pod } from '@kubernetes/client-node'
import { HatchwayError } from '../../../core/errors.ts'
import type { DebugSpec } from '../../../core/debug-container.ts'
import type { Actor } from '../../../core/driver.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import type { PodRunAs } from './identity.ts'
import { commandLauncher } from './command-launch.ts'
import { hasNoRightMore } from './profiles.ts'
import { kubernetesLauncher, withoutExpansion } from './launch.ts'

/** By these a debug container is known again: labels can't be set on it. */
export const environmentNames = {
  session: 'HATCHWAY_SESSION',
  installation: 'HATCHWAY_INSTALLATION',
  user: 'HATCHWAY_USER',
  deadline: 'HATCHWAY_DEADLINE',
} as const

/** An unclaimed debug container ends itself: its gateway may have died, or given up on a slow start. */
const claimSeconds = 120

// busybox asks the kernel for `\w` at each prompt and complains in directories of other mount namespaces;
// the shell's own variable is always right.
const prompt = '$PWD \\$ '
// Shown when the choice of identity promised files that the kernel then refused.
const unexpectedlyUnseen =
  "The target's files cannot be seen from here, although its user and capabilities would allow it: its process or the runtime hides them. The profile general may see them."
const unshared =
  "The container runtime of this node does not share the target's processes: only this container's own are here, and its own files. The network is the target's."

export interface EphemeralPlan {
  spec: DebugSpec
  tty: boolean
  /** The container of the pod whose processes it joins. Without one it shares the pod's network alone. */
  target?: string
  runAs: PodRunAs
  /** The target's container id, where process 1 is not its own. */
  searchFor?: string
}

export function ephemeralName(sessionId: string): string {
  return `hatchway-${sessionId}`
}

/**
 * The whole debug container. Everything in it is ours or the target's; nothing is the user's but argv and environment.
 * It asks for no resources, which the API server would refuse: it lives on the pod's own.
 */
export function ephemeralContainer({
  spec,
  tty,
  target,
  runAs,
  searchFor,
}: EphemeralPlan): V1EphemeralContainer {
  const { identity, securityContext } = runAs
  const launcher = tty ? kubernetesLauncher : commandLauncher
  const command = launcher({
    deadlineSeconds: spec.maxDurationMs / 1000,
    claimSeconds,
    ...(searchFor !== undefined && { searchFor }),
    unseen: identity.seesFiles ? unexpectedlyUnseen : identity.explanation,
    unshared: target === undefined ? identity.explanation : unshared,
    interactive: tty && spec.command === undefined,
    ...(spec.cwd !== undefined && { cwd: spec.cwd }),
    argv: spec.command ?? spec.toolbox.shell,
  })
  const environment = {
    ...(tty && { TERM: 'xterm-256color' }),
    PS1: prompt,
    [environmentNames.session]: spec.sessionId,
    [environmentNames.user]: spec.user,
    [environmentNames.installation]: spec.installation,
    [environmentNames.deadline]: new Date(Date.now() + spec.maxDurationMs).toISOString(),
  }
  return {
    name: ephemeralName(spec.sessionId),
    image: spec.toolbox.image,
    // The server would write Always for a tag `latest`: slow, and impossible on a node that can't reach a registry.
    imagePullPolicy: 'IfNotPresent',
    command: command.map(withoutExpansion),
    env: Object.entries(environment).map(([name, value]) => ({ name, value: withoutExpansion(value) })),
    workingDir: '/',
    stdin: true,
    // A command's launcher hears by its input that the gateway has gone.
    stdinOnce: !tty,
    tty,
    terminationMessagePolicy: 'File',
    ...(target !== undefined && { targetContainerName: target }),
    securityContext,
  }
}

/** Whether the cluster made what was sent: the same program beside the same target, as the same user, with no right more. Pure. */
export function isAsSent(sent: V1EphemeralContainer, made: V1EphemeralContainer): boolean {
  return (
    isDeepStrictEqual(made.command, sent.command) &&
    made.targetContainerName === sent.targetContainerName &&
    (sent.env ?? []).every(({ name, value }) =>
      made.env?.some((each) => each.name === name && each.value === value),
    ) &&
    hasNoRightMore(sent.securityContext ?? {}, made.securityContext ?? {})
  )
}

export interface EphemeralPlace {
  namespace: string
  pod: string
  uid: string
  actor: Actor
}

/**
 * Adds this one container to the pod, or only asks whether it would be admitted. Throws the server's refusal, and
 * `start_failed` when what it made of the container is not the one that was sent.
 */
export async function addEphemeralContainer(
  client: KubernetesClient,
  place: EphemeralPlace,
  container: V1EphemeralContainer,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<void> {
  const answer = await client.json<V1Pod>({
    method: 'PATCH',
    path: resourcePath('/api/v1', place.namespace, 'pods', place.pod, 'ephemeralcontainers'),
    query: { fieldManager: 'hatchway', ...(dryRun && { dryRun: 'All' }) },
    contentType: 'application/strategic-merge-patch+json',
    // The list is merged by name, so others that come at the same time stay. The uid keeps off a pod of the same name.
    body: { metadata: { uid: place.uid }, spec: { ephemeralContainers: [container] } },
    actor: place.actor,
    doing: dryRun ? 'ask whether the debug container is admitted' : 'add the debug container',
    signal,
  })
  const made = answer.spec?.ephemeralContainers?.find(({ name }) => name === container.name)
  if (made === undefined || !isAsSent(container, made)) {
    throw new HatchwayError(
      'start_failed',
      `The debug container that ${client.environment} made is not the one that was sent: something in the cluster changes such containers, or there was one of that name. Ask its administrator which admission webhooks it has.`,
    )
  }
}
