import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import type { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { refusalOf } from '../../server/drivers/kubernetes/api/errors.ts'
import { endDebugContainer } from '../../server/drivers/kubernetes/debug/stop.ts'
import {
  clientFor,
  startApiServerDouble,
  writeKubeconfig,
  type ApiServerDouble,
} from '../support/api-server-double.ts'
import { makeCertificates, type Certificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'

const place = { namespace: 'shop', pod: 'web', container: 'debug', uid: 'u1', sessionId: 's1' }

/** One that has lost its watchdog: a real one has to be broken for that. */
describe('a debug container that ignores the order to end', () => {
  let directory: string
  let certificates: Certificates
  let server: ApiServerDouble
  let client: KubernetesClient
  let state: object
  const upgrades = () => server.requests.filter(({ headers }) => headers.upgrade !== undefined)

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-stop-'))
    certificates = await makeCertificates(directory, 'cluster')
  })
  beforeEach(async () => {
    server = await startApiServerDouble(certificates)
    const ca = Buffer.from(certificates.ca).toString('base64')
    const cluster = { server: server.url, 'certificate-authority-data': ca }
    const path = await writeKubeconfig(directory, 'kubeconfig', cluster, { token: 'secret' })
    client = clientFor({ kind: 'kubeconfig', paths: [path] })
    state = { running: {} }
    server.answer = (_request, response) =>
      response.end(
        JSON.stringify({
          metadata: { name: 'web', uid: 'u1' },
          spec: { ephemeralContainers: [{ name: 'debug' }] },
          status: { phase: 'Running', ephemeralContainerStatuses: [{ name: 'debug', state }] },
        }),
      )
  })
  afterEach(async () => {
    client.close()
    await server.close()
  })
  after(() => rm(directory, { recursive: true }))

  it('is killed by pods/exec while its caller still waits', async () => {
    server.attach = (socket, request) => {
      if (!request.url?.includes('/exec?')) return
      state = { terminated: { exitCode: 137 } }
      socket.close()
    }
    await endDebugContainer(client, place, { signal: AbortSignal.timeout(20_000) })
    assert.deepEqual(
      upgrades().map(({ url = '' }) => new URL(url, server.url).pathname),
      ['attach', 'exec'].map((act) => `/api/v1/namespaces/shop/pods/web/${act}`),
    )
    const query = new URL(upgrades()[1]?.url ?? '', server.url).searchParams
    assert.equal(query.get('container'), 'debug')
    assert.deepEqual(query.getAll('command').toSpliced(2, 1), ['/bin/sh', '-c', 'hatchway', 's1'])
  })

  it('is ordered again where nobody may kill it, and the failure tells why', async () => {
    server.attach = (socket) => {
      socket.close()
      server.attach = undefined
    }
    const controller = new AbortController()
    const ending = endDebugContainer(client, place, { signal: controller.signal }).catch(
      (cause: unknown) => cause,
    )
    await eventually(() => upgrades().length >= 3, { what: 'a kill and another order' })
    controller.abort()
    const cause = await ending
    assert.ok(cause instanceof HatchwayError)
    const acts = upgrades().map(({ url = '' }) => /pods\/web\/(\w+)/.exec(url)?.[1])
    assert.deepEqual(acts, ['attach', 'exec', 'attach'])
    assert.equal(cause.code, 'timeout')
    assert.ok(cause.cause instanceof HatchwayError)
    assert.equal(refusalOf(cause.cause)?.status, 500)
  })
})
