import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { connect as connectTo, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { HatchwayError, messageOf, type ErrorCode } from '../../server/core/errors.ts'
import {
  resourcePath,
  type KubernetesCall,
  type KubernetesClient,
} from '../../server/targets/kubernetes-client.ts'
import { refusalOf } from '../../server/targets/kubernetes-errors.ts'
import { eventually } from '../support/eventually.ts'
import { impersonationHeaders } from '../../server/targets/kubernetes-impersonate.ts'
import { makeCertificates, type Certificates } from '../support/certificates.ts'
import {
  clientFor,
  sendStatus,
  startApiServerDouble,
  writeKubeconfig,
  type ApiServerDouble,
} from '../support/api-server-double.ts'

const get = (more: Partial<KubernetesCall> = {}): KubernetesCall => ({
  method: 'GET',
  path: resourcePath('/api/v1', 'shop', 'pods', 'web'),
  doing: 'read the pod',
  signal: AbortSignal.timeout(10_000),
  ...more,
})

describe('the client of a cluster', () => {
  let directory: string
  let certificates: Certificates
  let server: ApiServerDouble
  let client: KubernetesClient
  const clients: KubernetesClient[] = []
  const clusterOf = (more: object = {}) => ({
    server: server.url,
    'certificate-authority-data': Buffer.from(certificates.ca).toString('base64'),
    ...more,
  })
  const connect = async (user: object = { token: 'secret' }, cluster: object = {}, impersonate = false) => {
    const path = await writeKubeconfig(directory, 'kubeconfig', clusterOf(cluster), { ...user })
    const made = clientFor({ kind: 'kubeconfig', paths: [path] }, impersonate)
    clients.push(made)
    return made
  }
  const fails = async (work: Promise<unknown>, code: ErrorCode, words: RegExp) => {
    await assert.rejects(work, (cause: Error & { code: string }) => {
      assert.equal(cause.code, code, cause.message)
      assert.match(cause.message, words)
      return true
    })
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-kube-'))
    certificates = await makeCertificates(directory, 'cluster')
  })
  beforeEach(async () => {
    server = await startApiServerDouble(certificates)
    client = await connect()
  })
  afterEach(async () => {
    for (const one of clients.splice(0)) one.close()
    await server.close()
  })
  after(() => rm(directory, { recursive: true }))

  it('keeps one connection for calls that follow each other, and for a terminal', async () => {
    for (let call = 0; call < 20; call++) await client.json(get())
    assert.equal(server.connections, 1)
    server.attach = (socket) => socket.on('message', (data) => socket.send(data))
    const socket = await client.webSocket({ path: '/x', doing: 'attach', signal: get().signal }, [
      'v5.channel.k8s.io',
    ])
    assert.equal(socket.protocol, 'v5.channel.k8s.io')
    socket.send('hello')
    socket.resume()
    const [answer] = (await once(socket, 'message')) as [Buffer]
    assert.equal(answer.toString(), 'hello')
    assert.equal(server.connections, 1)
    socket.terminate()
  })

  it('sends token, content type, query and body', async () => {
    let sent = ''
    server.answer = (_request, response, body) => {
      sent = body
      response.end('{"ok":true}')
    }
    const call = get({
      method: 'PATCH',
      body: { spec: { text: 'ü' } },
      contentType: 'application/strategic-merge-patch+json',
      query: { dryRun: 'All', command: ['a b', '&'] },
    })
    assert.deepEqual(await client.json(call), { ok: true })
    const [request] = server.requests
    assert.equal(request?.url, '/api/v1/namespaces/shop/pods/web?dryRun=All&command=a+b&command=%26')
    assert.equal(request?.headers.authorization, 'Bearer secret')
    assert.equal(request?.headers['content-type'], 'application/strategic-merge-patch+json')
    assert.equal(sent, '{"spec":{"text":"ü"}}')
  })

  it('acts for nobody unless it is to, and then for exactly one person', async () => {
    const actor = { subject: 'jürgen@example.com', groups: ['dev', 'on call', 'dev'] }
    await client.json(get({ actor }))
    assert.equal(server.requests.at(-1)?.headers['impersonate-user'], undefined)
    const forPeople = await connect({ token: 'secret' }, {}, true)
    server.attach = () => {}
    const socket = await forPeople.webSocket({ path: '/x', doing: 'attach', signal: get().signal, actor }, [
      'v5',
    ])
    socket.terminate()
    await forPeople.json(get({ actor }))
    for (const request of server.requests.slice(-2)) {
      const raw = request.rawHeaders.flatMap((name, index, all) =>
        name.startsWith('Impersonate')
          ? [`${name}: ${Buffer.from(all[index + 1] ?? '', 'latin1').toString()}`]
          : [],
      )
      assert.deepEqual(raw, [
        'Impersonate-User: jürgen@example.com',
        'Impersonate-Group: dev',
        'Impersonate-Group: on call',
      ])
    }
  })

  it('passes on no name that would make somebody else of a person', async () => {
    const forPeople = await connect({ token: 'secret' }, {}, true)
    for (const subject of [
      '',
      ' admin',
      'admin ',
      'a\r\nImpersonate-Group: system:masters',
      'a\0',
      'system:admin',
      '\u00a0admin',
    ])
      await fails(forPeople.json(get({ actor: { subject, groups: [] } })), 'forbidden', /user name/)
    assert.equal(server.requests.length, 0)
    const groups = ['system:masters', 'a\nb', '', ' x', 'fine']
    await forPeople.json(get({ actor: { subject: 'jane', groups } }))
    assert.equal(server.requests[0]?.headers['impersonate-group'], 'fine')
    const passed = impersonationHeaders({ subject: 'jane', groups: ['dev-a', 'dev', 'x.dev', 'ops'] }, [
      'dev-*',
      'x.d*v',
      'op',
    ])
    assert.deepEqual(passed['Impersonate-Group'], ['dev-a', 'x.dev'])
    assert.deepEqual(impersonationHeaders({ subject: 'jane', groups: ['dev'] }, []), {
      'Impersonate-User': 'jane',
    })
  })

  it('asks once more with fresh credentials when they are not accepted', async () => {
    const tokenFile = join(directory, 'token')
    await writeFile(tokenFile, 'old\n')
    const rotating = await connect({ tokenFile: 'token' })
    server.answer = (request, response) => {
      if (request.headers.authorization === 'Bearer new') response.end('{"fine":true}')
      else sendStatus(response, 401, 'Unauthorized')
    }
    await fails(rotating.json(get()), 'backend_unavailable', /credentials \(401\)/)
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      ['Bearer old', 'Bearer old'],
    )
    await rotating.json(get()).catch(() => {})
    await writeFile(tokenFile, 'new\n')
    assert.deepEqual(await rotating.json(get()), { fine: true })
  })

  it('runs an exec plugin, keeps what it gave, and runs it again when that is refused', async () => {
    const plugin = join(directory, 'plugin.sh')
    await writeFile(
      plugin,
      `#!/bin/sh
echo run >> ${directory}/runs
echo "$KUBERNETES_EXEC_INFO" > ${directory}/info
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s-%s"}}' "$MINE" $(wc -l < ${directory}/runs)
`,
    )
    await chmod(plugin, 0o755)
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: './plugin.sh',
      env: [{ name: 'MINE', value: 'run' }],
    }
    const byPlugin = await connect({ exec })
    await byPlugin.json(get())
    await byPlugin.json(get())
    assert.deepEqual(
      server.requests.map(({ headers }) => headers.authorization),
      ['Bearer run-1', 'Bearer run-1'],
    )
    server.answer = (request, response) => {
      if (request.headers.authorization === 'Bearer run-1') sendStatus(response, 401, 'Unauthorized')
      else response.end('{}')
    }
    await Promise.all([byPlugin.json(get()), byPlugin.json(get()), byPlugin.json(get())])
    assert.equal(server.requests.at(-1)?.headers.authorization, 'Bearer run-2', 'one run serves all three')
  })

  it('says what to do when an exec plugin fails', async () => {
    const plugin = join(directory, 'failing.sh')
    await writeFile(plugin, '#!/bin/sh\necho "please run login" >&2; exit 1\n')
    await chmod(plugin, 0o755)
    const failing = await connect({ exec: { command: plugin } })
    await fails(
      failing.json(get()),
      'backend_unavailable',
      /plugin failing\.sh of prod failed: exit code 1\..*by hand/,
    )
    const missing = await connect({
      exec: { command: 'no-such-plugin', installHint: 'Get it from the shop' },
    })
    await fails(missing.json(get()), 'backend_unavailable', /no such program\. Get it from the shop/)
  })

  it('tells how an exec plugin ended and nothing of its arguments, and the log what it printed', async () => {
    const args = ['--oidc-client-secret=s3cret-1', '--password', 's3cret-2', '--issuer=https://idp.test']
    const env = [{ name: 'MY_TOKEN', value: 's3cret-3' }]
    const failure = async (script: string, mode = 0o755, more: readonly unknown[] = []) => {
      const plugin = join(directory, 'secretive.sh')
      await writeFile(plugin, `#!/bin/sh\n${script}\n`)
      await chmod(plugin, mode)
      const exec = { command: './secretive.sh', args: [...args, ...more], env }
      const cause: unknown = await (await connect({ exec })).json(get()).catch((reason: unknown) => reason)
      assert.ok(cause instanceof HatchwayError)
      assert.doesNotMatch(inspect(cause, { depth: 9 }), /s3cret/)
      assert.doesNotMatch(cause.message, /idp\.test|Command failed/)
      return cause
    }
    assert.match((await failure('exit 3')).message, /plugin secretive\.sh of prod failed: exit code 3\./)
    assert.match((await failure('kill -TERM $$')).message, /failed: it was ended by SIGTERM\./)
    assert.match((await failure('exit 0', 0o644)).message, /failed: it could not be started \(EACCES\)\./)
    assert.match((await failure('head -c 2000000 /dev/zero')).message, /failed: it printed more than/)
    assert.match((await failure('echo s3cret-4')).message, /failed: it did not print an ExecCredential/)
    assert.match((await failure('exit 0', 0o755, ['s3cret-5\0'])).message, /failed: its arguments/)
    const wordy = await failure('echo "unknown flag $1 $3, $MY_TOKEN: ask idp.test" >&2; exit 1')
    assert.match(wordy.message, /failed: exit code 1\./)
    assert.equal(
      messageOf(wordy.cause),
      'It printed: unknown flag --oidc-client-secret=[hidden] [hidden], [hidden]: ask idp.test',
    )
  })

  it('repeats nothing of what an auth-provider of old was given, and what it gave', async () => {
    for (const command of ['false', 'echo']) {
      const config = { 'cmd-path': command, 'cmd-args': '--secret=s3cret', expiry: '2020-01-01T00:00:00Z' }
      const old = await connect({ 'auth-provider': { name: 'gcp', config } })
      const cause: unknown = await old.json(get()).catch((reason: unknown) => reason)
      assert.ok(cause instanceof HatchwayError)
      assert.match(cause.message, /auth-provider gcp in the kubeconfig of prod gave no credentials/)
      assert.doesNotMatch(inspect(cause, { depth: 9 }), /s3cret/)
    }
  })

  it('follows a client certificate that changes', async () => {
    const second = await makeCertificates(directory, 'second')
    const write = async ({ cert, key }: Certificates) => {
      await writeFile(join(directory, 'c.pem'), cert)
      await writeFile(join(directory, 'k.pem'), key)
    }
    const seen: unknown[] = []
    let refused: unknown
    server.answer = (request, response) => {
      const name = (request.socket as TLSSocket).getPeerCertificate().subject.CN
      seen.push(name)
      if (name === refused) sendStatus(response, 401, 'Unauthorized')
      else response.end('{}')
    }
    await write(certificates)
    const byCertificate = await connect({ 'client-certificate': 'c.pem', 'client-key': 'k.pem' })
    await byCertificate.json(get())
    await write(second)
    refused = 'cluster'
    await byCertificate.json(get())
    assert.deepEqual(seen, ['cluster', 'cluster', 'second'])
  })

  it('says which kubeconfig is missing, and which contexts there are', async () => {
    const missing = clientFor({ kind: 'kubeconfig', paths: [join(directory, 'nowhere')] })
    await fails(missing.json(get()), 'backend_unavailable', /nowhere of prod cannot be read: ENOENT/)
    const path = await writeKubeconfig(directory, 'kubeconfig', clusterOf(), {})
    const lost = clientFor({ kind: 'kubeconfig', paths: [path], context: 'staging' })
    await fails(lost.json(get()), 'backend_unavailable', /no context named staging\. It has: x\./)
    await writeFile(join(directory, 'broken'), ']')
    const broken = clientFor({ kind: 'kubeconfig', paths: [join(directory, 'broken')] })
    await fails(broken.json(get()), 'backend_unavailable', /broken of prod cannot be read/)
  })

  it('says where a kubeconfig is broken, and nothing of what stands there', async () => {
    const path = join(directory, 'half-written')
    const broken = clientFor({ kind: 'kubeconfig', paths: [path] })
    for (const text of [
      'users:\n- user:\n    token: s3cret\n   x: y\n',
      '{"users":[{"user":{"token":"s3cret"}]',
    ]) {
      await writeFile(path, text)
      const cause: unknown = await broken.json(get()).catch((reason: unknown) => reason)
      assert.ok(cause instanceof HatchwayError)
      assert.match(cause.message, /half-written of prod cannot be read: .*\(\d+:\d+\)\. See/)
      assert.doesNotMatch(inspect(cause, { depth: 9 }), /s3cret/)
    }
  })

  it('says why a cluster cannot be reached', async () => {
    const { port } = server
    const nothing = createServer().listen(0, '127.0.0.1')
    await once(nothing, 'listening')
    const closed = (nothing.address() as { port: number }).port
    nothing.close()
    const at = async (cluster: object) => (await connect({ token: 't' }, cluster)).json(get())
    await fails(at({ server: `https://127.0.0.1:${closed}` }), 'backend_unavailable', /Nothing listens there/)
    await fails(
      at({ 'certificate-authority-data': undefined }),
      'backend_unavailable',
      /authority is not known|signed by itself/,
    )
    await fails(at({ server: `https://localhost:${port}` }), 'backend_unavailable', /for another name/)
    await fails(at({ server: 'https://no-such-host.invalid' }), 'backend_unavailable', /host name/)
    assert.deepEqual(await at({ server: `https://localhost:${port}`, 'tls-server-name': '127.0.0.1' }), {})
    assert.deepEqual(
      await at({ 'insecure-skip-tls-verify': true, 'certificate-authority-data': undefined }),
      {},
    )
  })

  it("goes through the cluster's proxy, terminals too, and keeps that connection", async () => {
    const asked: (string | undefined)[] = []
    const proxy = createHttpServer().on('connect', (request: IncomingMessage, near: Socket) => {
      asked.push(request.url)
      const far = connectTo(server.port, '127.0.0.1', () => {
        near.write('HTTP/1.1 200 OK\r\n\r\n')
        near.pipe(far).pipe(near)
      })
      near.on('error', () => far.destroy())
      far.on('error', () => near.destroy())
      near.on('close', () => far.destroy())
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const { port } = proxy.address() as { port: number }
    const proxied = await connect({ token: 'secret' }, { 'proxy-url': `http://127.0.0.1:${port}` })
    for (let call = 0; call < 3; call++) await proxied.json(get())
    assert.deepEqual(asked, [`127.0.0.1:${server.port}`])
    server.attach = (socket) => socket.send('hello')
    const socket = await proxied.webSocket({ path: '/x', doing: 'attach', signal: get().signal }, ['v5'])
    const message = once(socket, 'message')
    socket.resume()
    assert.equal(String((await message)[0]), 'hello')
    socket.terminate()
    proxied.close()
    proxy.close()
    await once(proxy, 'close')
  })

  it('gives up at its deadline, and when the caller does', async () => {
    server.answer = () => {}
    await fails(client.json(get({ timeoutMs: 200 })), 'timeout', /did not read the pod in time/)
    await fails(client.json(get({ signal: AbortSignal.timeout(100) })), 'cancelled', /Cancelled/)
    const hanging = client.json(get())
    await eventually(() => server.requests.length >= 3, { what: 'the request to arrive' })
    client.close()
    await fails(hanging, 'cancelled', /Cancelled/)
  })

  it('reads again when it is asked to wait, and does not write again', async () => {
    let left = 2
    server.answer = (_request, response) => {
      if (left-- > 0) sendStatus(response, 429, 'too many requests', { retryAfter: 0 })
      else response.end('{"at":"last"}')
    }
    assert.deepEqual(await client.json(get()), { at: 'last' })
    left = 2
    await fails(client.json(get({ method: 'POST', body: {} })), 'backend_unavailable', /too busy/)
    server.answer = (_request, response) => sendStatus(response, 503, 'starting', { retryAfter: 30 })
    await fails(client.json(get({ timeoutMs: 300 })), 'backend_unavailable', /starting/)
  })

  it('asks once where it is to wait for longer than it may, and for longer than a timer can', async () => {
    const slow = resourcePath('/api/v1', 'shop', 'pods', 'slow')
    let retryAfter = 0
    server.answer = (request, response) => {
      if (request.url === slow) sendStatus(response, 429, 'too many requests', { retryAfter })
      else response.end('{}')
    }
    const asked = () => server.requests.filter(({ url }) => url === slow).length
    for (retryAfter of [60, 3_000_000, 1e300]) {
      const before = asked()
      const reading = client.json(get({ path: slow, timeoutMs: 10_000, signal: AbortSignal.timeout(60_000) }))
      await fails(reading, 'backend_unavailable', /too busy.*too many requests/)
      assert.equal(asked() - before, 1, `Retry-After: ${retryAfter}`)
    }
    retryAfter = 3_000_000
    const before = asked()
    const controller = new AbortController()
    const patient = client.json(get({ path: slow, timeoutMs: 120_000, signal: controller.signal }))
    patient.catch(() => {})
    await eventually(() => asked() > before)
    // A loop would ask in between.
    for (let call = 0; call < 10; call++) await client.json(get())
    assert.equal(asked() - before, 1)
    controller.abort()
    await fails(patient, 'cancelled', /Cancelled/)
  })

  it('sends again what met a connection that had just been closed', async () => {
    await client.json(get())
    server.answer = (request, response) => {
      if (server.requests.length === 2) request.socket.destroy()
      else response.end('{"again":true}')
    }
    assert.deepEqual(await client.json(get()), { again: true })
  })

  it('gets through though every connection that it kept has been closed', async () => {
    const held: (() => void)[] = []
    server.answer = (_request, response) => void held.push(() => response.end('{}'))
    const calls = Promise.all([1, 2, 3, 4].map(async () => await client.json(get())))
    await eventually(() => held.length === 4)
    held.forEach((answer) => answer())
    await calls
    const kept = new Set(server.sockets)
    server.answer = (request, response) => {
      if (kept.has(request.socket)) request.socket.destroy()
      else response.end('{"fresh":true}')
    }
    assert.deepEqual([await client.json(get()), server.connections], [{ fresh: true }, 5])
  })

  it('takes no answer without an end', async () => {
    server.answer = (_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, ' ')
      const more = () => {
        while (response.write(chunk));
      }
      response.on('drain', more).on('error', () => {})
      more()
    }
    await fails(
      client.json(get()),
      'backend_unavailable',
      /^The API server of prod was to read the pod, and it answered with more than 64 MiB/,
    )
  })

  it('tells the missing right, whom it misses, and where', async () => {
    const words =
      'pods "web" is forbidden: User "jane" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "shop"'
    server.answer = (_request, response) => sendStatus(response, 403, words, { reason: 'Forbidden' })
    await fails(
      client.json(get()),
      'backend_forbidden',
      /let jane \(the gateway's account\) patch pods\/ephemeralcontainers in the namespace shop/,
    )
    const forPeople = await connect({ token: 'secret' }, {}, true)
    const actor = { subject: 'jane', groups: [] }
    await fails(forPeople.json(get({ actor })), 'backend_forbidden', /let jane \(that is you\) patch/)
    server.answer = (_request, response) => sendStatus(response, 403, 'pods "web" is forbidden: ')
    await fails(client.json(get()), 'backend_forbidden', /create on pods\/attach/)
    const admission = 'pods "web" is forbidden: violates PodSecurity "restricted:latest": x'
    server.answer = (_request, response) => sendStatus(response, 403, admission, { reason: 'Forbidden' })
    const refused = await client.json(get()).catch((cause: unknown) => cause)
    assert.equal((refused as { code?: string }).code, 'admission_refused')
    assert.equal(refusalOf(refused)?.message, admission)
    assert.equal(refusalOf(refused)?.reason, 'Forbidden')
  })

  it("keeps the kubelet's plain words when it refuses a terminal", async () => {
    const refused = await client
      .webSocket({ path: '/x', doing: 'attach', signal: get().signal }, ['v5'])
      .catch((cause: unknown) => cause)
    assert.deepEqual(
      [refusalOf(refused)?.status, refusalOf(refused)?.message],
      [500, 'container debug not found in pod web_s'],
    )
  })

  it('gives lines as they were written, however they come', async () => {
    const lines = ['', 'a', '', 'ü'.repeat(3000), 'b', '']
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
    for (const size of [1, 7, 4096, bytes.length]) {
      server.answer = (_request, response) => {
        for (let at = 0; at < bytes.length; at += size) response.write(bytes.subarray(at, at + size))
        response.end()
      }
      assert.deepEqual(await Array.fromAsync(client.lines(get())), lines)
    }
  })

  it('gives lines as they come, ends with the signal, and notices silence', async () => {
    const smile = Buffer.from('{"text":"😀"}\n')
    server.answer = (_request, response) => {
      response.write(smile.subarray(0, 11))
      void delay(50).then(() => response.write(Buffer.concat([smile.subarray(11), Buffer.from('two\nthr')])))
    }
    const controller = new AbortController()
    const seen: string[] = []
    for await (const line of client.lines(get({ signal: controller.signal }))) {
      seen.push(line)
      if (seen.length === 2) controller.abort()
    }
    assert.deepEqual(seen, ['{"text":"😀"}', 'two'])
    const silent = async () => {
      for await (const line of client.lines({ ...get(), idleMs: 200 })) seen.push(line)
    }
    await fails(silent(), 'timeout', /in time/)
    // Quiet is not silent: the deadline for the headers is not the stream's.
    server.answer = (_request, response) => {
      response.flushHeaders()
      void delay(400).then(() => response.end('late\n'))
    }
    const late: string[] = []
    for await (const line of client.lines({ ...get(), timeoutMs: 200, idleMs: 5_000 })) late.push(line)
    assert.deepEqual(late, ['late'])
  })
})
