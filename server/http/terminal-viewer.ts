import type { RawData, WebSocket } from 'ws'
import { HatchwayError } from '../core/errors.ts'
import { parseClientMessage } from '../protocol/client-message.ts'
import { closeCodes } from '../protocol/terminal.ts'
import type { ServerMessage } from '../protocol/terminal.ts'
import type { ViewerHandle, ViewerSocket } from '../sessions/sessions.ts'
import { closeSocket } from './terminal-sockets.ts'
import { Allowance } from '../core/allowance.ts'

const binary = { binary: true } as const
/** At most 123 bytes: RFC 6455 5.5. */
const unknownMessage =
  'not a message of hatchway.v1: text is JSON; to type, send bytes, or {"type":"input","data":"ls\\r"}'
/** Bytes that may wait for a peer to read them. Flow control stays far below; who lies about what they have read does not. */
const maxWaiting = 4 * 1024 * 1024

/** Frames of one peer. Who acknowledges a hundred megabytes a second sends 3,200; a faster peer is read no faster. */
const frames = { burst: 1_000, perSecond: 5_000 }
const restMs = 200
/** Pings, of both kinds: one each 15 seconds is asked for. */
const pings = { burst: 60, perSecond: 5 }
/** How long a peer that is sent away for its number of messages gets to read why. */
const farewellMs = 1_000

/**
 * One WebSocket as a session sees it. Listens from its construction on, but reads nothing until the session has let
 * it in: what is typed early waits in the kernel, in order and bounded.
 */
export class TerminalViewer implements ViewerSocket {
  readonly #socket: WebSocket
  #handle: ViewerHandle | undefined
  #paused = false
  #isResting = false
  readonly #frames = new Allowance(frames)
  readonly #pings = new Allowance(pings)
  #closed = false
  /** Reset by everything that arrives: a sign of life. */
  quietTicks = 0

  constructor(socket: WebSocket) {
    this.#socket = socket
    // @fastify/websocket drops frames that arrive before a listener does.
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('pong', () => (this.quietTicks = 0))
    socket.on('ping', (data) => {
      this.quietTicks = 0
      if (!this.#mayPing()) return
      socket.pong(data)
      this.#bound()
    })
    socket.once('close', () => {
      this.#closed = true
      this.#handle?.leave()
    })
    socket.pause()
  }

  /** True while the session does not want to read: no sign of life can be expected. */
  get paused(): boolean {
    return this.#paused
  }

  /** Lets the viewer in, then begins to read. */
  async enter(join: (viewer: ViewerSocket) => Promise<ViewerHandle>): Promise<void> {
    try {
      this.#handle = await join(this)
    } catch (error) {
      if (!(error instanceof HatchwayError)) throw error
      this.close(error.status === 410 ? closeCodes.ended : 1011, error.code)
      return
    }
    if (this.#closed) this.#handle.leave()
    else this.#read()
  }

  send(message: ServerMessage): void {
    this.#socket.send(JSON.stringify(message))
    this.#bound()
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes, binary)
    this.#bound()
  }

  close(code: number, reason: string): void {
    closeSocket(this.#socket, code, reason)
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    this.#read()
  }

  #read(): void {
    if (this.#handle !== undefined && !this.#paused && !this.#isResting) this.#socket.resume()
  }

  /** What it sends waits in the kernel, so that it can't take more than its share of everybody's time. */
  #rest(): void {
    if (this.#isResting) return
    this.#isResting = true
    this.#socket.pause()
    setTimeout(() => {
      this.#isResting = false
      this.#read()
    }, restMs).unref()
  }

  #mayPing(): boolean {
    if (this.#pings.take()) return true
    this.close(closeCodes.tooSlow, 'too many pings')
    setTimeout(() => this.#socket.terminate(), farewellMs).unref()
    return false
  }

  /** A close would wait behind all the rest. */
  #bound(): void {
    if (this.#socket.bufferedAmount > maxWaiting) this.#socket.terminate()
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.quietTicks = 0
    const handle = this.#handle
    // After a close was sent, the peer's frames still in flight mean nothing.
    if (handle === undefined || this.#socket.readyState !== this.#socket.OPEN) return
    if (!this.#frames.take()) this.#rest()
    // The default binaryType of ws hands out Buffers.
    const bytes = data as Buffer
    if (isBinary) {
      handle.input(bytes)
      return
    }
    const message = parseClientMessage(bytes.toString())
    if (message === undefined) this.close(closeCodes.badRequest, unknownMessage)
    else if (message.type !== 'ping' || this.#mayPing()) handle.control(message)
  }
}
