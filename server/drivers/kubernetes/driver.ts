import { HatchwayError } from '../../core/errors.ts'
import type { TargetRef } from '../../core/target-ref.ts'
import type { DebugContainer } from '../../core/debug-container.ts'
import type { Profile } from '../../core/vocabulary.ts'
import type { Actor, Opened, TargetAccess, TargetDriver } from '../../core/driver.ts'
import type { Identity, IdentityWish } from '../../core/identity.ts'
import type { CommandStream, TerminalStream } from '../../core/streams.ts'
import type { Lookup, Target, TargetQuery } from '../../core/target.ts'
import { attachTty, notUpYet, type Attachment } from './debug/attach.ts'
import type { KubernetesClient } from './api/client.ts'
import { openInCopy, readCopy, removeCopy } from './debug/copy.ts'
import { isCopyName } from './catalog/copy-name.ts'
import { environmentNames, ephemeralName } from './debug/ephemeral.ts'
import { readIdentityFacts } from './catalog/identity-facts.ts'
import { choosePodIdentity } from './debug/identity.ts'
import type { Pod } from './api/objects.ts'
import { asCommand, byTerminal } from './debug/joining.ts'
import { openInPod, readWholePod, type Joining, type PodOpening, type PodPlace } from './debug/open.ts'
import { requireSamePod } from './catalog/precondition.ts'
import { endDebugContainer, readDebugState, type DebugPlace } from './debug/stop.ts'
import { watchPod } from './catalog/pod.ts'
import { KubernetesTerminal } from './debug/terminal.ts'
import { limitConcurrency } from '../shared/limit-concurrency.ts'

/** Debug containers that are looked at together: who may add ephemeral containers may have added very many. */
const looksAtOnce = 8

/** What the driver asks of whoever knows the cluster's pods. */
export interface ClusterTargets {
  list(query: TargetQuery, actor: Actor, signal: AbortSignal): Promise<readonly Target[]>
  find(ref: TargetRef, lookup: Lookup, actor: Actor, signal: AbortSignal): Promise<Target>
  /** The pod of a target that `find` has just answered with, as it was read for that: only once, and for a second. */
  takePod(target: Target): Pod | undefined
  /** This installation's debug containers, as last seen. */
  debugContainers(installation: string, signal: AbortSignal): Promise<readonly SeenDebugContainer[]>
  /** This installation's debug copies, as last seen. */
  debugCopies(installation: string, signal: AbortSignal): Promise<readonly SeenDebugCopy[]>
  problems(): string[]
  close(): void
}

export interface SeenDebugCopy {
  namespace: string
  pod: string
  podUid: string
  container: string
  sessionId: string
}

export interface SeenDebugContainer {
  namespace: string
  pod: string
  podUid: string
  name: string
  target?: string
  env: Readonly<Record<string, string>>
  state: 'running' | 'waiting' | 'terminated'
}

export interface KubernetesDriverOptions {
  environment: string
  client: KubernetesClient
  /** Whose debug containers these are. */
  installation: string
  targets: ClusterTargets
}

type Asked = Pick<PodOpening, 'spec' | 'onProgress' | 'actor' | 'signal' | 'mayBegin'> & { target: Target }

/** One cluster, through its API server. Kubernetes 1.25 and newer. */
export class KubernetesDriver implements TargetDriver {
  readonly environment: string
  readonly kind = 'kubernetes' as const
  readonly capabilities = { copies: true }
  readonly #options: KubernetesDriverOptions
  /** Terminals of this process: an order to end needs no second attachment. */
  readonly #attached = new Map<string, Attachment>()
  /** Opened by this process, whether the cache has seen them or not. */
  readonly #opened = new Map<string, DebugContainer>()
  #minorVersion: Promise<number> | undefined

  constructor(options: KubernetesDriverOptions) {
    this.environment = options.environment
    this.#options = options
  }

  as(actor: Actor): TargetAccess {
    return {
      list: async (query, signal) => [...(await this.#options.targets.list(query, actor, signal))],
      find: (ref, lookup, signal) => this.#options.targets.find(ref, lookup, actor, signal),
      identify: (target, profile, signal, wish) =>
        this.#identify(target, { ...wish, profile }, actor, signal),
      open: (spec, target, onProgress, signal, mayBegin) =>
        this.#open({ spec, target, onProgress, actor, signal, mayBegin }, byTerminal),
      run: (spec, target, onProgress, signal, mayBegin) =>
        this.#open({ spec, target, onProgress, actor, signal, mayBegin }, asCommand),
      reattach: (container, signal) => this.#reattach(container, actor, signal),
    }
  }

  async check(signal: AbortSignal): Promise<void> {
    const { major, minor, gitVersion } = await this.#options.client.version(signal)
    if (major > 1 || minor >= 25) return
    throw new HatchwayError(
      'backend_unavailable',
      `${this.environment} is Kubernetes ${gitVersion}: debug containers need 1.25 or newer.`,
    )
  }

  problems(): string[] {
    return this.#options.targets.problems()
  }

  async stop(container: DebugContainer, signal: AbortSignal): Promise<void> {
    const place = placeOf(container)
    if (place === undefined) return
    const { client } = this.#options
    const attached = this.#attached.get(container.id)
    if (isCopyName(place.pod, place.sessionId)) await removeCopy(client, place, signal)
    else await endDebugContainer(client, place, { attached, signal })
    this.#opened.delete(container.id)
  }

  async listOwned(signal: AbortSignal): Promise<DebugContainer[]> {
    const { client, targets, installation } = this.#options
    const owned = new Map(this.#opened)
    for (const seen of await targets.debugContainers(installation, signal)) {
      const sessionId = seen.env[environmentNames.session]
      if (seen.state === 'terminated' || sessionId === undefined) continue
      // Anybody who may add ephemeral containers can name one and write these variables: at least both have to fit.
      if (seen.name !== ephemeralName(sessionId)) continue
      const id = [seen.namespace, seen.pod, seen.name].join('/')
      const targetId = `${seen.podUid}/${seen.target ?? ''}`
      owned.set(id, { environment: this.environment, id, sessionId, targetId })
    }
    // A copy has to go also when nothing runs in it.
    for (const { namespace, pod, podUid, container, sessionId } of await targets.debugCopies(
      installation,
      signal,
    )) {
      const id = [namespace, pod, ephemeralName(sessionId)].join('/')
      owned.set(id, { environment: this.environment, id, sessionId, targetId: `${podUid}/${container}` })
    }
    // What was last seen may be a moment old; the few that are left are looked at.
    const look = limitConcurrency(looksAtOnce)
    const live = await Promise.all(
      [...owned.values()].map((container) =>
        look(async () => {
          const place = placeOf(container)
          if (place !== undefined && (await isLeft(client, place, signal))) return [container]
          this.#opened.delete(container.id)
          return []
        }, signal),
      ),
    )
    return live.flat()
  }

  close(): void {
    this.#options.targets.close()
    this.#options.client.close()
  }

  async #identify(
    target: Target,
    { profile, scope, process }: IdentityWish & { profile: Profile },
    actor: Actor,
    signal: AbortSignal,
  ): Promise<Identity> {
    if (process !== undefined) throw noChoiceOfProcess()
    const place = podOf(target)
    const { client, targets } = this.#options
    const pod = targets.takePod(target) ?? (await readWholePod(client, { ...place, actor }, signal))
    requireSamePod(pod, place.uid)
    return choosePodIdentity(readIdentityFacts(pod, place.container), profile, scope).identity
  }

  async #open<Stream extends TerminalStream | CommandStream, Attached extends Attachment>(
    asked: Asked,
    joining: Joining<Stream, Attached>,
  ): Promise<Opened<Stream>> {
    if (asked.spec.process !== undefined) throw noChoiceOfProcess()
    const { client, targets } = this.#options
    const open = asked.spec.copy === true ? openInCopy : openInPod
    const found = targets.takePod(asked.target)
    const opened = await open(
      {
        ...asked,
        client,
        target: podOf(asked.target),
        ...(found !== undefined && { found }),
        minorVersion: this.#minor(),
        onAttached: (id, attached) => this.#remember(id, attached),
      },
      joining,
    )
    this.#opened.set(opened.container.id, opened.container)
    return opened
  }

  async #reattach(container: DebugContainer, actor: Actor, signal: AbortSignal): Promise<TerminalStream> {
    const { client } = this.#options
    const place = placeOf(container)
    const ended = (cause?: unknown) =>
      new HatchwayError('session_ended', 'The debug container of this session no longer runs.', { cause })
    if (place === undefined) throw ended()
    const state = await readDebugState(client, place, signal)
    if (state === 'ended' || state === 'absent') throw ended()
    const at = { namespace: place.namespace, pod: place.pod, container: place.container, actor }
    const tty = await attachTty(client, at, undefined, signal).catch((cause: unknown) => {
      throw notUpYet(cause) ? ended(cause) : cause
    })
    this.#remember(container.id, tty)
    // As the gateway, as when it was opened: a person needs no right to watch.
    const pod = watchPod(client, { namespace: place.namespace, pod: place.pod })
    return new KubernetesTerminal({
      client,
      place: { ...at, uid: place.uid },
      target: place.target,
      attached: tty,
      pod,
    })
  }

  #remember(id: string, tty: Attachment): void {
    this.#attached.set(id, tty)
    const forget = async () => {
      await tty.closed
      if (this.#attached.get(id) === tty) this.#attached.delete(id)
    }
    void forget()
  }

  /** Asked once: it changes only with the cluster. */
  #minor(): Promise<number> {
    this.#minorVersion ??= this.#options.client.version(AbortSignal.timeout(10_000)).then(
      ({ minor }) => minor,
      () => {
        this.#minorVersion = undefined
        return 0
      },
    )
    return this.#minorVersion
  }
}

function noChoiceOfProcess(): HatchwayError {
  return new HatchwayError(
    'invalid_request',
    'A process can be chosen in Docker only: a cluster tells nobody the processes of a pod before a debug container has started there, and then its user is settled. Leave out the process, and use the profile general for one of another user.',
  )
}

/** Throws `target_not_running` for a workload that has no pod. */
function podOf({ ref, id, name, status, cluster }: Target): PodPlace {
  if (ref.kind !== 'kubernetes' || cluster?.pod === undefined || cluster.container === undefined) {
    throw new HatchwayError('target_not_running', `${name} has no pod that could be opened: ${status}.`)
  }
  return { namespace: ref.namespace, pod: cluster.pod, uid: id, container: cluster.container }
}

/** Whether there is anything to stop: of a copy, the pod itself. */
async function isLeft(client: KubernetesClient, place: DebugPlace, signal: AbortSignal): Promise<boolean> {
  if (isCopyName(place.pod, place.sessionId))
    return (await readCopy(client, place, signal))?.metadata?.uid === place.uid
  const state = await readDebugState(client, place, signal)
  return state === 'running' || state === 'pending'
}

/** Undefined for a description that names no ephemeral container. */
function placeOf(container: DebugContainer): (DebugPlace & { target: string }) | undefined {
  const [namespace = '', pod = '', name = ''] = container.id.split('/')
  const [uid = '', target = ''] = container.targetId.split('/')
  if (namespace === '' || pod === '' || name !== `hatchway-${container.sessionId}`) return undefined
  return { namespace, pod, container: name, uid, target, sessionId: container.sessionId }
}
