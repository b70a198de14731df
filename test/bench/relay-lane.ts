import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import type { Sidecar } from './engine-lane.ts'
import type { Lane, LaneTerminal } from './lane.ts'

/** The same hops in Node and nothing else: WebSocket, one process, the engine's attachment. What no gateway in Node goes below. */
export async function relayLane(sidecar: Sidecar): Promise<Lane> {
  const child = fork(fileURLToPath(new URL('./relay.ts', import.meta.url)), [JSON.stringify(sidecar)])
  const [port] = (await once(child, 'message')) as [number]
  return {
    name: 'bare relay in Node',
    open: () => openThroughRelay(port),
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

async function openThroughRelay(port: number): Promise<LaneTerminal> {
  const started = performance.now()
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
  const first = Promise.withResolvers<number>()
  const early: Buffer[] = []
  let listener: ((bytes: Buffer) => void) | undefined
  socket.on('message', (data: Buffer) => {
    first.resolve(performance.now())
    if (listener === undefined) early.push(data)
    else listener(data)
  })
  socket.on('error', first.reject)
  return {
    promptMs: (await first.promise) - started,
    write: (bytes) => socket.send(Buffer.from(bytes)),
    onData(next) {
      listener = next
      for (const bytes of early.splice(0)) next(bytes)
    },
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}
