import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { watchResource, type Watched } from '../../server/drivers/kubernetes/api/watch.ts'
import {
  clientFor,
  sendStatus,
  startApiServerDouble,
  writeKubeconfig,
  type ApiServerDouble,
} from '../support/api-server-double.ts'
import { makeCertificates, type Certificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'

interface Pod {
  metadata: { uid: string; name: string; resourceVersion: string }
}

const pod = (name: string, version: number): Pod => ({
  metadata: { uid: `uid-${name}`, name, resourceVersion: String(version) },
})
const pace = { leastMs: 20, mostMs: 100, silentMs: 300 }

/** Faults that a real API server does not make on request. */
describe('a watch on a bad day', () => {
  let directory: string
  let certificates: Certificates
  let server: ApiServerDouble
  let client: KubernetesClient
  let watched: Watched<string>
  /** Requests for lists and watches, in order: `list`, `list@token`, `watch@version`. */
  let asked: string[]
  let streams: ServerResponse[]
  let pods: Pod[]
  let version: number
  /** Answers in place of the usual one when it gives true. */
  let fault: (what: string, response: ServerResponse) => boolean

  const send = (type: string, object: object) =>
    streams.at(-1)?.write(`${JSON.stringify({ type, object })}\n`)
  const names = () => [...watched.items.values()].toSorted().join()
  const start = () => {
    watched = watchResource<Pod, string>(
      client,
      { group: '/api/v1', plural: 'pods', namespace: 'shop' },
      ({ metadata }) => metadata.name,
      pace,
    )
    return watched
  }
  const watches = () => asked.filter((what) => what.startsWith('watch'))

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-watch-'))
    certificates = await makeCertificates(directory, 'cluster')
  })
  beforeEach(async () => {
    server = await startApiServerDouble(certificates)
    const ca = Buffer.from(certificates.ca).toString('base64')
    const cluster = { server: server.url, 'certificate-authority-data': ca }
    const path = await writeKubeconfig(directory, 'kubeconfig', cluster, { token: 'secret' })
    client = clientFor({ kind: 'kubeconfig', paths: [path] })
    asked = []
    streams = []
    pods = [pod('a', 1), pod('b', 2)]
    version = 10
    fault = () => false
    server.answer = (request, response) => {
      const query = new URL(request.url ?? '', server.url).searchParams
      const what = query.has('watch')
        ? `watch@${query.get('resourceVersion')}`
        : query.has('continue')
          ? 'list@more'
          : 'list'
      asked.push(what)
      if (fault(what, response)) return
      if (query.has('watch')) {
        streams.push(response)
        response.flushHeaders()
        return
      }
      const isFirst = what === 'list' && pods.length > 2
      const items = what === 'list@more' ? pods.slice(2) : pods.slice(0, 2)
      response.end(
        JSON.stringify({
          metadata: { resourceVersion: String(version), ...(isFirst && { continue: 'next' }) },
          items,
        }),
      )
    }
  })
  afterEach(async () => {
    watched.close()
    client.close()
    await server.close()
  })
  after(() => rm(directory, { recursive: true }))

  it('lists page by page, then follows, and tells each change once', async () => {
    pods = [pod('a', 1), pod('b', 2), pod('c', 3)]
    const told: string[] = []
    start().onChange((kind, name) => told.push(`${kind} ${name}`))
    await watched.ready(AbortSignal.timeout(5_000))
    assert.equal(names(), 'a,b,c')
    await eventually(() => streams.length === 1)
    send('ADDED', pod('d', 11))
    send('MODIFIED', pod('a', 12))
    send('MODIFIED', pod('a', 12))
    send('DELETED', pod('b', 13))
    await eventually(() => names() === 'a,c,d')
    assert.deepEqual(told, ['added a', 'added b', 'added c', 'added d', 'changed a', 'gone b'])
    assert.deepEqual(asked, ['list', 'list@more', 'watch@10'])
  })

  it('lists fewer at once where they are too long for one answer', async () => {
    const annotations = { much: 'x'.repeat(1_400_000) }
    const large = Array.from({ length: 50 }, (_, index) => {
      const { metadata } = pod(`p${index}`, index + 1)
      return { metadata: { ...metadata, annotations } }
    })
    const limits: string[] = []
    const { answer } = server
    server.answer = (request, response, body) => {
      const query = new URL(request.url ?? '', server.url).searchParams
      if (query.has('watch')) return answer(request, response, body)
      const limit = query.get('limit') ?? ''
      limits.push(limit)
      const start = Number(query.get('continue') ?? 0)
      const end = start + Number(limit)
      const more = end < large.length && { continue: String(end) }
      const metadata = { resourceVersion: '10', ...more }
      response.end(JSON.stringify({ metadata, items: large.slice(start, end) }))
    }
    const told: string[] = []
    start().onChange((kind) => told.push(kind))
    await watched.ready(AbortSignal.timeout(30_000))
    assert.deepEqual(limits, ['250', '125', '62', '31', '31'])
    assert.equal(watched.items.size, large.length)
    assert.deepEqual(
      told,
      Array.from(large, () => 'added'),
    )
    assert.equal(watched.problem, undefined)
  })

  it('goes on from the last bookmark when the server ends a watch', async () => {
    start()
    await eventually(() => streams.length === 1)
    send('BOOKMARK', { metadata: { resourceVersion: '50' } })
    streams[0]?.end()
    await eventually(() => watches().at(-1) === 'watch@50')
    assert.equal(asked.filter((what) => what === 'list').length, 1)
    assert.equal(watched.problem, undefined)
  })

  it('lists again when its version is too old, and drops what has gone meanwhile', async () => {
    const told: string[] = []
    start().onChange((kind, name) => told.push(`${kind} ${name}`))
    await eventually(() => streams.length === 1)
    pods = [pod('b', 2), pod('z', 60)]
    version = 60
    send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' })
    await eventually(() => names() === 'b,z')
    assert.deepEqual(told, ['added a', 'added b', 'added z', 'gone a'])
    await eventually(() => watches().at(-1) === 'watch@60')
    fault = (what, response) => {
      if (what !== 'watch@60') return false
      sendStatus(response, 410, 'Gone', { reason: 'Gone' })
      return true
    }
    version = 70
    streams.at(-1)?.end()
    await eventually(() => watches().at(-1) === 'watch@70')
    assert.equal(watched.problem, undefined)
  })

  it('survives a connection that is reset, also in the middle of a line', async () => {
    start()
    await eventually(() => streams.length === 1)
    const before = streams[0]
    before?.write('{"type":"ADDED","obj')
    await eventually(() => server.sockets.size > 0)
    for (const socket of server.sockets) socket.destroy()
    await eventually(() => streams.length === 2)
    send('ADDED', pod('new', 20))
    await eventually(() => names() === 'a,b,new')
    assert.equal(watched.problem, undefined)
  })

  it('leaves a connection that has gone silent', async () => {
    start()
    await eventually(() => streams.length >= 2, { what: 'a second watch' })
    send('ADDED', pod('new', 20))
    await eventually(() => names() === 'a,b,new')
  })

  it('tells what is in the way, keeps what it knows, and recovers', async () => {
    const words =
      'pods is forbidden: User "hatchway" cannot list resource "pods" in API group "" in the namespace "shop"'
    fault = (_what, response) => {
      sendStatus(response, 403, words, { reason: 'Forbidden' })
      return true
    }
    start()
    await assert.rejects(watched.ready(AbortSignal.timeout(5_000)), { code: 'backend_forbidden' })
    fault = () => false
    await eventually(() => watched.synced)
    assert.equal(watched.problem, undefined)
    await eventually(() => streams.length === 1)
    await server.close()
    await eventually(() => watched.problem?.code === 'backend_unavailable')
    assert.equal(names(), 'a,b')
    server = await startApiServerDouble(certificates)
  })

  it('does not hammer a server that ends every watch at once', async () => {
    fault = (what, response) => {
      if (!what.startsWith('watch')) return false
      response.end()
      return true
    }
    start()
    const begun = performance.now()
    await eventually(() => watches().length >= 20, { what: '20 watches' })
    // Jitter takes a quarter off at most.
    assert.ok(performance.now() - begun >= 18 * 15, `20 watches in ${performance.now() - begun} ms`)
  })

  it('ends with its close', async () => {
    start()
    await eventually(() => streams.length === 1)
    watched.close()
    await eventually(() => streams[0]?.destroyed === true, { what: 'the stream to end' })
    await assert.rejects(start().ready(AbortSignal.abort()), { code: 'cancelled' })
  })
})
