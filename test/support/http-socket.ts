import { WebSocket } from 'ws'
import type { Problem } from '../../server/protocol/api.ts'
import { subprotocol, type ServerMessage } from '../../server/protocol/terminal.ts'

/** What became of an attempt to open a terminal. */
export type Attempt = { socket: RawTerminal } | { status: number; problem: Problem }

export interface AttemptOptions {
  headers?: Record<string, string>
  /** Default: hatchway.v1. */
  protocols?: string[]
  /** Sent in the same write as the handshake's end: before the gateway can have answered. */
  onOpen?: (socket: WebSocket) => void
}

/** Opens a WebSocket and reads the HTTP answer when there is no upgrade. */
export function attemptTerminal(url: string, options: AttemptOptions = {}): Promise<Attempt> {
  const { headers = {}, protocols = [subprotocol], onOpen } = options
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, { headers })
  const terminal = new RawTerminal(socket)
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      onOpen?.(socket)
      resolve({ socket: terminal })
    })
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () => {
        const problem = JSON.parse(Buffer.concat(chunks).toString()) as Problem
        resolve({ status: response.statusCode ?? 0, problem })
      })
    })
    socket.once('error', reject)
  })
}

/** An open terminal; throws when the gateway refused it. */
export async function openTerminal(url: string, options: AttemptOptions = {}): Promise<RawTerminal> {
  const attempt = await attemptTerminal(url, options)
  if ('socket' in attempt) return attempt.socket
  throw new Error(`refused with ${attempt.status}: ${attempt.problem.detail}`)
}

/** Frames as they came. */
export class RawTerminal {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  bytes = Buffer.alloc(0)
  readonly closed: Promise<{ code: number; reason: string }>
  #waiting: (() => void)[] = []

  constructor(socket: WebSocket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.bytes = Buffer.concat([this.bytes, data as Buffer])
      else this.messages.push(JSON.parse((data as Buffer).toString()) as ServerMessage)
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  /** Resolves with the first thing that `find` finds, now or after a later frame. */
  async until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  message<K extends ServerMessage['type']>(type: K): Promise<ServerMessage & { type: K }> {
    return this.until(() =>
      this.messages.find((message): message is ServerMessage & { type: K } => message.type === type),
    )
  }
}
