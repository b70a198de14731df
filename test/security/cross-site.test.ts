import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import { subprotocol } from '../../server/protocol/terminal.ts'
import { TestGateway } from '../support/gateway.ts'
import { startHttpGateway } from '../support/http-gateway.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'
import { readRoutes, type Route } from '../support/open-api.ts'

let gateway: TestGateway
let attacker: ManyAddresses
let session: Session
let cookie: string
let changing: Route[]

before(async () => {
  gateway = await TestGateway.start({
    scripted: true,
    config: behindProxy,
    // A provider that is not there: its routes are.
    auth: { oidc: { issuer: 'http://127.0.0.1:9/idp', clientId: 'hatchway' } },
  })
  attacker = new ManyAddresses(gateway)
  session = await gateway.api<Session>('POST', '/sessions', { target: 'local/web' })
  cookie = await signIn()
  changing = (await readRoutes(gateway.url)).filter(({ method }) => method !== 'GET')
})
after(() => gateway.stop())

async function signIn(): Promise<string> {
  const answer = await attacker.fetch('/api/v1/auth/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: await gateway.token() }),
  })
  return (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
}

function addressOf({ path }: Route): string {
  return path.replace('{id}', session.id).replace('{ref}', 'local/web')
}

/** What has happened so far, sign-ins that were refused and looks at this list aside. */
async function happened(): Promise<string[]> {
  const { items } = await gateway.api<AuditList>('GET', '/audit?limit=200', undefined, 'auditor')
  return items.map(({ kind }) => kind).filter((kind) => !['audit-read', 'sign-in-failed'].includes(kind))
}

const foreign = () => {
  const { port } = new URL(gateway.url)
  return [
    'https://evil.example',
    'null',
    '',
    `${gateway.url}.evil.example`,
    `http://127.0.0.1.evil.example:${port}`,
    `http://evil.example:${port}`,
    `https://127.0.0.1:${port}`,
    'http://127.0.0.1',
    `http://127.0.0.1:${Number(port) + 1}`,
    `http://user@127.0.0.1:${port}`,
    `${gateway.url}/`,
    `${gateway.url}, https://evil.example`,
    'file://',
    'chrome-extension://abcdefghijklmnop',
  ]
}

/** Bodies as a form or a `no-cors` fetch of another site can send them without asking first. */
const simple = [
  undefined,
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json',
]

describe('cross-site request forgery', () => {
  it('is tried on every changing route that there is', async (t) => {
    const http = await startHttpGateway(t)
    const tree = http.app.printRoutes({ commonPrefix: false })
    const methods = [...tree.matchAll(/\(([A-Z, ]+)\)/g)].flatMap(([, list = '']) => list.split(', '))
    const known = (await readRoutes(http.url)).filter(({ method }) => method !== 'GET')
    const wanted = methods.filter((method) => !['GET', 'HEAD'].includes(method)).toSorted()
    assert.deepEqual(known.map(({ method }) => method).toSorted(), wanted)
    assert.ok(known.length >= 9)
    assert.ok(known.every((route) => changing.some(({ operationId }) => operationId === route.operationId)))
  })

  it('does nothing with a cookie and the Origin of another site, whatever it sends', async () => {
    const before = await happened()
    for (const route of changing) {
      for (const origin of [...foreign(), undefined]) {
        // Programs sign in without an Origin; the provider's own word comes without a cookie's rights.
        if (route.operationId === 'backChannelLogout') continue
        if (route.operationId === 'signIn' && origin === undefined) continue
        for (const type of simple) {
          const headers: Record<string, string> = { cookie }
          if (origin !== undefined) headers['origin'] = origin
          if (type !== undefined) headers['content-type'] = type
          const body = type === undefined ? '' : '{"decision":"approve","target":"local/other","token":"x"}'
          const { status, text } = await attacker.raw(route.method, addressOf(route), { headers, body })
          const what = `${route.method} ${route.path} as ${type} from ${origin}: ${status} ${text}`
          assert.deepEqual([status, /"code":"origin_refused"/.test(text)], [403, true], what)
        }
      }
    }
    assert.deepEqual(await happened(), before)
    assert.equal((await gateway.api<Session>('GET', `/sessions/${session.id}`)).state, 'running')
    assert.equal((await attacker.fetch('/api/v1/me', { headers: { cookie } })).status, 200)
  })

  it('cannot end sign-ins in the name of the provider: a cookie is no word of it', async () => {
    const headers = {
      cookie,
      origin: 'https://evil.example',
      'content-type': 'application/x-www-form-urlencoded',
    }
    for (const body of ['logout_token=x', '', 'logout_token=a.b.c&sub=jane']) {
      const answer = await attacker.raw('POST', '/api/v1/auth/oidc/back-channel-logout', { headers, body })
      assert.ok([400, 401, 503].includes(answer.status), `${answer.status} ${answer.text}`)
    }
    assert.equal((await attacker.fetch('/api/v1/me', { headers: { cookie } })).status, 200)
  })

  it('has no other method than the one it uses, and no body that is not JSON', async () => {
    const own = { cookie, origin: gateway.url }
    for (const override of [
      { 'x-http-method-override': 'DELETE' },
      { 'x-http-method': 'DELETE' },
      { 'x-method-override': 'DELETE' },
    ]) {
      for (const method of ['GET', 'POST', 'HEAD', 'PUT', 'PATCH', 'OPTIONS']) {
        const path = `/api/v1/sessions/${session.id}?_method=DELETE`
        const { status } = await attacker.raw(method, path, { headers: { ...own, ...override } })
        assert.equal(status, method === 'GET' ? 200 : 404, `${method} ${JSON.stringify(override)}`)
      }
    }
    const body = '{"target":"local/other"}'
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/json',
      '',
    ]) {
      const headers = { ...own, 'content-type': type }
      assert.equal((await attacker.raw('POST', '/api/v1/sessions', { headers, body })).status, 400, type)
    }
    assert.equal((await gateway.api<Session>('GET', `/sessions/${session.id}`)).state, 'running')
  })

  it('reads nothing: no answer is for other origins, and none is given to their pages', async () => {
    for (const route of (await readRoutes(gateway.url)).filter(({ method }) => method === 'GET')) {
      const answer = await attacker.raw('GET', addressOf(route), {
        headers: { cookie, origin: 'https://evil.example' },
      })
      assert.equal(answer.headers['access-control-allow-origin'], undefined, route.path)
      assert.equal(answer.headers['cross-origin-resource-policy'], 'same-origin', route.path)
      if (route.security?.length !== 0) assert.equal(answer.status, 403, route.path)
    }
    const preflight = await attacker.raw('OPTIONS', '/api/v1/sessions', {
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    })
    assert.equal(preflight.status, 404)
    assert.equal(preflight.headers['access-control-allow-origin'], undefined)
  })
})

/** The status of the answer, 101 for an upgrade. */
function upgrade(headers: Record<string, string>): Promise<number> {
  const url = `${gateway.url.replace('http', 'ws')}/api/v1/sessions/${session.id}/terminal`
  const socket = new WebSocket(url, subprotocol, {
    headers: { ...headers, 'x-forwarded-for': attacker.address() },
  })
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.close()
      resolve(101)
    })
    socket.once('unexpected-response', (_request, response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    socket.once('error', reject)
  })
}

describe('cross-site WebSocket hijacking', () => {
  it('opens no terminal with a cookie from a page of another site, or from nowhere', async () => {
    for (const origin of foreign()) assert.equal(await upgrade({ cookie, origin }), 403, origin)
    assert.equal(await upgrade({ cookie }), 403)
    assert.equal(await upgrade({ cookie, 'sec-websocket-origin': gateway.url }), 403)
    assert.equal(await upgrade({ cookie, referer: gateway.url }), 403)
    assert.equal(await upgrade({ cookie, origin: gateway.url }), 101)
  })

  it('opens none without a credential, wherever it comes from', async () => {
    assert.equal(await upgrade({ origin: gateway.url }), 401)
    assert.equal(await upgrade({ origin: gateway.url, cookie: `hatchway=${'a'.repeat(43)}` }), 401)
  })

  it('upgrades nothing but the terminal', async () => {
    for (const path of [
      '/',
      '/api/v1/me',
      '/livez',
      `/api/v1/sessions/${session.id}`,
      '/api/openapi.json',
      '/assets/x',
    ]) {
      const answer = await attacker.raw('GET', path, {
        headers: {
          cookie,
          origin: gateway.url,
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        },
      })
      assert.notEqual(answer.status, 101, path)
    }
  })
})
