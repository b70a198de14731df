import type { WebSocket } from 'ws'
import type { CommandOutput } from '../../../core/streams.ts'

/** How a stream ended. */
export interface AttachEnd {
  /** The server's `Status` object: `Success` also for a killed process. */
  status?: object
  /** Of the WebSocket; 1006 when the connection broke. */
  code: number
  /** The server ended it in order, so the process ended; else it may go on. */
  clean: boolean
}

// k8s.io/apimachinery, pkg/util/remotecommand/constants.go and k8s.io/client-go, tools/remotecommand/websocket.go.
const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4 } as const
export const channelProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

const pingEveryMs = 5_000
/** Pings in a row without a sign of life. Counted, not timed: a machine that slept has not heard the answers yet. */
const missedPings = 6
const inputChunk = 16 * 1024
/** Output that came together is handed on together, up to so much. */
export const bufferBytes = 64 * 1024

interface Taker {
  /** False when it has enough: the socket is paused, until {@link ChannelSocket.resume}. */
  take(bytes: Buffer, stream: CommandOutput['stream']): boolean
  /** After the last of it. */
  finish(): void
}

/** The channels of a container's streams in one WebSocket. */
export class ChannelSocket {
  /** Resolves when the connection is gone. Never rejects. */
  readonly closed: Promise<AttachEnd>
  readonly #socket: WebSocket
  readonly #taker: Taker
  #status: object | undefined
  /** Changes with everything that comes. */
  #signs = 0
  #settling = Infinity
  #hasShown = false
  #pending: Buffer[] = []
  #pendingBytes = 0
  #pendingStream: CommandOutput['stream'] = 'stdout'

  /** Takes nothing before {@link resume}. */
  constructor(socket: WebSocket, taker: Taker) {
    this.#socket = socket
    this.#taker = taker
    this.closed = this.#listen()
    this.#watchOver()
  }

  /** Something of the output has come. */
  get hasShown(): boolean {
    return this.#hasShown
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  resume(): void {
    this.#socket.resume()
  }

  /** The next part goes when the kernel has taken the last one. What is typed into a terminal that has gone is lost. */
  input(chunk: Buffer, done: () => void, at = 0): void {
    if (at >= chunk.length) {
      done()
      return
    }
    const part = chunk.subarray(at, at + inputChunk)
    this.#socket.send(toFrame(channel.stdin, part), () => this.input(chunk, done, at + part.length))
  }

  /** Words that the launcher reads, or a size. */
  order(to: 'stdin' | 'resize', words: string): void {
    this.#socket.send(toFrame(channel[to], Buffer.from(words)), () => {})
  }

  /** Ends a stream that is known to have no more to say, once nothing has come for `quietMs` although it was being read. */
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

  terminate(): void {
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
      this.#taker.finish()
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
    if (!this.#taker.take(chunk, this.#pendingStream)) this.#socket.pause()
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
