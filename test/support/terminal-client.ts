import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { flow, subprotocol, type ClientMessage, type ServerMessage } from '../../server/protocol/terminal.ts'
import { within } from './within.ts'

export interface ConnectOptions {
  /** `http://127.0.0.1:port` */
  url: string
  /** A bearer token, or a browser's cookie in its place. */
  token?: string
  cookie?: string
  sessionId: string
  offset?: number
  role?: 'observer'
  /** False: never acknowledges, like a browser that hangs. */
  acknowledge?: boolean
  /** True: keeps only the end of the output, for floods. */
  tail?: boolean
}

/** A program that speaks hatchway.v1, as an integrator would write it. Answers the shell's cursor queries. */
export class TerminalClient {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  /** Resolves with code and reason once the socket is closed. */
  readonly closed: Promise<{ code: number; reason: string }>
  #chunks: Buffer[] = []
  #snapshotLeft = 0
  #offset = 0
  #acked = 0
  #seen = 0
  #wakers = new Set<() => void>()
  readonly #options: ConnectOptions

  private constructor(options: ConnectOptions) {
    this.#options = options
    const query = new URLSearchParams()
    if (options.offset !== undefined) query.set('offset', String(options.offset))
    if (options.role !== undefined) query.set('role', options.role)
    const address = `${options.url.replace('http', 'ws')}/api/v1/sessions/${options.sessionId}/terminal?${query}`
    const { token, cookie } = options
    this.socket = new WebSocket(address, subprotocol, {
      headers: cookie === undefined ? { authorization: `Bearer ${token}` } : { cookie, origin: options.url },
    })
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.#bytes(data)
      else this.#message(JSON.parse(data.toString()) as ServerMessage)
      this.#wake()
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        this.#wake()
      })
    })
    this.socket.on('error', () => undefined)
  }

  /** Resolves after `hello`; rejects when the upgrade is refused. */
  static async connect(options: ConnectOptions): Promise<TerminalClient> {
    const client = new TerminalClient(options)
    await within(once(client.socket, 'open'), 'the WebSocket to open')
    await client.message('hello')
    return client
  }

  /** Position in the session's output that was processed. */
  get offset(): number {
    return this.#offset
  }

  /** What is on hand: the last snapshot, if any, and the output after it. */
  get bytes(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  send(message: ClientMessage): void {
    this.socket.send(JSON.stringify(message))
  }

  type(text: string | Buffer): void {
    this.socket.send(Buffer.from(text), { binary: true })
  }

  /** The first message of this type, already there or still to come. */
  async message<T extends ServerMessage['type']>(
    type: T,
    matches: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const find = () =>
      this.messages.find(
        (message): message is Extract<ServerMessage, { type: T }> =>
          message.type === type && matches(message as Extract<ServerMessage, { type: T }>),
      )
    return this.#until(find, `a message of type ${type}`, timeoutMs)
  }

  /** Waits for output behind the last match; what is matched counts as seen. */
  async expect(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const match = await this.#until(
      () => pattern.exec(this.text.slice(this.#seen)) ?? undefined,
      `${pattern} in the output`,
      timeoutMs,
    )
    this.#seen += match.index + match[0].length
    return match
  }

  /** Runs one line and gives what it printed, with plain line ends. */
  async run(line: string, timeoutMs?: number): Promise<string> {
    const mark = randomBytes(4).toString('hex')
    this.type(`printf '<%s>' b${mark}; ${line}; printf '<%s>' e${mark}\n`)
    const match = await this.expect(new RegExp(`<b${mark}>([\\s\\S]*?)<e${mark}>`), timeoutMs)
    return (match[1] ?? '').replaceAll('\r\n', '\n').trim()
  }

  /** Waits until the processed offset reaches `offset`. */
  async reach(offset: number, timeoutMs = 10_000): Promise<void> {
    await this.#until(() => (this.#offset >= offset ? true : undefined), `offset ${offset}`, timeoutMs)
  }

  close(): void {
    this.socket.close()
  }

  /** Cuts the connection as a dead network does: no close frame. */
  cut(): void {
    this.socket.terminate()
  }

  #message(message: ServerMessage): void {
    this.messages.push(message)
    if (message.type === 'hello') {
      this.#offset = message.offset
      this.#acked = message.offset
    } else if (message.type === 'reset') {
      this.#chunks = []
      this.#seen = 0
      this.#snapshotLeft = message.snapshotBytes
      this.#offset = message.offset
      this.#acked = message.offset
    }
  }

  #bytes(data: Buffer): void {
    this.#chunks.push(data)
    if (this.#options.tail === true && this.#chunks.length > 64) {
      this.#chunks = [this.bytes.subarray(-4096)]
      this.#seen = 0
    }
    const drawn = Math.min(this.#snapshotLeft, data.length)
    this.#snapshotLeft -= drawn
    this.#offset += data.length - drawn
    if (data.length < 4096 && data.includes('\u001b[6n')) this.type('\u001b[1;1R')
    if (this.#options.acknowledge !== false && this.#offset - this.#acked >= flow.ackStep) {
      this.#acked = this.#offset
      this.send({ type: 'ack', offset: this.#offset })
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
  }

  async #until<T>(find: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const look = () => {
      const found = find()
      if (found !== undefined) resolve(found)
      else if (this.socket.readyState === WebSocket.CLOSED)
        reject(new Error(`The socket closed before ${what} came`))
    }
    this.#wakers.add(look)
    look()
    try {
      return await within(promise, what, timeoutMs)
    } catch (cause) {
      const tail = JSON.stringify(this.text.slice(-300))
      throw new Error(
        `${String(cause)}; last output ${tail}; messages ${JSON.stringify(this.messages.slice(-3))}`,
        { cause },
      )
    } finally {
      this.#wakers.delete(look)
    }
  }
}
