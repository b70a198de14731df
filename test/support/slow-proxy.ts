import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

export interface SlowProxyOptions {
  /** The port that it stands in front of, … */
  to: number
  /** … on this host; loopback when none is named. */
  host?: string
  /** What comes back from there is let through at this pace. */
  bytesPerSecond?: number
  /** After this many bytes have come back on one connection, the connection is cut. */
  cutAfterBytes?: number
  /** How many connections are cut; the later ones are let live. Default: all. */
  cuts?: number
}

/** A bad network in front of a good server. */
export interface SlowProxy {
  port: number
  /** Connections that were cut so far. */
  readonly cutCount: number
  /** Connections that are open now. */
  readonly openCount: number
  /** Ends what is open, and every new connection at once, until it is healed: a network that is gone. */
  breakOff(): void
  /** From now on everything goes through at full speed. */
  heal(): void
  close(): Promise<void>
}

/** Listens on a free port of loopback and passes bytes on, badly. */
export async function startSlowProxy(options: SlowProxyOptions): Promise<SlowProxy> {
  const state = { ...options, cut: 0, broken: false }
  const open = new Set<Socket>()
  const server = createServer((near) => {
    if (state.broken) {
      near.destroy()
      return
    }
    const far = connect(options.to, options.host ?? '127.0.0.1')
    open.add(near)
    const drop = () => {
      near.destroy()
      far.destroy()
    }
    near.on('error', drop).on('close', () => {
      open.delete(near)
      far.destroy()
    })
    // Not on the far side's close: what it said last may still be on its slow way.
    far.on('error', drop)
    near.pipe(far)
    far.pipe(throttle(state, drop)).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port')
  return {
    port: address.port,
    get cutCount() {
      return state.cut
    },
    get openCount() {
      return open.size
    },
    breakOff() {
      state.broken = true
      for (const socket of open) socket.destroy()
    },
    heal() {
      state.broken = false
      delete state.bytesPerSecond
      delete state.cutAfterBytes
    },
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function throttle(state: SlowProxyOptions & { cut: number }, drop: () => void): Transform {
  let passed = 0
  return new Transform({
    async transform(chunk: Buffer, _encoding, done) {
      passed += chunk.length
      const { bytesPerSecond, cutAfterBytes, cuts = Infinity } = state
      if (cutAfterBytes !== undefined && passed > cutAfterBytes && state.cut < cuts) {
        state.cut++
        drop()
        return done()
      }
      if (bytesPerSecond !== undefined)
        await delay((chunk.length / bytesPerSecond) * 1000, undefined, { ref: false })
      return done(null, chunk)
    },
  })
}
