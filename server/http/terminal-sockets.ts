import type { WebSocket } from 'ws'
import { closeCodes } from '../protocol/terminal.ts'

/** How long a browser gets to answer a close, in milliseconds. */
const closeMs = 3_000

/** The open terminal WebSockets of this process, and the browser sign-in that each came with. */
export class TerminalSockets {
  /** With the key of the browser's login, where there is one. */
  readonly #sockets = new Map<WebSocket, { loginKey: string | undefined; recheck: () => void }>()

  get size(): number {
    return this.#sockets.size
  }

  /** `recheck` closes the socket when its caller may not be there any more. */
  add(socket: WebSocket, loginKey: string | undefined, recheck: () => void): void {
    this.#sockets.set(socket, { loginKey, recheck })
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
