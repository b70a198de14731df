import { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Actor } from '../../../core/driver.ts'
import type { CommandOutput, TerminalSize } from '../../../core/streams.ts'
import { type KubernetesClient } from '../api/client.ts'
import { resourcePath } from '../api/paths.ts'
import { refusalOf } from '../api/errors.ts'
import { commandOrders } from './command-launch.ts'
import { endingSize } from './launch.ts'

/** One container of a pod, and who reaches for it. */
export interface AttachPlace {
  namespace: string
  pod: string
  container: string
  actor?: Actor
}

/** How a stream ended. */
export interface AttachEnd {
  /** The server's `Status` object: `Success` also for a killed process. */
  status?: object
  /** Of the WebSocket; 1006 when the connection broke. */
  code: number
  /** The server ended it in order, so the process ended; else it may go on. */
  clean: boolean
}

/** The tty of a container, or the streams of one that has none. */
export interface Attachment {
  /**
   * Bytes of a tty, else {@link CommandOutput} objects and nothing to write to. Ends after the last of them. Emits no error:
   * what broke is told by `closed`.
   */
  io: Duplex
  /** Any size. Without a tty it does nothing. */
  resize(size: TerminalSize): void
  /** Tells the launcher of a command that it may begin: from here on nothing of its output is missed. */
  begin(): void
  /** Orders the launcher to end what it has started. */
  end(): void
  /** Resolves when the connection is gone. Never rejects. */
  closed: Promise<AttachEnd>
  /** Ends a stream that is known to have no more to say, once nothing has come for `quietMs` although it was being read. */
  settle(quietMs: number): void
  destroy(): void
}

// k8s.io/apimachinery, pkg/util/remotecommand/constants.go and k8s.io/client-go, tools/remotecommand/websocket.go.
const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4 } as const
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

const pingEveryMs = 5_000
/** Pings in a row without a sign of life. Counted, not timed: a machine that slept has not heard the answers yet. */
const missedPings = 6
const sizeRepeatMs = 300
const sizeRepeats = 30
const inputChunk = 16 * 1024
/** What may wait on each side of the stream. */
const bufferBytes = 64 * 1024
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
): Promise<Attachment> {
  // With a tty there is no stderr; asking for it would be refused by some runtimes.
  const socket = await openSocket(client, place, { stderr: 'false', tty: 'true' }, signal)
  const tty = new ChannelSocket(socket, true)
  if (size !== undefined) tty.beginWith(size)
  return tty
}

/** The same for a container without a tty, whose command waits to be told to {@link Attachment.begin}. */
export async function attachCommand(
  client: KubernetesClient,
  place: AttachPlace,
  signal: AbortSignal,
): Promise<Attachment> {
  const socket = await openSocket(client, place, { stderr: 'true', tty: 'false' }, signal)
  return new ChannelSocket(socket, false)
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
    protocols,
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

class ChannelSocket implements Attachment {
  readonly io: Duplex
  readonly closed: Promise<AttachEnd>
  readonly #socket: WebSocket
  readonly #tty: boolean
  #status: object | undefined
  /** Changes with everything that comes. */
  #signs = 0
  #settling = Infinity
  #size: TerminalSize | undefined
  #hasShown = false
  #pending: Buffer[] = []
  #pendingBytes = 0
  #pendingStream: CommandOutput['stream'] = 'stdout'

  constructor(socket: WebSocket, tty: boolean) {
    this.#socket = socket
    this.#tty = tty
    this.io = new Duplex({
      readableObjectMode: !tty,
      readableHighWaterMark: tty ? bufferBytes : bufferObjects,
      writableHighWaterMark: bufferBytes,
      // The end of output is the end: there is nobody left who reads input.
      allowHalfOpen: false,
      read: () => socket.resume(),
      write: (chunk: Buffer, _encoding, done) => this.#input(chunk, 0, done),
      destroy: (_cause, done) => {
        socket.terminate()
        done(null)
      },
    })
    this.io.on('error', () => {})
    this.closed = this.#listen()
    this.#watchOver()
    socket.resume()
  }

  /**
   * A size that comes before the runtime has taken up the stream can get lost, so it is said again until something is shown;
   * kubectl says its own twice. The same size again changes nothing.
   */
  beginWith(size: TerminalSize): void {
    this.resize(size)
    let left = sizeRepeats
    const timer = setInterval(() => {
      if (left-- === 0 || this.#hasShown || this.#socket.readyState !== this.#socket.OPEN)
        clearInterval(timer)
      else this.resize(this.#size ?? size)
    }, sizeRepeatMs)
    timer.unref()
  }

  begin(): void {
    if (!this.#tty) this.#order(commandOrders.begin)
  }

  end(): void {
    if (this.#tty) this.resize(endingSize)
    else this.#order(commandOrders.end)
  }

  #order(word: string): void {
    this.#socket.send(toFrame(channel.stdin, Buffer.from(`${word}\n`)), () => {})
  }

  resize(size: TerminalSize): void {
    if (!this.#tty) return
    const { cols, rows } = size
    this.#size = size
    const words = Buffer.from(JSON.stringify({ Width: cols, Height: rows }))
    this.#socket.send(toFrame(channel.resize, words), () => {})
  }

  settle(quietMs: number): void {
    if (this.#settling <= quietMs) return
    this.#settling = quietMs
    let signs = -1
    const timer = setInterval(() => {
      if (this.#socket.readyState === this.#socket.CLOSED) clearInterval(timer)
      else if (this.#socket.isPaused) signs = -1
      else if (signs === this.#signs) this.#socket.terminate()
      else signs = this.#signs
    }, quietMs)
    timer.unref()
  }

  destroy(): void {
    this.io.destroy()
    this.#socket.terminate()
  }

  async #listen(): Promise<AttachEnd> {
    const { promise, resolve } = Promise.withResolvers<AttachEnd>()
    const socket = this.#socket
    socket.on('message', (data: Buffer) => {
      this.#signs++
      const payload = data.subarray(1)
      if (data[0] === channel.status) {
        this.#status = readStatus(payload)
        // The close follows at once; when it got lost, nothing else would tell.
        this.settle(2_000)
      } else if (data[0] === channel.stdout || data[0] === channel.stderr) {
        // Each stream begins with an empty message.
        if (payload.length > 0) this.#output(payload, data[0] === channel.stderr ? 'stderr' : 'stdout')
      }
    })
    socket.on('close', (code: number) => {
      this.#flush()
      this.io.push(null)
      const clean = this.#status !== undefined
      resolve({ code, clean, ...(this.#status !== undefined && { status: this.#status }) })
    })
    return await promise
  }

  /** kubectl pings as often; a load balancer cuts what is silent for a minute. */
  #watchOver(): void {
    const socket = this.#socket
    let missed = 0
    let signs = this.#signs
    socket.on('pong', () => this.#signs++)
    const timer = setInterval(() => {
      // No answer can be read from a socket that a slow reader has paused.
      missed = socket.isPaused || signs !== this.#signs ? 0 : missed + 1
      signs = this.#signs
      if (missed >= missedPings) socket.terminate()
      else if (socket.readyState === socket.OPEN) socket.ping()
    }, pingEveryMs)
    socket.on('close', () => clearInterval(timer))
  }

  /** A tty's output comes in messages of a few bytes; those that came together are handed on together. */
  #output(payload: Buffer, stream: CommandOutput['stream']): void {
    this.#hasShown = true
    if (stream !== this.#pendingStream) this.#flush()
    this.#pendingStream = stream
    const isFirst = this.#pending.push(payload) === 1
    this.#pendingBytes += payload.length
    if (this.#pendingBytes >= bufferBytes) this.#flush()
    else if (isFirst) setImmediate(() => this.#flush())
  }

  #flush(): void {
    if (this.#pending.length === 0) return
    const [first] = this.#pending
    const chunk = this.#pending.length === 1 && first !== undefined ? first : Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    // A paused socket holds up the process at its other end.
    const piece = { stream: this.#pendingStream, bytes: chunk } satisfies CommandOutput
    if (!this.io.push(this.#tty ? chunk : piece)) this.#socket.pause()
  }

  /** The next part goes when the kernel has taken the last one. What is typed into a terminal that has gone is lost. */
  #input(chunk: Buffer, at: number, done: () => void): void {
    if (at >= chunk.length) {
      done()
      return
    }
    const part = chunk.subarray(at, at + inputChunk)
    this.#socket.send(toFrame(channel.stdin, part), () => this.#input(chunk, at + part.length, done))
  }
}

function toFrame(to: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(payload.length + 1)
  frame[0] = to
  payload.copy(frame, 1)
  return frame
}

function readStatus(payload: Buffer): object {
  try {
    const status: unknown = JSON.parse(payload.toString('utf8'))
    return typeof status === 'object' && status !== null ? status : {}
  } catch {
    return {}
  }
}
