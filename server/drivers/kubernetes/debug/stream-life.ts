import { setTimeout as delay } from 'node:timers/promises'
import type { V1ContainerStateTerminated } from '@kubernetes/client-node'
import type { StreamEnd } from '../../../core/streams.ts'
import type { Attachment, AttachPlace } from './attach.ts'
import type { AttachEnd } from './channel-socket.ts'
import type { KubernetesClient } from '../api/client.ts'
import { endOfPod, endOfTarget } from './target-end.ts'
import { refusalOf } from '../api/errors.ts'
import { ephemeralStatus, readPod, watchPod, type PodFacts } from '../catalog/pod.ts'
import type { Watched } from '../api/watch.ts'

/** A debug container that is attached to. */
export interface Joined<Attached extends Attachment> {
  client: KubernetesClient
  /** `uid` is the pod's: another one of the same name is another target. */
  place: AttachPlace & { uid: string }
  /** The container whose processes the debug container sees. */
  target: string
  attached: Attached
  /** Closed at the stream's end. Without it the stream makes its own. */
  pod?: Watched<PodFacts>
}

/** How long the kubelet may take to tell an exit code: its own relist comes every second. */
const exitCodeMs = 10_000
/** After a broken connection the container is expected to run on. */
const brokenMs = 1_500
/** A target's end and what it took along are not told in the same breath. */
const targetEndMs = 2_000
/** Streams of a pod that is gone can stay open and silent (kubernetes#129144). */
const frozenMs = 3_000

/** SIGKILL, and the SIGTERM that a pod's containers get first. */
const killedCodes = new Set([137, 143])

/** Watches over the pod of a stream, and tells how the stream came to its end. */
export class StreamLife {
  readonly #joined: Joined<Attachment>
  readonly #pod: Watched<PodFacts>
  /** The pod as it was last seen: it stays here when it is gone. */
  #last: PodFacts | undefined
  /** The pod was asked for, and was not there. */
  #missing = false
  #detached = false
  #warned: ((words: string) => void) | undefined

  constructor(joined: Joined<Attachment>) {
    this.#joined = joined
    this.#pod = joined.pod ?? watchPod(joined.client, joined.place)
    this.#pod.onChange(() => this.#look())
    this.#look()
  }

  detach(): void {
    this.#detached = true
    this.#joined.attached.destroy()
  }

  /** A stream whose process has ended does not always end by itself. */
  #look(): void {
    const { place, attached } = this.#joined
    const pod = this.#pod.items.get(place.uid)
    if (pod !== undefined) this.#last = pod
    if (pod !== undefined) this.#warn(pod)
    const isGone = pod === undefined && this.#pod.synced
    const hasEnded =
      pod !== undefined && ephemeralStatus(pod, place.container)?.state?.terminated !== undefined
    if (isGone || hasEnded) attached.settle(frozenMs)
  }

  onWarning(listener: (words: string) => void): void {
    this.#warned = listener
    if (this.#last !== undefined) this.#warn(this.#last)
  }

  /** A pod that is being deleted runs on for its grace period, and its viewers should not lose what they do in it. */
  #warn({ metadata }: PodFacts): void {
    const { name = '', deletionTimestamp } = metadata
    if (deletionTimestamp === undefined || this.#warned === undefined) return
    const seconds = Math.round((Date.parse(deletionTimestamp) - Date.now()) / 1000)
    const when = seconds > 1 ? `, at the latest in about ${seconds} seconds` : ''
    this.#warned(`The pod ${name} is being deleted: this session ends with it${when}.`)
    this.#warned = undefined
  }

  /** To be asked once the last of the output was read. Never rejects. */
  async end(): Promise<StreamEnd> {
    const closed = await this.#joined.attached.closed
    try {
      if (this.#detached) return { kind: 'disconnected', detail: 'Detached.' }
      return await this.#reason(closed)
    } finally {
      this.#pod.close()
    }
  }

  async #reason({ clean, status }: AttachEnd): Promise<StreamEnd> {
    const ended = await this.#until(() => this.#terminated(), clean ? exitCodeMs : brokenMs)
    if (ended === 'gone') return { kind: 'target-exited', detail: endOfPod(this.#last) }
    if (ended === undefined) {
      const words = status !== undefined && 'message' in status ? String(status.message) : undefined
      const why = clean ? 'The cluster closed the terminal' : 'The connection to the cluster broke'
      const more = words ?? this.#pod.problem?.message ?? 'The debug container may still run.'
      return { kind: 'disconnected', detail: `${why}. ${more}` }
    }
    const { exitCode, reason } = ended
    const exit = { kind: 'exit', exitCode, ...(reason === 'OOMKilled' && { outOfMemory: true }) } as const
    if (!killedCodes.has(exitCode)) return exit
    const detail = await this.#until(
      () => (this.#isGone() ? endOfPod(this.#last) : endOfTarget(this.#last, this.#joined.target, ended)),
      targetEndMs,
    )
    return detail === undefined ? exit : { kind: 'target-exited', detail }
  }

  #terminated(): V1ContainerStateTerminated | 'gone' | undefined {
    const { container } = this.#joined.place
    const ended = this.#last && ephemeralStatus(this.#last, container)?.state?.terminated
    return ended ?? (this.#isGone() ? 'gone' : undefined)
  }

  #isGone(): boolean {
    return this.#missing || (this.#pod.synced && !this.#pod.items.has(this.#joined.place.uid))
  }

  /** What `read` gives once it gives something; undefined when that takes too long. */
  async #until<T>(read: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>()
    const stop = new AbortController()
    const look = () => {
      const found = read()
      if (found !== undefined) resolve(found)
    }
    const timer = setTimeout(() => resolve(read()), timeoutMs)
    const ignore = this.#pod.onChange(look)
    look()
    void this.#askWhileBlind(look, stop.signal)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      ignore()
      stop.abort()
    }
  }

  /** Somebody who may get a pod and not watch it still learns how it ended. */
  async #askWhileBlind(look: () => void, signal: AbortSignal): Promise<void> {
    const { client, place } = this.#joined
    while (!signal.aborted) {
      if (!this.#pod.synced || this.#pod.problem !== undefined) {
        const pod = await readPod(client, place, signal).catch((cause: unknown) => refusalOf(cause)?.status)
        this.#missing ||= pod === 404 || (typeof pod === 'object' && pod.metadata.uid !== place.uid)
        if (typeof pod === 'object' && !this.#missing) this.#last = pod
        look()
      }
      await delay(300, undefined, { signal }).catch(() => {})
    }
  }
}
