import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { request as httpRequest } from 'node:http'
import { SignJWT } from 'jose'
import { requestsPerMinute } from '../../server/http/rate-limits.ts'
import { sharedHttpGateway, startHttpGateway, type HttpGateway } from '../support/http-gateway.ts'

async function signIn(gateway: HttpGateway, headers: Record<string, string> = {}): Promise<string> {
  const body = JSON.stringify({ code: gateway.mintCode() })
  const answer = await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body, headers })
  assert.equal(answer.status, 204, await answer.text())
  return (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
}

/** `fetch` lets nobody set `Host`. */
function statusWithHost(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', reject).end()
  })
}

describe('credentials', () => {
  const shared = sharedHttpGateway()
  let gateway: HttpGateway
  before(() => (gateway = shared()))

  const cases: [string, () => Promise<Record<string, string>>, number, string?][] = [
    ['nothing', async () => ({}), 401, 'unauthenticated'],
    ['junk as a token', async () => ({ authorization: 'Bearer junk' }), 401, 'token_invalid'],
    ['another scheme', async () => ({ authorization: 'Basic YTpi' }), 401, 'unauthenticated'],
    ['a bearer token', async () => bearer(await gateway.issuer.token('ann')), 200],
    [
      'an expired token',
      async () => bearer(await gateway.issuer.token('ann', { seconds: -5 })),
      401,
      'token_invalid',
    ],
    [
      "another service's token",
      async () => bearer(await gateway.issuer.token('ann', { audience: 'mail' })),
      401,
      'token_invalid',
    ],
    ['a token without signature', async () => bearer(unsigned(gateway.issuer.issuer)), 401, 'token_invalid'],
    ['a token of a stranger', async () => bearer(await foreign(gateway.issuer.issuer)), 401, 'token_invalid'],
    ['a made-up cookie', async () => ({ cookie: `hatchway=${'a'.repeat(43)}` }), 401, 'unauthenticated'],
    [
      'a cookie that is not one',
      async () => ({ cookie: `hatchway=${'../'.repeat(500)}` }),
      401,
      'unauthenticated',
    ],
    ['a sign-in cookie', async () => ({ cookie: await signIn(gateway) }), 200],
    [
      'a cookie and a wrong token',
      async () => ({ cookie: await signIn(gateway), ...bearer('junk') }),
      401,
      'token_invalid',
    ],
  ]
  for (const [what, headersOf, status, code] of cases) {
    it(`${status} for ${what}`, async () => {
      const answer = await gateway.call('/api/v1/me', undefined, { headers: await headersOf() })
      assert.equal(answer.status, status)
      const body = (await answer.json()) as { code?: string; instance?: string }
      assert.equal(body.code, code)
      if (code !== undefined) {
        assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
        assert.match(body.instance ?? '', /^[\da-f-]{36}$/)
      }
      assert.equal(answer.headers.get('cache-control'), 'no-store')
    })
  }

  it('says who the bearer is', async () => {
    const answer = await gateway.call('/api/v1/me', await gateway.issuer.token('ann', { groups: ['sre'] }))
    const { expiresAt, ...me } = (await answer.json()) as Record<string, unknown>
    assert.ok(Date.parse(String(expiresAt)) > Date.now())
    assert.deepEqual(me, {
      subject: 'ann',
      name: 'ann by name',
      groups: ['sre'],
      issuer: gateway.issuer.issuer,
      can: { readAudit: true },
    })
  })

  it('says where browsers reach the gateway, when that is configured', async (t) => {
    const publicUrl = 'https://hatchway.example.com'
    const open = await startHttpGateway(t, { change: () => ({ publicUrl }) })
    const answer = await open.call('/api/v1/me', await open.issuer.token('ann', {}))
    assert.equal(((await answer.json()) as { publicUrl?: string }).publicUrl, publicUrl)
  })

  it('takes no request id from callers', async () => {
    const answer = await gateway.call('/api/v1/me', undefined, { headers: { 'x-request-id': 'mine' } })
    assert.notEqual(((await answer.json()) as { instance: string }).instance, 'mine')
  })

  it('logs no credential', async () => {
    const token = await gateway.issuer.token('ann')
    const cookie = await signIn(gateway)
    await gateway.call('/api/v1/me?ticket=sesame-1', token)
    await gateway.call('/api/v1/me', undefined, { headers: { cookie } })
    await gateway.call('/nowhere?ticket=sesame-2', token)
    const log = gateway.log.join('')
    assert.match(log, /"subject":"ann"/)
    for (const secret of [token, cookie.split('=')[1] ?? 'none', 'sesame']) assert.ok(!log.includes(secret))
  })
})

describe('the browser sign-in', () => {
  it('sets a cookie that scripts and other sites do not get, and audits before it does', async (t) => {
    const gateway = await startHttpGateway(t)
    const body = JSON.stringify({ code: gateway.mintCode() })
    const call = () => gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })
    const cookie = (await call()).headers.get('set-cookie') ?? ''
    assert.match(cookie, /^hatchway=[\w-]{43}; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/)
    const again = await call()
    assert.equal(again.status, 401)
    const kinds = (await gateway.store.listAudit({ limit: 10 })).items.map(({ kind }) => kind)
    assert.deepEqual(kinds, ['sign-in-failed', 'signed-in'])
  })

  it('binds the cookie to host and TLS when the gateway is reached by https', async (t) => {
    const gateway = await startHttpGateway(t, { change: () => ({ publicUrl: 'https://gate.example' }) })
    const { headers } = await gateway.app.inject({
      method: 'POST',
      url: '/api/v1/auth/session',
      headers: { host: 'gate.example', origin: 'https://gate.example' },
      payload: { code: gateway.mintCode() },
    })
    assert.match(String(headers['set-cookie']), /^__Host-hatchway=.*; HttpOnly; Secure; SameSite=Strict$/)
    assert.match(String(headers['strict-transport-security']), /^max-age=31536000/)
  })

  it('takes a token for a cookie that ends with it', async (t) => {
    const gateway = await startHttpGateway(t)
    const body = JSON.stringify({ token: await gateway.issuer.token('ann', { seconds: 300 }) })
    const answer = await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })
    const expires = /Expires=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '')?.[1] ?? ''
    assert.ok(Math.abs(Date.parse(expires) - Date.now() - 300_000) < 5_000)
  })

  it('signs out', async (t) => {
    const gateway = await startHttpGateway(t)
    const cookie = await signIn(gateway)
    const headers = { cookie, origin: gateway.url }
    const out = await gateway.call('/api/v1/auth/session', undefined, { method: 'DELETE', headers })
    assert.equal(out.status, 204)
    assert.match(out.headers.get('set-cookie') ?? '', /^hatchway=; .*Expires=Thu, 01 Jan 1970/)
    assert.equal((await gateway.call('/api/v1/me', undefined, { headers })).status, 401)
    assert.equal((await gateway.store.listAudit({ limit: 1 })).items[0]?.kind, 'signed-out')
  })

  it('offers what there is', async (t) => {
    const gateway = await startHttpGateway(t)
    const answer = await gateway.call('/api/v1/auth/options')
    assert.deepEqual(await answer.json(), { methods: ['link', 'token'] })
  })
})

describe('other sites', () => {
  let gateway: HttpGateway
  let cookie: string
  let token: string
  const shared = sharedHttpGateway()
  before(async () => {
    gateway = shared()
    cookie = await signIn(gateway)
    token = await gateway.issuer.token('ann')
  })

  const evil = 'https://evil.example'
  const cases: [string, string, 'cookie' | 'bearer', string | undefined, number][] = [
    ['GET', '/api/v1/me', 'cookie', undefined, 200],
    ['GET', '/api/v1/me', 'cookie', 'own', 200],
    ['GET', '/api/v1/me', 'cookie', evil, 403],
    ['GET', '/api/v1/me', 'cookie', 'null', 403],
    ['POST', '/api/v1/sample', 'cookie', 'own', 404],
    ['POST', '/api/v1/sample', 'cookie', undefined, 403],
    ['POST', '/api/v1/sample', 'cookie', evil, 403],
    ['POST', '/api/v1/sample', 'cookie', 'https://127.0.0.1', 403],
    ['POST', '/api/v1/sample', 'bearer', undefined, 404],
    ['POST', '/api/v1/sample', 'bearer', evil, 404],
    ['DELETE', '/api/v1/sessions/x', 'cookie', evil, 403],
    ['DELETE', '/api/v1/sessions/x', 'cookie', 'own', 404],
    ['DELETE', '/api/v1/auth/session', 'cookie', evil, 403],
    ['POST', '/api/v1/auth/session', 'cookie', evil, 403],
  ]
  for (const [method, path, via, origin, status] of cases) {
    it(`${method} ${path} by ${via} from ${origin ?? 'no origin'}: ${status}`, async () => {
      const headers = new Headers()
      if (origin !== undefined) headers.set('origin', origin === 'own' ? gateway.url : origin)
      if (via === 'cookie') headers.set('cookie', cookie)
      const answer = await gateway.call(path, via === 'bearer' ? token : undefined, { method, headers })
      assert.equal(answer.status, status)
      if (status === 403) assert.equal(((await answer.json()) as { code: string }).code, 'origin_refused')
      assert.equal(answer.headers.get('access-control-allow-origin'), null)
    })
  }

  it('refuses a name that was rebound to this address, for pages and for sign-in', async () => {
    const port = new URL(gateway.url).port
    const hosts: [string, number][] = [
      [`127.0.0.1:${port}`, 200],
      [`localhost:${port}`, 200],
      [`[::1]:${port}`, 200],
      [`rebound.example:${port}`, 403],
      ['localhost:1', 403],
      ['localhost', 403],
    ]
    for (const [host, status] of hosts) {
      assert.equal(await statusWithHost(`${gateway.url}/`, { host }), status, host)
      assert.equal(await statusWithHost(`${gateway.url}/api/v1/me`, { host, cookie }), status, host)
      assert.equal(await statusWithHost(`${gateway.url}/livez`, { host }), 200, host)
    }
    const headers = { host: 'hatchway.svc:8080', authorization: `Bearer ${token}` }
    assert.equal(await statusWithHost(`${gateway.url}/api/v1/me`, headers), 200)
  })
})

describe('limits', () => {
  it('slows down guessing of links', async (t) => {
    const gateway = await startHttpGateway(t)
    const statuses: number[] = []
    for (let guess = 0; guess < 12; guess++) {
      const body = JSON.stringify({ code: `guess-${guess}` })
      const answer = await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })
      statuses.push(answer.status)
      if (answer.status === 429) assert.ok(Number(answer.headers.get('retry-after')) > 0)
    }
    assert.deepEqual(statuses, [...Array<number>(10).fill(401), 429, 429])
    // Guessing has no influence on those who are signed in.
    assert.equal((await gateway.call('/api/v1/me', await gateway.issuer.token('ann'))).status, 200)
  })

  it('tells those to wait whose credentials are refused, and nobody else at their address', async (t) => {
    const gateway = await startHttpGateway(t)
    const body = JSON.stringify({ token: await gateway.issuer.token('cookie-holder') })
    const signIn = () => gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })
    const headers = { cookie: (await signIn()).headers.get('set-cookie')?.split(';', 1)[0] ?? '' }
    const expired = await gateway.issuer.token('ann', { seconds: -60 })
    for (let guess = 0; guess < 30; guess++) {
      const bad = guess % 2 === 0 ? `guess-${guess}` : expired
      assert.equal((await gateway.call('/api/v1/me', bad)).status, 401)
    }
    for (const bad of ['guess-31', expired]) {
      const refused = await gateway.call('/api/v1/me', bad)
      assert.equal(refused.status, 429)
      assert.ok(Number(refused.headers.get('retry-after')) > 0)
    }
    // Never seen before, by a cookie, and to sign in: what is good is good.
    assert.equal((await gateway.call('/api/v1/me', await gateway.issuer.token('ann'))).status, 200)
    assert.equal((await gateway.call('/api/v1/me', undefined, { headers })).status, 200)
    for (let bad = 0; bad < 12; bad++)
      await gateway.call('/api/v1/auth/session', undefined, {
        method: 'POST',
        body: JSON.stringify({ token: `bad-${bad}` }),
      })
    assert.equal((await signIn()).status, 204)
  })

  it('lets one person sign in so often, each of which leaves a row', async (t) => {
    const gateway = await startHttpGateway(t)
    const signIn = async (subject: string) => {
      const body = JSON.stringify({ token: await gateway.issuer.token(subject) })
      return (await gateway.call('/api/v1/auth/session', undefined, { method: 'POST', body })).status
    }
    for (let time = 0; time < requestsPerMinute.signedIn; time++) assert.equal(await signIn('ann'), 204)
    assert.equal(await signIn('ann'), 429)
    assert.equal(await signIn('bob'), 204)
  })

  it('counts nobody who brings none: an office that follows an alert is no attack', async (t) => {
    const gateway = await startHttpGateway(t)
    for (let stranger = 0; stranger < 40; stranger++) {
      assert.equal((await gateway.call('/api/v1/me')).status, 401)
    }
    assert.equal((await gateway.call('/api/v1/me', await gateway.issuer.token('ann'))).status, 200)
  })
})

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

function unsigned(issuer: string): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: issuer, aud: 'hatchway', sub: 'root', exp: 4_000_000_000 }
  return `${encode({ alg: 'none' })}.${encode(claims)}.`
}

function foreign(issuer: string): Promise<string> {
  return new SignJWT({ iss: issuer, aud: 'hatchway', sub: 'root', exp: 4_000_000_000 })
    .setProtectedHeader({ alg: 'HS256', kid: 'one' })
    .sign(Buffer.alloc(32, 1))
}
