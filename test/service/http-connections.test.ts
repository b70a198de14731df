import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { startHttpGateway } from '../support/http-gateway.ts'
import { within } from '../support/within.ts'

describe('a gateway that stops', () => {
  for (const [what, sent] of [
    ['has asked nothing', ''],
    ['has asked half of something', 'GET /livez HTTP/1.1\r\nHost: '],
  ] as const) {
    it(`does not wait for a connection that ${what}`, async (t) => {
      const gateway = await startHttpGateway(t)
      const { hostname, port } = new URL(gateway.url)
      const connected = once(gateway.app.server, 'connection')
      const socket = connect(Number(port), hostname).on('error', () => {})
      const [there] = (await connected) as [Socket]
      socket.write(sent)
      await eventually(() => there.bytesRead === sent.length)
      const gone = new Promise((resolve) => socket.once('close', resolve))
      await within(gateway.app.close(), 'the gateway to close', 20_000)
      await within(gone, 'the connection to be closed')
    })
  }
})
