import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { subprotocol } from '../../server/protocol/terminal.ts'
import { within } from './within.ts'

export interface FrameOptions {
  opcode: number
  payload?: Buffer
  fin?: boolean
  /** RFC 6455, 5.1: clients mask. */
  masked?: boolean
  /** The three reserved bits, as a number. */
  reserved?: number
  /** What the header says of the length, when it lies. */
  length?: bigint
}

export function frame({
  opcode,
  payload = Buffer.alloc(0),
  fin = true,
  masked = true,
  reserved = 0,
  length,
}: FrameOptions): Buffer {
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  const said = length ?? BigInt(payload.length)
  const mask = masked ? 0x80 : 0
  let head: Buffer
  if (said < 126n) head = Buffer.from([first, mask | Number(said)])
  else if (said < 65_536n) {
    head = Buffer.from([first, mask | 126, 0, 0])
    head.writeUInt16BE(Number(said), 2)
  } else {
    head = Buffer.alloc(10)
    head[0] = first
    head[1] = mask | 127
    head.writeBigUInt64BE(said, 2)
  }
  // A key of zeros masks nothing, so that large payloads cost the test little.
  return masked ? Buffer.concat([head, Buffer.alloc(4), payload]) : Buffer.concat([head, payload])
}

/** A terminal's WebSocket by hand: what it sends is no library's choice, and it reads only when told to. */
export class RawWebSocket {
  readonly socket: Socket
  received = Buffer.alloc(0)
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.on(
      'data',
      (chunk: Buffer) => (this.received = Buffer.concat([this.received, chunk]).subarray(-65_536)),
    )
  }

  /** Resolves after the upgrade; rejects when there is none. */
  static async open(url: string, path: string, headers: Record<string, string>): Promise<RawWebSocket> {
    const { hostname, port, host } = new URL(url)
    const socket = connect(Number(port), hostname)
    await within(once(socket, 'connect'), 'a connection')
    const lines = {
      Host: host,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      'Sec-WebSocket-Protocol': subprotocol,
      ...headers,
    }
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}`)
    socket.write(`GET ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`)
    const [answer] = (await within(once(socket, 'data'), 'an answer to the handshake')) as [Buffer]
    if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(answer.toString())
    return new RawWebSocket(socket)
  }

  send(options: FrameOptions): boolean {
    return this.socket.write(frame(options))
  }

  /** The code of the close frame that came last; undefined when the connection was cut. */
  get closeCode(): number | undefined {
    for (let at = this.received.length - 4; at >= 0; at--) {
      if (this.received[at] === 0x88 && (this.received[at + 1] ?? 0) >= 2)
        return this.received.readUInt16BE(at + 2)
    }
    return undefined
  }

  stopReading(): void {
    this.socket.pause()
  }
}
