import { WebSocket } from 'ws'
import type { Session } from '../../server/protocol/session-api.ts'
import { flow, subprotocol } from '../../server/protocol/terminal.ts'
import type { TestGateway } from '../support/gateway.ts'
import type { Lane, LaneTerminal } from './lane.ts'

/** The gateway as an integrator uses it: REST, then the terminal's WebSocket; recording on. */
export function gatewayLane(gateway: TestGateway, target: string): Lane {
  return {
    name: 'gateway, recording',
    open: () => openThroughGateway(gateway, target, 'bench'),
    close: () => Promise.resolve(),
  }
}

export async function openThroughGateway(
  gateway: TestGateway,
  target: string,
  who: string,
): Promise<LaneTerminal & { sessionId: string }> {
  const token = await gateway.token(who)
  const authorization = `Bearer ${token}`
  const started = performance.now()
  const response = await fetch(`${gateway.url}/api/v1/sessions`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ target, reason: 'benchmark' }),
  })
  if (!response.ok) throw new Error(`The session was refused: ${await response.text()}`)
  const { id } = (await response.json()) as Session
  const address = `${gateway.url.replace('http', 'ws')}/api/v1/sessions/${id}/terminal`
  const socket = new WebSocket(address, subprotocol, { headers: { authorization }, perMessageDeflate: false })
  const terminal = new GatewayTerminal(socket)
  const promptMs = (await terminal.firstByte) - started
  return {
    sessionId: id,
    promptMs,
    write: (bytes) => socket.send(Buffer.from(bytes), { binary: true }),
    onData: (listener) => terminal.listen(listener),
    async close() {
      await gateway.api('DELETE', `/sessions/${id}`, undefined, who).catch(() => undefined)
      socket.terminate()
    },
  }
}

class GatewayTerminal {
  readonly firstByte: Promise<number>
  #offset = 0
  #acked = 0
  #early: Buffer[] = []
  #listener: ((bytes: Buffer) => void) | undefined

  constructor(socket: WebSocket) {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.firstByte = promise
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) {
        const text = data.toString()
        if (text.includes('"type":"exit"')) reject(new Error(`The session ended: ${text}`))
        return
      }
      resolve(performance.now())
      this.#offset += data.length
      if (this.#offset - this.#acked >= flow.ackStep) {
        this.#acked = this.#offset
        socket.send(JSON.stringify({ type: 'ack', offset: this.#offset }))
      }
      if (this.#listener === undefined) this.#early.push(data)
      else this.#listener(data)
    })
    socket.on('error', reject)
    socket.on('close', (code) => reject(new Error(`The socket closed with ${code}`)))
    // Later failures surface as output that does not come.
    promise.catch(() => undefined)
  }

  listen(listener: (bytes: Buffer) => void): void {
    this.#listener = listener
    for (const bytes of this.#early.splice(0)) listener(bytes)
  }
}
