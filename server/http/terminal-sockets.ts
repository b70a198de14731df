import type { WebSocket } from 'ws'
import { closeCodes } from '../protocol/terminal.ts'

/** How long a browser gets to answer a close, in milliseconds. */
const closeMs = 3_000

/** Connections at once. Each costs memory, and each that joins a session is told to all of its viewers. */
const most = { ofPersonInSession: 16, inSession: 100, ofPerson: 1_000 } as const

/** Whose a socket is. */
export interface SocketOwner {
  /** Issuer and subject. */
  person: string
  sessionId: string
  /** Of the browser's login, where there is one. */
  loginKey: string | undefined
}

/** The open terminal WebSockets of this process, and who came with each. */
export class TerminalSockets {
  readonly #sockets = new Map<WebSocket, SocketOwner & { recheck: () => void }>()

  get size(): number {
    return this.#sockets.size
  }

  /** Why this person may not have another one there, if so. */
  refusal({ person, sessionId }: Pick<SocketOwner, 'person' | 'sessionId'>): string | undefined {
    let [own, inSession, ownInSession] = [0, 0, 0]
    for (const owner of this.#sockets.values()) {
      if (owner.person === person) own++
      if (owner.sessionId === sessionId) inSession++
      if (owner.person === person && owner.sessionId === sessionId) ownInSession++
    }
    if (ownInSession >= most.ofPersonInSession)
      return `You are connected to this session ${ownInSession} times, the most allowed; close one of them first.`
    if (inSession >= most.inSession)
      return `${inSession} are connected to this session, the most allowed; try again when somebody has left.`
    if (own >= most.ofPerson)
      return `You have ${own} terminals open, the most allowed; close one of them first.`
    return undefined
  }

  /** `recheck` closes the socket when its caller may not be there any more. */
  add(socket: WebSocket, owner: SocketOwner, recheck: () => void): void {
    this.#sockets.set(socket, { ...owner, recheck })
    socket.once('close', () => this.#sockets.delete(socket))
  }

  /** A login is gone: its terminals close, in all tabs of that browser. */
  closeLogin(loginKey: string): void {
    for (const [socket, owner] of this.#sockets) {
      if (owner.loginKey === loginKey) closeSocket(socket, closeCodes.expired, 'signed out')
    }
  }

  /** Policy has changed. */
  recheck(): void {
    for (const { recheck } of this.#sockets.values()) recheck()
  }

  /** Asks whoever is still there to reconnect, and cuts those who do not close in time. */
  async drain(): Promise<void> {
    const sockets = [...this.#sockets.keys()]
    const gone = sockets.map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    )
    for (const socket of sockets) closeSocket(socket, closeCodes.restart, 'restarting')
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.terminate()
    }, closeMs)
    await Promise.all(gone)
    clearTimeout(cut)
  }
}

/** Closes for good, also a socket whose reading is paused: its answer to the close must be read. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  // RFC 6455 5.5: a control frame has room for 123 bytes of reason.
  socket.close(
    code,
    Buffer.from(reason)
      .subarray(0, 123)
      .toString()
      .replace(/\uFFFD+$/u, ''),
  )
  socket.resume()
}
