import { HatchwayError } from '../../../core/errors.ts'
import type { DebugContainer, DebugSpec } from '../../../core/debug-container.ts'
import type { Actor, Opened, StartProgress } from '../../../core/driver.ts'
import type { CommandStream, TerminalStream } from '../../../core/streams.ts'
import { admit, type Admitted } from './admit.ts'
import type { Attachment, AttachPlace } from './attach.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import { addEphemeralContainer, ephemeralName, type EphemeralPlace } from './ephemeral.ts'
import { refusalOf } from '../api/errors.ts'
import { readIdentityFacts, statusOf } from '../catalog/identity-facts.ts'
import { readPodFacts } from '../catalog/target-facts.ts'
import { untilMayBegin } from '../../shared/until-may-begin.ts'
import { requireJudged } from '../../shared/judged-facts.ts'
import type { Pod } from '../api/objects.ts'
import { ephemeralStatus, watchPod, type PodFacts } from '../catalog/pod.ts'
import { requireNetwork, requireRunning } from '../catalog/precondition.ts'
import { readStart, type Starting } from './progress.ts'
import { requireAttach } from '../api/rights.ts'
import { attachWhenUp } from './start.ts'
import { endDebugContainer } from './stop.ts'
import type { Joined } from './stream-life.ts'
import type { Watched } from '../api/watch.ts'

/** The container of a pod that a session is about. */
export interface PodPlace {
  namespace: string
  pod: string
  uid: string
  container: string
}

/** How what a debug container runs is joined: by a terminal, or as a command. */
export interface Joining<Stream extends TerminalStream | CommandStream, Attached extends Attachment> {
  tty: boolean
  attach(opening: PodOpening, place: AttachPlace, signal: AbortSignal): Promise<Attached>
  /** Resolves once there is something to read, or nothing to wait for. */
  begin(opening: PodOpening, attached: Attached, pod: Watched<PodFacts>): Promise<void>
  join(joined: Joined<Attached>): Stream
}

export interface PodOpening {
  client: KubernetesClient
  spec: DebugSpec
  target: PodPlace
  /** As it was read a moment ago. Without it, it is read. */
  found?: Pod
  actor: Actor
  minorVersion: Promise<number>
  onProgress: (progress: StartProgress) => void
  /** See TargetAccess. */
  mayBegin?: Promise<unknown> | undefined
  /** Called with what ends the container when it is told to. */
  onAttached: (id: string, attached: Attachment) => void
  signal: AbortSignal
}

/** From so many on a user is told that they stay. */
const manyContainers = 20
const logNotice =
  'What this terminal shows is also in the log of its container on the node, for everybody who may read the logs of this pod (kubernetes#125343).'
const cleanupMs = 8_000
const imageMs = 30_000

/** One debug container, attached and claimed; nothing of it runs on when this throws. */
export async function openInPod<Stream extends TerminalStream | CommandStream, Attached extends Attachment>(
  opening: PodOpening,
  joining: Joining<Stream, Attached>,
): Promise<Opened<Stream>> {
  const { client, spec, target, actor, onProgress, signal } = opening
  onProgress({ phase: 'resolving' })
  throwIfCancelled(signal)
  const { pod, admitted } = await prepare(opening, joining.tty)
  const place = { ...target, container: ephemeralName(spec.sessionId), actor }
  await untilMayBegin(opening.mayBegin, signal)
  onProgress({ phase: 'creating' })
  throwIfCancelled(signal)
  const watched = watchPod(client, { namespace: target.namespace, pod: target.pod })
  let attached: Attached | undefined
  try {
    // Not the caller's signal: an abandoned request may still come true behind our back. It takes milliseconds.
    const own = AbortSignal.timeout(15_000)
    await addEphemeralContainer(client, { ...target, actor }, admitted.container, {
      dryRun: false,
      signal: own,
    })
    throwIfCancelled(signal)
    const starting = startingOf(opening)
    const attach = (signal: AbortSignal) => joining.attach(opening, place, signal)
    attached = await attachWhenUp({ client, place, starting, pod: watched, attach, onProgress, signal })
    onProgress({ phase: 'attaching' })
    throwIfCancelled(signal)
    await joining.begin(opening, attached, watched)
    throwIfCancelled(signal)
  } catch (cause) {
    await abandon(opening, watched, attached)
    watched.close()
    if (signal.aborted) throw new HatchwayError('cancelled', 'The start was cancelled.', { cause })
    throw cause
  }
  const joined = joinedOf(opening) ?? ''
  const container: DebugContainer = {
    environment: client.environment,
    id: [target.namespace, target.pod, place.container].join('/'),
    sessionId: spec.sessionId,
    targetId: `${target.uid}/${joined}`,
  }
  opening.onAttached(container.id, attached)
  const stream = joining.join({ client, place, target: joined, attached, pod: watched })
  const imageId = imageOf(watched, place)
  const notices = noticesOf(pod, admitted)
  const { identity } = admitted.runAs
  return { container, stream, identity, imageId, notices, standingNotices: [logNotice] }
}

/** The container that it joins; none where it shares the pod's network alone. */
function joinedOf({ spec, target }: PodOpening): string | undefined {
  return spec.networkOnly === true ? undefined : target.container
}

export function startingOf(opening: PodOpening): Starting {
  const { spec } = opening
  const joined = joinedOf(opening)
  return {
    name: ephemeralName(spec.sessionId),
    toolbox: spec.toolbox,
    ...(joined !== undefined && { target: joined }),
  }
}

/** What is to be added, and that it would be admitted and could be attached to. */
async function prepare(opening: PodOpening, tty: boolean): Promise<{ pod: Pod; admitted: Admitted }> {
  const { client, spec, target, found, actor, minorVersion, signal } = opening
  const place: EphemeralPlace = { ...target, actor }
  const attachable = requireAttach(client, place, minorVersion, signal)
  attachable.catch(() => {})
  const pod = found ?? (await readWholePod(client, place, signal))
  if (spec.networkOnly === true) requireNetwork(pod, target.uid)
  else requireRunning(pod, target.container, target.uid)
  requireJudged(readPodFacts(pod, target.container), spec, target.pod)
  const earlier = pod.spec?.ephemeralContainers?.map(({ name }) => name) ?? []
  if (earlier.includes(ephemeralName(spec.sessionId)))
    throw new HatchwayError(
      'start_failed',
      `The pod has a debug container of session ${spec.sessionId} already.`,
    )
  const facts = readIdentityFacts(pod, target.container)
  const id = statusOf(pod, target.container)?.containerID?.split('://')[1]
  const searchFor = facts.processes === 'own' ? {} : { searchFor: id ?? '-' }
  const joined = joinedOf(opening)
  const plan = { spec, tty, ...(joined !== undefined && { target: joined }), ...searchFor }
  const [admitted] = await Promise.all([admit({ client, place, plan, facts, earlier, signal }), attachable])
  return { pod, admitted }
}

/** The pod as it is now, as the actor may see it. Throws `target_not_found`. */
export async function readWholePod(
  client: KubernetesClient,
  { namespace, pod, actor }: { namespace: string; pod: string; actor: Actor },
  signal: AbortSignal,
): Promise<Pod> {
  const path = resourcePath('/api/v1', namespace, 'pods', pod)
  return await client
    .json<Pod>({ method: 'GET', path, actor, doing: 'read the pod', signal })
    .catch((cause: unknown) => {
      if (refusalOf(cause)?.status !== 404) throw cause
      const words = `The pod ${pod} is gone from ${namespace}. Open the target again.`
      throw new HatchwayError('target_not_found', words, { cause })
    })
}

/** The start was given up: what has been added ends now, or by itself when nobody claims it. */
async function abandon(
  opening: PodOpening,
  watched: Watched<PodFacts>,
  attached: Attachment | undefined,
): Promise<void> {
  const { client, spec, target } = opening
  const name = ephemeralName(spec.sessionId)
  const facts = watched.items.get(target.uid)
  const state = facts && readStart(facts, startingOf(opening))
  if (state?.kind !== 'failed' && state?.kind !== 'stuck') {
    const place = { ...target, container: name, sessionId: spec.sessionId }
    const signal = AbortSignal.timeout(cleanupMs)
    attached?.discard()
    await endDebugContainer(client, place, { attached, signal }).catch(() => {})
  }
  attached?.destroy()
}

/** The kubelet tells it up to a second after the prompt, which is not held up for it; empty when it doesn't. */
async function imageOf(
  watched: Watched<PodFacts>,
  { uid, container }: { uid: string; container: string },
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const look = () => {
    const facts = watched.items.get(uid)
    const id = facts && ephemeralStatus(facts, container)?.imageID
    if (id !== undefined && id !== '') resolve(id)
  }
  const ignore = watched.onChange(look)
  const timer = setTimeout(() => resolve(''), imageMs)
  look()
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    ignore()
  }
}

function noticesOf(pod: Pod, { runAs, notice }: Admitted): string[] {
  const many = (pod.spec?.ephemeralContainers?.length ?? 0) + 1
  return [
    ...(notice === undefined ? [] : [notice]),
    ...(notice !== undefined || runAs.identity.seesFiles ? [] : [runAs.identity.explanation]),
    ...(many < manyContainers
      ? []
      : [`This pod has ${many} debug containers, which stay in it until it is recreated.`]),
  ]
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new HatchwayError('cancelled', 'The start was cancelled.')
}
