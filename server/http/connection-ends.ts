import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** How long a gateway that stops waits for what is being asked and answered. */
const graceMs = 5_000

/**
 * Lets a gateway that stops go: Node waits a minute for a connection on which nothing has been asked, as browsers open them ahead, and for
 * one that asks slowly (`headersTimeout`, and `server.close` of node:http). Terminals are told to reconnect by others, and are not cut.
 */
export function registerConnectionEnds(app: FastifyInstance): void {
  const open = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  let timer: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy()
    timer = setTimeout(() => app.server.closeAllConnections(), graceMs)
  })
  app.addHook('onClose', async () => clearTimeout(timer))
}
