import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createServer, type Server } from 'node:tls'
import { promisify } from 'node:util'
import type { HatchwayError } from '../../server/core/errors.ts'
import { DockerDriver } from '../../server/targets/docker.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine, defaultSocket } from '../support/engine.ts'
import { ensureImages, imageRef } from '../support/images.ts'
import { Shell } from '../support/shell.ts'

const run = promisify(execFile)
const signal = () => AbortSignal.timeout(20_000)

interface Certificates {
  ca: string
  cert: string
  key: string
}

/** An authority, and what it signed for `name`, made by openssl as Docker's guide does. */
async function makeCertificates(directory: string, name: string): Promise<Certificates> {
  const at = (file: string) => join(directory, `${name}-${file}`)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  await run('openssl', [
    'req',
    '-x509',
    ...newKey,
    '-subj',
    `/CN=${name} authority`,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  ])
  await run('openssl', [
    'req',
    ...newKey.slice(0, 4),
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at('key.pem'),
    '-out',
    at('csr.pem'),
  ])
  await writeFile(at('ext'), 'subjectAltName=IP:127.0.0.1\n')
  const signed = [
    'x509',
    '-req',
    '-in',
    at('csr.pem'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
  ]
  await run('openssl', [...signed, '-extfile', at('ext'), '-out', at('cert.pem')])
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFile(at(file), 'utf8')),
  )
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' }
}

let directory: string
let good: Certificates
let other: Certificates
let server: Server
let containers: TestContainers
let target: TestContainer

before(async () => {
  const engine = await defaultEngine()
  await ensureImages(engine.docker, 'toolbox')
  containers = new TestContainers(engine)
  target = await containers.start({ image: 'web' })
  directory = await mkdtemp(join(tmpdir(), 'hatchway-tls-'))
  good = await makeCertificates(directory, 'good')
  other = await makeCertificates(directory, 'other')
  // The engine behind TLS that wants a client's certificate, as `dockerd --tlsverify` is.
  server = createServer({ ...good, requestCert: true, rejectUnauthorized: true }, (client) => {
    const behind = connect(defaultSocket)
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
      const { terminal, container } = await edge.open(spec, found, () => undefined, signal())
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
