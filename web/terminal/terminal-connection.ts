import type { TerminalSize } from '../../server/protocol/session-api.ts'
import {
  closeCodes,
  subprotocol,
  type ClientMessage,
  type Role,
  type ServerMessage,
} from '../../server/protocol/terminal.ts'
import { InputQueue, type InputProgress } from './input-queue.ts'
import { OutputLedger, type OutputPart } from './output-ledger.ts'

export type ConnectionState =
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** `at` is the wall clock, in ms, of the next attempt; `why` a sentence, where it is not just the line. */
  | { kind: 'retrying'; at: number; attempt: number; why?: string }
  | { kind: 'ended' }
  /** Sign in again, then {@link TerminalConnection.connect}. */
  | { kind: 'expired' }
  | { kind: 'control-taken'; by: string }
  /** The gateway does not want this connection; trying again by itself makes no sense. */
  | { kind: 'refused'; detail: string }

/** Why a handshake failed: browsers hide the HTTP status of a refused WebSocket, so it is asked for separately. */
export type Refusal =
  | { kind: 'retry'; why?: string }
  | { kind: 'ended' }
  | { kind: 'expired' }
  | { kind: 'refused'; detail: string }

/** Who uses a connection. Calls come in the order of the wire. */
export interface TerminalListener {
  onState(state: ConnectionState): void
  onMessage(message: ServerMessage): void
  /** Clear the terminal and give it this size before anything else is drawn. */
  onClear(size: TerminalSize): void
  /** Draw it, then call `drawn`. Flow control rests on that call. */
  onOutput(part: OutputPart, drawn: () => void): void
  /** How far a large input has got; undefined when nothing waits. */
  onInputProgress(progress: InputProgress | undefined): void
}

export interface TerminalConnectionOptions {
  /** The session's terminal, `ws:` or `wss:`, without a query. */
  url: string
  role?: Role
  listener: TerminalListener
  explainRefusal: (signal: AbortSignal) => Promise<Refusal>
}

const connectDeadlineMs = 10_000
const explainDeadlineMs = 5_000
const pingEveryMs = 15_000
const pongDeadlineMs = 5_000
/** Somebody who types sees at once that nothing comes: the line is asked so soon, and given up so soon after. */
const typedWaitMs = 1_000
const typedPongDeadlineMs = 3_000
/** More at once is not typed but pasted. */
const typedBytes = 256
const healthyAfterMs = 1_000
const firstRetryMs = 100
const longestRetryMs = 10_000
// 1001 going away, 1006 cut, 1011 the server failed, 1012 restart.
const retryCodes: readonly number[] = [1001, 1006, 1011, closeCodes.restart, closeCodes.tooSlow]

const refusals: Readonly<Record<number, string>> = {
  [closeCodes.revoked]: 'Policy no longer lets you use this session.',
  [closeCodes.badRequest]: 'The gateway did not understand this page. Reload it.',
}

/**
 * One terminal's line to the gateway, kept alive through cuts, sleep and restarts. It counts output, acknowledges
 * what was drawn, and never queues input for a connection that is not there.
 */
export class TerminalConnection {
  readonly #options: TerminalConnectionOptions
  readonly #ledger = new OutputLedger()
  readonly #input: InputQueue
  #state: ConnectionState = { kind: 'connecting' }
  #socket: WebSocket | undefined
  #role: Role
  #takeOnHello = false
  #takenBy = ''
  #size: TerminalSize | undefined
  #serverSize: TerminalSize | undefined
  #attempt = 0
  #pingId = 0
  #timers: Partial<
    Record<'retry' | 'connect' | 'healthy' | 'ping' | 'pong' | 'typed', ReturnType<typeof setTimeout>>
  > = {}
  #explaining: AbortController | undefined

  constructor(options: TerminalConnectionOptions) {
    this.#options = options
    this.#role = options.role ?? 'controller'
    this.#input = new InputQueue(
      () => (this.#state.kind === 'live' ? this.#socket : undefined),
      (progress) => options.listener.onInputProgress(progress),
    )
  }

  get state(): ConnectionState {
    return this.#state
  }

  get role(): Role {
    return this.#role
  }

  /** Bytes of output that the terminal has drawn. */
  get processed(): number {
    return this.#ledger.processed
  }

  /** (Re)connects at once, as `role` when given; with `take` it takes control from whoever has it. */
  connect(wanted: { role?: Role; take?: boolean } = {}): void {
    if (wanted.role !== undefined) this.#role = wanted.role
    this.#takeOnHello = wanted.take === true
    this.#drop()
    this.#open()
  }

  /** Lets go; the session lives on. */
  close(): void {
    this.#drop()
    this.#setState({ kind: 'ended' })
  }

  /** The network or the page woke up: proves the line within seconds, or makes a new one. */
  probe(): void {
    if (this.#state.kind === 'retrying') this.connect()
    else if (this.#state.kind === 'live') this.#ping()
  }

  /** False when it was not sent: there is no line, or this is an observer. */
  send(bytes: Uint8Array): boolean {
    if (this.#state.kind !== 'live' || this.#role !== 'controller') return false
    this.#input.push(bytes)
    // A large paste takes its time on a slow line, and the question would wait behind it.
    if (bytes.length <= typedBytes) {
      this.#timers.typed ??= setTimeout(() => this.#ping(typedPongDeadlineMs), typedWaitMs)
    }
    return true
  }

  /** Drops input that still waits; returns its size in bytes. */
  cancelInput(): number {
    return this.#input.cancel()
  }

  /** The size that this terminal has room for; told to the gateway while in control. */
  resize(size: TerminalSize): void {
    this.#size = size
    this.#sendSize()
  }

  takeControl(): void {
    this.#sendMessage({ type: 'take-control' })
  }

  #open(): void {
    this.#setState({ kind: 'connecting' })
    const url = new URL(this.#options.url)
    if (this.#ledger.resumeOffset !== undefined) {
      url.searchParams.set('offset', String(this.#ledger.resumeOffset))
    }
    if (this.#role === 'observer') url.searchParams.set('role', 'observer')
    const socket = new WebSocket(url, subprotocol)
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    let greeted = false
    this.#timers.connect = setTimeout(() => this.#closed(1006, '', greeted), connectDeadlineMs)
    socket.addEventListener('message', (event) => {
      if (this.#socket !== socket) return
      this.#heard()
      if (typeof event.data !== 'string') return this.#output(new Uint8Array(event.data))
      const message: ServerMessage = JSON.parse(event.data)
      greeted ||= message.type === 'hello'
      this.#handle(message)
    })
    socket.addEventListener('close', (event) => {
      if (this.#socket === socket) this.#closed(event.code, event.reason, greeted)
    })
  }

  #handle(message: ServerMessage): void {
    const { listener } = this.#options
    if (message.type === 'hello') this.#hello(message)
    else if (message.type === 'reset') {
      this.#ledger.reset(message.offset, message.snapshotBytes)
      this.#serverSize = message.size
      listener.onClear(message.size)
    } else if (message.type === 'viewers') {
      const self = message.viewers.find((viewer) => viewer.id === message.self)
      const other = message.viewers.find((viewer) => viewer.role === 'controller' && viewer !== self)
      this.#takenBy = other?.name ?? ''
      this.#setRole(self?.role ?? this.#role)
    } else if (message.type === 'resize') this.#serverSize = message.size
    listener.onMessage(message)
    if (message.type === 'hello' && this.#takeOnHello) {
      this.#takeOnHello = false
      if (message.role === 'observer') this.takeControl()
    }
  }

  #hello(message: Extract<ServerMessage, { type: 'hello' }>): void {
    clearTimeout(this.#timers.connect)
    this.#timers.healthy = setTimeout(() => (this.#attempt = 0), healthyAfterMs)
    this.#timers.ping = setInterval(() => this.#ping(), pingEveryMs)
    this.#role = message.role
    this.#serverSize = message.size
    const first = this.#ledger.resumeOffset === undefined
    if (this.#ledger.hello(message.offset, message.liveFrom) || first)
      this.#options.listener.onClear(message.size)
    this.#setState({ kind: 'live' })
    this.#sendSize()
  }

  #setRole(role: Role): void {
    if (role === this.#role) return
    this.#role = role
    if (role === 'observer') this.#input.cancel()
    this.#sendSize()
  }

  #output(frame: Uint8Array): void {
    for (const part of this.#ledger.take(frame)) {
      this.#options.listener.onOutput(part, () => {
        const offset = this.#ledger.done(part)
        if (offset !== undefined) this.#sendMessage({ type: 'ack', offset })
      })
    }
  }

  #sendSize(): void {
    const size = this.#size
    if (size === undefined || this.#state.kind !== 'live' || this.#role !== 'controller') return
    if (size.cols === this.#serverSize?.cols && size.rows === this.#serverSize.rows) return
    this.#serverSize = size
    this.#sendMessage({ type: 'resize', size })
  }

  #sendMessage(message: ClientMessage): void {
    if (this.#state.kind === 'live') this.#socket?.send(JSON.stringify(message))
  }

  #heard(): void {
    clearTimeout(this.#timers.pong)
    clearTimeout(this.#timers.typed)
    delete this.#timers.typed
  }

  #ping(deadlineMs = pongDeadlineMs): void {
    this.#sendMessage({ type: 'ping', id: ++this.#pingId })
    clearTimeout(this.#timers.pong)
    // Anything that arrives proves the line, not only the pong: see the message listener.
    this.#timers.pong = setTimeout(() => this.#closed(1006, '', true), deadlineMs)
  }

  #closed(code: number, reason: string, greeted: boolean): void {
    this.#drop()
    if (code === closeCodes.ended) this.#setState({ kind: 'ended' })
    else if (code === closeCodes.expired) this.#setState({ kind: 'expired' })
    else if (code === closeCodes.controlTaken) this.#setState({ kind: 'control-taken', by: this.#takenBy })
    else if (!retryCodes.includes(code)) {
      const detail = refusals[code] ?? `The gateway closed the connection (code ${code} ${reason}).`
      this.#setState({ kind: 'refused', detail })
    } else if (greeted) this.#retry()
    else void this.#explain()
  }

  async #explain(): Promise<void> {
    const explaining = new AbortController()
    this.#explaining = explaining
    let refusal: Refusal = { kind: 'retry' }
    try {
      const signal = AbortSignal.any([explaining.signal, AbortSignal.timeout(explainDeadlineMs)])
      refusal = await this.#options.explainRefusal(signal)
    } catch {
      // No answer is a network problem like the failed handshake itself.
    }
    if (explaining.signal.aborted) return
    if (refusal.kind === 'retry') this.#retry(refusal.why)
    else this.#setState(refusal)
  }

  /** Capped exponential backoff with full jitter, so that a restarted gateway is not met by all tabs at once. */
  #retry(why?: string): void {
    const delay = Math.random() * Math.min(longestRetryMs, firstRetryMs * 2 ** this.#attempt)
    this.#attempt++
    const at = Date.now() + delay
    this.#setState({ kind: 'retrying', at, attempt: this.#attempt, ...(why !== undefined && { why }) })
    this.#timers.retry = setTimeout(() => this.#open(), delay)
  }

  #drop(): void {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer)
    this.#timers = {}
    this.#explaining?.abort()
    this.#input.cancel()
    const socket = this.#socket
    // Forgotten first: on a dead network the close event comes a minute late and must not count then.
    this.#socket = undefined
    socket?.close()
  }

  #setState(state: ConnectionState): void {
    this.#state = state
    this.#options.listener.onState(state)
  }
}
