import { Duplex, Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Actor } from '../../../core/driver.ts'
import type { CommandOutput, TerminalSize } from '../../../core/streams.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import { refusalOf } from '../api/errors.ts'
import { bufferBytes, channelProtocols, ChannelSocket, type AttachEnd } from './channel-socket.ts'
import { commandOrders } from './command-launch.ts'
import { endingSize } from './launch.ts'

/** One container of a pod, and who reaches for it. */
export interface AttachPlace {
  namespace: string
  pod: string
  container: string
  actor?: Actor
}

/** The streams of a container. Its Node stream ends after the last of the output and emits no error: `closed` tells what broke. */
export interface Attachment {
  /** Takes what comes and drops it: what nobody reads would hold up the process. */
  discard(): void
  /** Orders the launcher to end what it has started. */
  end(): void
  /** Resolves when the connection is gone. Never rejects. */
  readonly closed: Promise<AttachEnd>
  /** Ends a stream that is known to have no more to say, once nothing has come for `quietMs` although it was being read. */
  settle(quietMs: number): void
  destroy(): void
}

/** The tty of a container. */
export interface TtyAttachment extends Attachment {
  readonly io: Duplex
  /** Any size. */
  resize(size: TerminalSize): void
}

/** The streams of a container that has no tty. */
export interface CommandAttachment extends Attachment {
  /** Objects, each a {@link CommandOutput}. */
  readonly output: Readable
  /** Tells the launcher of a command that it may begin: from here on nothing of its output is missed. */
  begin(): void
}

const sizeRepeatMs = 300
const sizeRepeats = 30
const bufferObjects = 8

/**
 * Attaches to a container's tty; `size` is sent right after the upgrade, and again until something is shown.
 * While the container is not up yet this throws what {@link notUpYet} knows: ask again.
 */
export async function attachTty(
  client: KubernetesClient,
  place: AttachPlace,
  size: TerminalSize | undefined,
  signal: AbortSignal,
): Promise<TtyAttachment> {
  // With a tty there is no stderr; asking for it would be refused by some runtimes.
  const socket = await openSocket(client, place, { stderr: 'false', tty: 'true' }, signal)
  const tty = new Tty(socket)
  if (size !== undefined) tty.beginWith(size)
  return tty
}

/** The same for a container without a tty, whose command waits to be told to {@link CommandAttachment.begin}. */
export async function attachCommand(
  client: KubernetesClient,
  place: AttachPlace,
  signal: AbortSignal,
): Promise<CommandAttachment> {
  const socket = await openSocket(client, place, { stderr: 'true', tty: 'false' }, signal)
  return new Command(socket)
}

async function openSocket(
  client: KubernetesClient,
  place: AttachPlace,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<WebSocket> {
  return await client.webSocket(
    {
      path: resourcePath('/api/v1', place.namespace, 'pods', place.pod, 'attach'),
      query: { container: place.container, stdin: 'true', stdout: 'true', ...query },
      ...(place.actor !== undefined && { actor: place.actor }),
      doing: 'attach to the debug container',
      signal,
    },
    channelProtocols,
  )
}

/**
 * The refusal of an attach that may be accepted a moment later: the kubelet or the API server does not know the container yet.
 * The same words are said of one that has ended, by the kubelet or by containerd: the pod's status tells.
 */
export function notUpYet(cause: unknown): boolean {
  const refusal = refusalOf(cause)
  if (refusal === undefined) return false
  if (refusal.status === 500)
    return /\bcontainer \S+ not found in pod\b|container is in CONTAINER_\w+ state/.test(refusal.message)
  return refusal.status === 400 && /is not valid for pod|does not have a host assigned/.test(refusal.message)
}

/** The refusal of a kubelet that has just started and does not know its pods yet: a moment later it does. */
export function kubeletStarting(cause: unknown): boolean {
  const refusal = refusalOf(cause)
  return refusal?.status === 404 && /pod does not exist/.test(refusal.message)
}

class Tty implements TtyAttachment {
  readonly io: Duplex
  readonly #channels: ChannelSocket
  #size: TerminalSize | undefined

  constructor(socket: WebSocket) {
    this.#channels = new ChannelSocket(socket, {
      take: (bytes) => this.io.push(bytes),
      finish: () => this.io.push(null),
    })
    this.io = new Duplex({
      readableHighWaterMark: bufferBytes,
      writableHighWaterMark: bufferBytes,
      // The end of output is the end: there is nobody left who reads input.
      allowHalfOpen: false,
      read: () => this.#channels.resume(),
      write: (chunk: Buffer, _encoding, done) => this.#channels.input(chunk, done),
      destroy: (_cause, done) => {
        this.#channels.terminate()
        done(null)
      },
    })
    this.io.on('error', () => {})
    this.#channels.resume()
  }

  get closed(): Promise<AttachEnd> {
    return this.#channels.closed
  }

  /**
   * A size that comes before the runtime has taken up the stream can get lost, so it is said again until something is shown;
   * kubectl says its own twice. The same size again changes nothing.
   */
  beginWith(size: TerminalSize): void {
    this.resize(size)
    let left = sizeRepeats
    const timer = setInterval(() => {
      if (left-- === 0 || this.#channels.hasShown || !this.#channels.isOpen) clearInterval(timer)
      else this.resize(this.#size ?? size)
    }, sizeRepeatMs)
    timer.unref()
  }

  resize(size: TerminalSize): void {
    const { cols, rows } = size
    this.#size = size
    this.#channels.order('resize', JSON.stringify({ Width: cols, Height: rows }))
  }

  end(): void {
    this.resize(endingSize)
  }

  discard(): void {
    this.io.resume()
  }

  settle(quietMs: number): void {
    this.#channels.settle(quietMs)
  }

  destroy(): void {
    this.io.destroy()
    this.#channels.terminate()
  }
}

class Command implements CommandAttachment {
  readonly output: Readable
  readonly #channels: ChannelSocket

  constructor(socket: WebSocket) {
    this.#channels = new ChannelSocket(socket, {
      take: (bytes, stream) => this.output.push({ stream, bytes } satisfies CommandOutput),
      finish: () => this.output.push(null),
    })
    this.output = new Readable({
      objectMode: true,
      highWaterMark: bufferObjects,
      read: () => this.#channels.resume(),
      destroy: (_cause, done) => {
        this.#channels.terminate()
        done(null)
      },
    })
    this.output.on('error', () => {})
    this.#channels.resume()
  }

  get closed(): Promise<AttachEnd> {
    return this.#channels.closed
  }

  begin(): void {
    this.#channels.order('stdin', `${commandOrders.begin}\n`)
  }

  end(): void {
    this.#channels.order('stdin', `${commandOrders.end}\n`)
  }

  discard(): void {
    this.output.resume()
  }

  settle(quietMs: number): void {
    this.#channels.settle(quietMs)
  }

  destroy(): void {
    this.output.destroy()
    this.#channels.terminate()
  }
}
