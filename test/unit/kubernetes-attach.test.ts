import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { attachTty, notUpYet, type TtyAttachment } from '../../server/drivers/kubernetes/debug/attach.ts'
import type { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import {
  clientFor,
  startApiServerDouble,
  writeKubeconfig,
  type ApiServerDouble,
} from '../support/api-server-double.ts'
import { makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { within } from '../support/within.ts'

/** What a cluster's end of a terminal does on a bad day; the good days are tried on a real one. */
describe('the stream of a terminal in a cluster', () => {
  let directory: string
  let server: ApiServerDouble
  let client: KubernetesClient
  let far: WebSocket
  /** Messages from the gateway. */
  let said: Buffer[]
  let tty: TtyAttachment
  /** What each test has attached: all of it is let go, also when one could not attach. */
  let attached: TtyAttachment[]

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-attach-'))
  })
  beforeEach(async () => {
    const certificates = await makeCertificates(directory, 'cluster')
    server = await startApiServerDouble(certificates)
    const ca = Buffer.from(certificates.ca).toString('base64')
    const cluster = { server: server.url, 'certificate-authority-data': ca }
    const path = await writeKubeconfig(directory, 'kubeconfig', cluster, { token: 'secret' })
    client = clientFor({ kind: 'kubeconfig', paths: [path] })
    said = []
    attached = []
    server.attach = (socket) => {
      far = socket
      socket.on('message', (data: Buffer) => said.push(data))
      // What comes together with the upgrade must not be missed.
      socket.send(Buffer.of(1))
      socket.send(Buffer.from('\x01first'))
    }
  })
  afterEach(async () => {
    for (const each of attached) each.destroy()
    client.close()
    await server.close()
  })
  after(() => rm(directory, { recursive: true }))

  const attach = async (size?: { cols: number; rows: number }) => {
    const place = { namespace: 'shop', pod: 'web', container: 'debug' }
    tty = await attachTty(client, place, size, AbortSignal.timeout(20_000))
    attached.push(tty)
    let text = ''
    tty.io.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    return { text: () => text }
  }
  const sizes = () => said.filter((data) => data[0] === 4).map((data) => data.subarray(1).toString())

  it('misses nothing that comes with the upgrade', async () => {
    const { text } = await attach()
    await eventually(() => text() === 'first')
    const query = new URL(server.requests[0]?.url ?? '', server.url).searchParams
    assert.deepEqual(Object.fromEntries(query), {
      container: 'debug',
      stdin: 'true',
      stdout: 'true',
      stderr: 'false',
      tty: 'true',
    })
  })

  it('says its size until something is shown', async () => {
    server.attach = (socket) => {
      far = socket
      socket.on('message', (data: Buffer) => said.push(data))
    }
    await attach({ cols: 90, rows: 20 })
    await eventually(() => sizes().length >= 3)
    tty.resize({ cols: 91, rows: 21 })
    await eventually(() => sizes().at(-1) === '{"Width":91,"Height":21}' && sizes().length >= 5)
    far.send(Buffer.from('\x01$ '))
    // Whatever is on its way arrives before the answer to a ping does.
    far.ping()
    await within(once(far, 'pong'), 'the answer to a ping')
    const count = sizes().length
    tty.io.write('x')
    await eventually(() => said.some((data) => data[0] === 0))
    assert.ok(sizes().length <= count + 1)
  })

  it('cuts input into pieces, in order', async () => {
    await attach()
    const paste = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251))
    tty.io.write(paste)
    const got = () => Buffer.concat(said.filter((data) => data[0] === 0).map((data) => data.subarray(1)))
    await eventually(() => got().length === paste.length)
    assert.deepEqual(got(), paste)
    assert.ok(said.every((data) => data.length <= 16 * 1024 + 1))
  })

  it('ends after the last byte, and knows an end in order from a broken connection', async () => {
    const { text } = await attach()
    far.send(Buffer.from('\x01last'))
    far.send(Buffer.from('\x03{"metadata":{},"status":"Success"}'))
    far.close(1000)
    assert.deepEqual(await within(tty.closed, 'the close'), {
      code: 1000,
      clean: true,
      status: { metadata: {}, status: 'Success' },
    })
    await eventually(() => tty.io.closed)
    assert.equal(text(), 'firstlast')
    await attach()
    far.terminate()
    assert.deepEqual(await within(tty.closed, 'the close'), { code: 1006, clean: false })
  })

  it('ends when the status came and the close got lost', async () => {
    await attach()
    far.send(Buffer.from('\x03{"status":"Success"}'))
    assert.equal((await within(tty.closed, 'the close', 8_000)).clean, true)
  })

  it('ends a frozen stream on request, and not while its reader pauses', async () => {
    const { text } = await attach()
    await eventually(() => text() === 'first')
    tty.io.pause()
    const block = Buffer.concat([Buffer.of(1), Buffer.alloc(60_000, 'x')])
    for (let sent = 0; sent < 40; sent++) far.send(block)
    await eventually(() => tty.io.readableLength > 0)
    tty.settle(100)
    let ended = false
    void tty.closed.then(() => (ended = true))
    // Several of the rounds in which it looks.
    await delay(500)
    assert.equal(ended, false)
    tty.io.resume()
    await within(tty.closed, 'the close')
    await eventually(() => tty.io.closed)
    assert.equal(text().length, 'first'.length + 40 * 60_000)
  })

  it('knows what is not up yet from what is refused', async () => {
    await attach()
    server.attach = undefined
    const refused = await attach().catch((cause: unknown) => cause)
    assert.equal(notUpYet(refused), true)
    assert.equal(notUpYet(new Error('x')), false)
  })
})
