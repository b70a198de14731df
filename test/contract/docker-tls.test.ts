import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createServer, type Server } from 'node:tls'
import type { HatchwayError } from '../../server/core/errors.ts'
import { DockerDriver } from '../../server/drivers/docker/driver.ts'
import { makeCertificates, type Certificates } from '../support/certificates.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { testEngines } from '../support/engine.ts'
import { ensureImages, imageRef } from '../support/images.ts'
import { Shell } from '../support/shell.ts'

const signal = () => AbortSignal.timeout(20_000)

let directory: string
let good: Certificates
let other: Certificates
let server: Server
let containers: TestContainers
let target: TestContainer

before(async () => {
  const [engine] = await testEngines()
  assert.ok(engine)
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
  directory = await mkdtemp(join(tmpdir(), 'hatchway-tls-'))
  good = await makeCertificates(directory, 'good')
  other = await makeCertificates(directory, 'other')
  // The engine behind TLS that wants a client's certificate, as `dockerd --tlsverify` is.
  server = createServer({ ...good, requestCert: true, rejectUnauthorized: true }, (client) => {
    const behind = connect(engine.socket)
    client.pipe(behind).pipe(client)
    client.on('error', () => behind.destroy())
    behind.on('error', () => client.destroy())
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(async () => {
  server.close()
  await containers.removeAll('tls-test')
  await rm(directory, { recursive: true })
})

function driver(tls: Certificates): DockerDriver {
  const { port } = server.address() as AddressInfo
  return new DockerDriver({
    environment: 'edge',
    endpoint: { kind: 'tcp', host: '127.0.0.1', port, tls },
    installation: 'tls-test',
    resources: { memoryBytes: 256 * 1024 * 1024, nanoCpus: 1e9, pids: 128 },
  })
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const cause = await promise.then(
    () => assert.fail('it was accepted'),
    (cause: unknown) => cause as HatchwayError,
  )
  return cause.code
}

describe('an engine behind TLS', () => {
  it('gives a terminal like one on its socket', async () => {
    const edge = driver(good)
    try {
      const found = await edge.find(
        { kind: 'docker', environment: 'edge', container: target.name },
        {},
        signal(),
      )
      const spec = {
        sessionId: `tls${process.pid}`,
        installation: 'tls-test',
        user: 'jane',
        toolbox: { name: 'busybox', image: imageRef('toolbox'), shell: ['/bin/sh'] },
        profile: 'auto',
        size: { cols: 80, rows: 24 },
        maxDurationMs: 60_000,
      } as const
      const { stream: terminal, container } = await edge.open(spec, found, () => undefined, signal())
      const shell = new Shell(terminal)
      assert.match(await shell.run('ps'), /httpd/)
      shell.type('exit 3\n')
      assert.deepEqual(await terminal.ended, { kind: 'exit', exitCode: 3 })
      await edge.stop(container, signal())
    } finally {
      edge.close()
    }
  })

  it('is not trusted when another authority signed its certificate', async () => {
    const edge = driver({ ...good, ca: other.ca })
    assert.equal(await codeOf(edge.check(signal())), 'backend_unavailable')
    edge.close()
  })

  it('refuses a client whose certificate another authority signed', async () => {
    const edge = driver({ ...other, ca: good.ca })
    assert.equal(await codeOf(edge.check(signal())), 'backend_unavailable')
    edge.close()
  })
})
