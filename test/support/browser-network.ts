import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** The way between browser and gateway, which a test can cut: a TCP proxy on a free port of loopback. */
export class CuttableNetwork {
  readonly url: string
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #to = 0
  #isCut = false

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (near) => this.#pass(near))
  }

  static async start(): Promise<CuttableNetwork> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new CuttableNetwork(server)
  }

  /** The gateway's own port: known only after its address in the browser was chosen. */
  leadTo(url: string): void {
    this.#to = Number(new URL(url).port)
  }

  /** Ends every connection without a word, and lets no new one through. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#open) socket.resetAndDestroy()
  }

  restore(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pass(near: Socket): void {
    if (this.#isCut) {
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: this.#to, host: '127.0.0.1', noDelay: true })
    near.setNoDelay(true)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }
}
