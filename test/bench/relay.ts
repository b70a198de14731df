/** The process behind {@link relayLane}: its argument is a sidecar as JSON; it sends the port that it listens on. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { engineLane, type Sidecar } from './engine-lane.ts'

const engine = engineLane(JSON.parse(process.argv[2] ?? '') as Sidecar)
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('connection', (socket) => void relay(socket))
await once(server, 'listening')
process.send?.((server.address() as AddressInfo).port)

async function relay(socket: WebSocket): Promise<void> {
  const terminal = await engine.open()
  terminal.onData((bytes) => socket.send(bytes))
  socket.on('message', (data: Buffer) => terminal.write(data.toString('latin1')))
  socket.on('close', () => void terminal.close())
}
