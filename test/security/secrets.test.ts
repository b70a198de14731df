import assert from 'node:assert/strict'
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import { eventually } from '../support/eventually.ts'
import { hmacToken } from '../support/forged-token.ts'
import { TestGateway } from '../support/gateway.ts'
import { startHttpGateway } from '../support/http-gateway.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'

const secrets = {
  HATCHWAY_TEST_SHARED_SECRET: 'a-shared-secret-of-more-than-32-bytes',
  HATCHWAY_TEST_HOOK_SECRET: 'the-signing-secret-of-a-webhook',
  HATCHWAY_TEST_METRICS_TOKEN: 'the-token-for-metrics-alone',
  HATCHWAY_TEST_REGISTRY: 'the-password-of-a-registry',
  HATCHWAY_TEST_CLIENT: 'the-secret-of-an-oidc-client',
}
const policy = `
rules:
  - {name: eyes, who: {subjects: [ann]}, actions: [open], effect: require-approval, approval: {groups: [leads]}}
  - name: house
    who: {everyone: true}
    actions: [list, open, watch, terminate, read-recording, read-audit, approve]
    effect: allow
`

interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: string
}
let receiver: Server
let receiverUrl: string
const received: Received[] = []
let gateway: TestGateway
let attacker: ManyAddresses

before(async () => {
  receiver = createServer((request, response) => {
    const { url: path = '', headers } = request
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push({ path, headers, body })
      if (path.startsWith('/leads-away')) response.writeHead(302, { location: `${receiverUrl}/inside` }).end()
      else response.writeHead(path.startsWith('/refuses') ? 400 : 200).end('the receiver says so')
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  Object.assign(process.env, secrets, {
    HATCHWAY_TEST_HOOK_URL: `${receiverUrl}/services/T000/the-secret-of-a-hook`,
  })
  gateway = await TestGateway.start({
    scripted: true,
    policy,
    auth: {
      localTokens: true,
      samePeople: true,
      issuers: [
        { issuer: 'urn:test:shared', audience: 'hatchway', secret: { env: 'HATCHWAY_TEST_SHARED_SECRET' } },
      ],
      oidc: {
        issuer: 'http://127.0.0.1:9/idp',
        clientId: 'x',
        clientSecret: { env: 'HATCHWAY_TEST_CLIENT' },
      },
    },
    config: {
      ...behindProxy,
      logLevel: 'trace',
      metrics: { token: { env: 'HATCHWAY_TEST_METRICS_TOKEN' } },
      toolboxes: [
        {
          name: 'busybox',
          image: 'busybox:1',
          registryAuth: { username: 'x', password: { env: 'HATCHWAY_TEST_REGISTRY' } },
        },
      ],
      notifications: [
        { url: { env: 'HATCHWAY_TEST_HOOK_URL' }, secret: { env: 'HATCHWAY_TEST_HOOK_SECRET' } },
        { url: `${receiverUrl}/leads-away/the-secret-of-a-hook`, kind: 'slack' },
        { url: `${receiverUrl}/refuses/the-secret-of-a-hook` },
        { url: 'http://127.0.0.1:9/unreachable/the-secret-of-a-hook' },
      ],
    },
  })
  attacker = new ManyAddresses(gateway)
})
after(async () => {
  await gateway.stop()
  receiver.close()
  receiver.closeAllConnections()
})

/** Lines of the log; what the process prints for the terminal that it was started in is none. */
const logLines = () => gateway.log.split('\n').filter((line) => line.startsWith('{'))

describe('a credential', () => {
  it('is in no line of the log at its loudest, in no audit event and in no answer', async () => {
    const used = { ...secrets, hook: 'the-secret-of-a-hook' } as Record<string, string>
    const call = async (path: string, init: RequestInit = {}) => {
      const answer = await attacker.fetch(path, init)
      return `${JSON.stringify([...answer.headers].filter(([name]) => name !== 'set-cookie'))}${await answer.text()}`
    }
    const answers: string[] = []
    const json = { 'content-type': 'application/json' }
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    used['token'] = await gateway.token()
    used['shared token'] = hmacToken(
      secrets.HATCHWAY_TEST_SHARED_SECRET,
      { alg: 'HS256' },
      {
        iss: 'urn:test:shared',
        aud: 'hatchway',
        sub: 'sam',
        exp: Math.floor(Date.now() / 1000) + 60,
      },
    )
    used['bad token'] = `${used['token'].slice(0, -20)}AAAAAAAAAAAAAAAAAAAA`
    for (const name of ['token', 'shared token', 'bad token']) {
      const token = used[name] ?? ''
      answers.push(await call('/api/v1/me', { headers: bearer(token) }))
      answers.push(await call(`/api/v1/me?access_token=${token}`))
      answers.push(await call(`/api/v1/${token}`, { headers: bearer(token) }))
      answers.push(await call(`/api/v1/sessions?q=${token.slice(0, 150)}`))
    }
    const body = JSON.stringify({ token: used['token'] })
    const signedIn = await attacker.fetch('/api/v1/auth/session', { method: 'POST', headers: json, body })
    used['cookie'] = /hatchway=([\w-]{43})/.exec(signedIn.headers.get('set-cookie') ?? '')?.[1] ?? ''
    const cookie = `hatchway=${used['cookie']}`
    answers.push(await call('/api/v1/me', { headers: { cookie } }))
    answers.push(
      await call('/api/v1/sample', { method: 'POST', headers: { cookie, origin: 'https://evil.example' } }),
    )
    used['wrong code'] = 'a-code-that-is-none-of-the-gateway'
    answers.push(
      await call('/api/v1/auth/session', {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ code: used['wrong code'] }),
      }),
    )
    const { session, terminal } = await gateway.open('local/web')
    const { ticket } = await gateway.api<{ ticket: string }>('POST', `/sessions/${session.id}/ticket`)
    used['ticket'] = ticket
    answers.push(await call(`/api/v1/sessions/${session.id}/terminal?ticket=${ticket}`))
    answers.push(await call(`/api/v1/sessions/${session.id}?ticket=${ticket}`))
    used['typed'] = 'a-password-that-was-typed'
    terminal.type(used['typed'])
    await terminal.expect(/that-was-typed/)
    answers.push(await call('/metrics', { headers: bearer(secrets.HATCHWAY_TEST_METRICS_TOKEN) }))
    answers.push(await call('/readyz'))
    answers.push(await call('/api/openapi.json'))
    await gateway.api<Session>('POST', '/sessions', { target: 'local/web', reason: 'x' }, 'ann')
    await eventually(() => gateway.log.includes('400') && received.length >= 3)

    const audit = JSON.stringify(await gateway.api('GET', '/audit?limit=200'))
    const log = logLines().join('\n')
    assert.ok(log.includes('"level":20'), 'the log is at its loudest')
    for (const [what, secret] of Object.entries(used)) {
      assert.ok(secret.length > 15, what)
      // The signature alone is as good as none of it; half of a token must not be there either.
      for (const part of [secret, secret.slice(0, 60), secret.slice(-40)]) {
        assert.ok(
          !log.includes(part),
          `${what} is in the log: ${logLines().find((line) => line.includes(part))}`,
        )
        assert.ok(!audit.includes(part), `${what} is in the audit log`)
      }
      for (const answer of answers)
        assert.ok(!answer.includes(secret), `${what} is in ${answer.slice(0, 300)}`)
    }
  })
})

describe('a webhook', () => {
  it('is called where the configuration says, and follows nobody elsewhere', async () => {
    await eventually(() => received.some(({ path }) => path.startsWith('/leads-away')))
    const { id } = await gateway.api<Session>(
      'POST',
      '/sessions',
      {
        target: 'local/web',
        reason: `${receiverUrl}/inside <${receiverUrl}/inside|click> <!channel>`,
        ticket: `${receiverUrl}/inside`,
      },
      'ann',
    )
    await eventually(() => received.filter(({ body }) => body.includes(id)).length >= 2)
    await eventually(() => received.filter(({ path }) => path.startsWith('/leads-away')).length >= 2)
    assert.deepEqual(
      received.filter(({ path }) => path.startsWith('/inside')),
      [],
    )
    const slack = received.filter(({ path }) => path.startsWith('/leads-away')).at(-1)
    assert.doesNotMatch(slack?.body ?? '', /<!|<http[^|]*inside/)
  })

  it('sends a signature and no secret, and no header or address of the requester’s choice', () => {
    for (const { path, headers, body } of received) {
      const sent = JSON.stringify([headers, body])
      for (const secret of Object.values(secrets)) assert.ok(!sent.includes(secret), path)
      assert.ok(!body.includes('the-secret-of-a-hook'), path)
    }
    const signed = received.find(({ path }) => path.startsWith('/services'))
    assert.match(String(signed?.headers['hatchway-signature']), /^v1=[\da-f]{64}$/)
  })

  it('fails without telling its address', () => {
    const failures = logLines().filter((line) => /notification/i.test(line) && line.includes('"level":40'))
    assert.ok(failures.length >= 1, gateway.log.slice(-2000))
    for (const line of failures)
      assert.ok(!line.includes('the-secret-of-a-hook') && !line.includes('/services'), line)
  })
})

describe('the metrics', () => {
  const statusOf = async (headers: Record<string, string>) =>
    (await attacker.raw('GET', '/metrics', { headers })).status

  it('are for the bearer of their token and nobody else', async () => {
    const token = secrets.HATCHWAY_TEST_METRICS_TOKEN
    const good = await gateway.token()
    for (const authorization of [
      '',
      'Bearer ',
      `Bearer ${token.slice(0, -1)}`,
      `Bearer ${token}x`,
      `Basic ${token}`,
      token,
      `Bearer ${good}`,
    ])
      assert.equal(await statusOf({ authorization }), 401, authorization)
    assert.equal(await statusOf({ authorization: `Bearer ${token}` }), 200)
  })

  it('without a token are for programs on this machine: not for those behind a proxy, not for rebound names', async () => {
    const open = await TestGateway.start({ scripted: true })
    try {
      const local = new ManyAddresses(open)
      const { port, host } = new URL(open.url)
      const read = async (headers: Record<string, string>) =>
        (await local.raw('GET', '/metrics', { headers: { ...headers } })).status
      // A proxy on this machine that nobody told the gateway of.
      assert.equal(await read({}), 403)
      assert.equal(await read({ 'x-forwarded-for': '127.0.0.1' }), 403)
      const direct = (name: string, more: Record<string, string> = {}) =>
        new Promise<number>((resolve, reject) => {
          const call = httpRequest(`${open.url}/metrics`, { headers: { host: name, ...more } }, (answer) => {
            answer.resume()
            resolve(answer.statusCode ?? 0)
          })
          call.once('error', reject).end()
        })
      for (const name of [host, `localhost:${port}`, `[::1]:${port}`])
        assert.equal(await direct(name), 200, name)
      for (const name of [
        `rebound.example:${port}`,
        'hatchway.example.com',
        `127.0.0.1.evil.example:${port}`,
        `127.1.evil:${port}`,
      ])
        assert.equal(await direct(name), 403, name)
      assert.equal(await direct(host, { forwarded: 'for=192.0.2.1' }), 403)
    } finally {
      await open.stop()
    }
  })

  it('name no person, target or session', async () => {
    const authorization = `Bearer ${secrets.HATCHWAY_TEST_METRICS_TOKEN}`
    const { text } = await attacker.raw('GET', '/metrics', { headers: { authorization } })
    for (const name of ['jane', 'ann', 'local/web', '198.18.']) assert.ok(!text.includes(name), name)
    assert.doesNotMatch(text, /"[\da-f]{20}"/)
  })
})

describe('a line of the log', () => {
  it('is one line of JSON, whatever a request has in it', async () => {
    const forged = '\n{"level":50,"msg":"forged"}\n'
    const encoded = encodeURIComponent(forged)
    const authorization = `Bearer ${await gateway.token()}`
    const json = { authorization, 'content-type': 'application/json' }
    await attacker.fetch(`/${encoded}`, { headers: { 'user-agent': '{"msg":"forged"}', referer: 'x"}' } })
    await attacker.fetch(`/api/v1/${encoded}?${encoded}=${encoded}`, { headers: { authorization } })
    await attacker.fetch(`/api/v1/targets/local/${encoded}`, { headers: { authorization } })
    await attacker.raw('GET', '/api/v1/me', {
      headers: { authorization, 'x-forwarded-for': '"},{"msg":"forged"' },
    })
    for (const field of ['target', 'reason', 'ticket', 'toolbox']) {
      const body = JSON.stringify({ target: 'local/web', [field]: forged })
      const { status } = await attacker.fetch('/api/v1/sessions', { method: 'POST', headers: json, body })
      assert.equal(status, 400, field)
    }
    const body = JSON.stringify({ target: 'local/web', reason: '{"msg":"forged"} \u{1F4A3}' })
    assert.equal(
      (await attacker.fetch('/api/v1/sessions', { method: 'POST', headers: json, body })).status,
      201,
    )
    for (const line of gateway.log.split('\n').filter((text) => text.includes('forged')))
      assert.notEqual((JSON.parse(line) as { msg?: string }).msg, 'forged')
    for (const line of logLines()) assert.doesNotThrow(() => JSON.parse(line) as unknown, line)
  })
})

describe('a header', () => {
  it('has no line that a container’s name or an address put there', async (t) => {
    const http = await startHttpGateway(t)
    const host = http.hosts.get('local')
    assert.ok(host?.targets[0])
    const name = "a\"\r\nSet-Cookie: planted=1\r\n\r\n<script>; filename*=UTF-8''evil.html; \u202Egnp.ü"
    host.targets = [{ ...host.targets[0], name }]
    const token = await http.issuer.token('ann')
    const body = JSON.stringify({ target: 'local/abc0' })
    const opened = await http.call('/api/v1/sessions', token, { method: 'POST', body })
    const { id } = (await opened.json()) as Session
    assert.match(opened.headers.get('location') ?? '', /^\/api\/v1\/sessions\/[\w-]+$/)
    const recording = `/api/v1/sessions/${id}/recording`
    await eventually(async () => (await http.call(recording, token)).ok, { what: 'the recording' })
    for (const format of ['text', 'asciicast-v3', 'asciicast-v2']) {
      const answer = await http.call(`${recording}?download=true&format=${format}`, token)
      assert.equal(answer.status, 200)
      assert.match(
        answer.headers.get('content-disposition') ?? '',
        /^attachment; filename="hatchway-[\w.-]+"$/,
      )
      assert.equal(answer.headers.get('set-cookie'), null)
    }
    // What people write comes back as JSON or as plain text that no browser takes for a page.
    const text = await http.call(`${recording}?format=text`, token)
    assert.match(text.headers.get('content-type') ?? '', /^text\/plain/)
    assert.equal(text.headers.get('x-content-type-options'), 'nosniff')
  })

  it('of a redirect leads to this site and has one line', async () => {
    for (const to of [
      '//evil.example',
      '/\\evil.example',
      '/%2F/evil.example',
      '/%5Cevil.example',
      'https://evil.example',
      'javascript:alert(1)',
      'java%0ascript:alert(1)',
      '/%0d%0aSet-Cookie:%20planted=1',
      '/%0D%0A%0D%0A<script>',
      '/%09/evil.example',
      '/\u2215\u2215evil.example',
      '/\uFF0F\uFF0Fevil.example',
      '/%E5%98%8A%E5%98%8DSet-Cookie:planted=1',
      '/.//evil.example',
      '/a/..//evil.example',
      '/;@evil.example',
      '@evil.example',
      '.evil.example',
      '',
    ]) {
      for (const value of [to, encodeURIComponent(to)]) {
        const path = `/api/v1/auth/oidc/start?return=${encodeURI(value).replaceAll('#', '%23')}`
        const { status, headers } = await attacker.raw('GET', path)
        assert.equal(status, 303, to)
        assert.equal(headers['set-cookie'], undefined, to)
        // The provider is not there: the sign-in page says so and keeps where to go on to.
        const location = new URL(String(headers['location']))
        assert.equal(location.origin, gateway.url, to)
        const next = new URL(location.searchParams.get('next') ?? '', gateway.url)
        assert.equal(next.origin, gateway.url, to)
        assert.ok(!next.pathname.startsWith('//'), `${to}: ${next.href}`)
      }
    }
  })
})
