import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { errorCodes, HatchwayError } from '../../server/core/errors.ts'
import { auditKinds } from '../../server/core/vocabulary.ts'
import { endCodes } from '../../server/core/session-end.ts'
import { eventually } from '../support/eventually.ts'
import { sharedHttpGateway, startHttpGateway } from '../support/http-gateway.ts'

interface Operation {
  operationId: string
  security?: unknown[]
  parameters?: { name: string; in: string }[]
  responses: Record<string, { content?: Record<string, unknown> }>
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown> }
}

// docs/api.md: what other programs rely on.
const operations = [
  'GET /livez',
  'GET /readyz',
  'GET /metrics',
  'GET /api/v1/auth/options',
  'POST /api/v1/auth/session',
  'DELETE /api/v1/auth/session',
  'DELETE /api/v1/auth/sessions',
  'GET /api/v1/me',
  'GET /api/v1/environments',
  'GET /api/v1/targets',
  'GET /api/v1/targets/{ref}',
  'POST /api/v1/runs',
  'POST /api/v1/sessions',
  'GET /api/v1/sessions',
  'GET /api/v1/sessions/{id}',
  'DELETE /api/v1/sessions/{id}',
  'POST /api/v1/sessions/{id}/decision',
  'POST /api/v1/sessions/{id}/review',
  'GET /api/v1/approvals',
  'GET /api/v1/policy/explain',
  'POST /api/v1/policy/simulate',
  'GET /api/v1/sessions/{id}/runbooks',
  'POST /api/v1/sessions/{id}/ticket',
  'GET /api/v1/sessions/{id}/terminal',
  'GET /api/v1/sessions/{id}/recording',
  'GET /api/v1/sessions/{id}/verification',
  'GET /api/v1/audit',
  'GET /api/v1/sample',
  'POST /api/v1/sample',
]

describe('the OpenAPI document', () => {
  const shared = sharedHttpGateway()
  const load = async () => (await (await shared().call('/api/openapi.json')).json()) as Document

  it('holds every operation and no other', async () => {
    const document = await load()
    assert.equal(document.openapi, '3.1.0')
    const found = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    assert.deepEqual(found.toSorted(), operations.toSorted())
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((one) => one.operationId),
    )
    assert.equal(new Set(ids).size, operations.length)
  })

  it('refers only to schemas that it holds, and names the path parameters', async () => {
    const document = await load()
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)]
    assert.ok(references.length > 50)
    for (const [, name = ''] of references) assert.ok(document.components.schemas[name], name)
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      for (const operation of Object.values(methods)) {
        const named = operation.parameters?.filter((one) => one.in === 'path').map(({ name }) => name) ?? []
        assert.deepEqual(named, inPath, path)
      }
    }
  })

  it('says which kinds of events there are, and has patterns that every language reads', async () => {
    const text = await (await shared().call('/api/openapi.json')).text()
    const { components } = JSON.parse(text) as {
      components: { schemas: Record<string, { enum?: string[] }> }
    }
    assert.deepEqual(components.schemas['AuditKind']?.enum, [...auditKinds])
    // Neither Python nor JavaScript without its u flag knows Unicode properties.
    assert.doesNotMatch(text, /"pattern":"(?:[^"\\]|\\.)*\\\\p\{/)
  })

  it('has no address that sends a request back', async () => {
    const trace = (path: string) =>
      new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
        const call = request(`${shared().url}${path}`, { method: 'TRACE' }, (answer) => {
          answer.resume()
          resolve([answer.statusCode, answer.headers['allow']])
        })
        call.once('error', reject).end()
      })
    assert.deepEqual(await trace('/api/v1/sessions'), [405, 'GET, POST'])
    assert.deepEqual(await trace('/api/v1/sessions/some-id?x=y'), [405, 'DELETE, GET'])
  })

  it('lists every code of a problem and of a session’s end', async () => {
    const { schemas } = (await load()).components as unknown as {
      schemas: Record<string, { properties: { code: { enum: string[] } } }>
    }
    assert.deepEqual(schemas['Problem']?.properties.code.enum, errorCodes)
    assert.deepEqual(schemas['SessionEnd']?.properties.code.enum, endCodes)
  })

  it('is true about who needs a sign-in: every other route refuses strangers', async () => {
    const gateway = shared()
    const document = await load()
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.security?.length === 0 || operation.operationId === 'signOut') continue
        assert.ok(operation.responses['401']?.content?.['application/problem+json'], `${method} ${path}`)
        const url = path.replace('{ref}', 'local/web-1').replace('{id}', 'x')
        const answer = await gateway.app.inject({
          method: method.toUpperCase() as 'GET',
          url,
          headers: { host: new URL(gateway.url).host },
        })
        assert.equal(answer.statusCode, 401, `${method} ${path}`)
        assert.equal(answer.json<{ code: string }>().code, 'unauthenticated')
      }
    }
  })
})

describe('headers', () => {
  const shared = sharedHttpGateway()

  it('let a page load nothing from elsewhere and be framed by nobody', async () => {
    for (const path of ['/', '/api/v1/me', '/nowhere']) {
      const { headers } = await shared().call(path)
      const csp = headers.get('content-security-policy') ?? ''
      const script = /script-src ([^;]+)/.exec(csp)?.[1]
      assert.equal(script, "'self' 'wasm-unsafe-eval'", path)
      for (const part of [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "connect-src 'self'",
      ]) {
        assert.ok(csp.includes(part), `${path}: ${part}`)
      }
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
      assert.equal(headers.get('x-frame-options'), 'DENY')
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
      assert.match(headers.get('permissions-policy') ?? '', /camera=\(\)/)
      // Plain loopback must stay reachable without TLS.
      assert.equal(headers.get('strict-transport-security'), null)
    }
  })
})

describe('requests that are too much', () => {
  const shared = sharedHttpGateway()

  it('are refused as problems', async () => {
    const gateway = shared()
    const token = await gateway.issuer.token('ann')
    const post = (body: string, type = 'application/json') =>
      gateway.call('/api/v1/sessions', token, { method: 'POST', body, headers: { 'content-type': type } })
    const cases: [string, () => Promise<Response>, number, string][] = [
      ['a large body', () => post(JSON.stringify({ target: 'x'.repeat(65_536) })), 413, 'too_large'],
      ['half a body', () => post('{"target":'), 400, 'invalid_request'],
      ['no JSON', () => post('target=x', 'application/x-www-form-urlencoded'), 400, 'invalid_request'],
      ['__proto__', () => post('{"target":"local/web-1","__proto__":{"a":1}}'), 400, 'invalid_request'],
      ['constructor', () => post('{"constructor":{"prototype":{"a":1}}}'), 400, 'invalid_request'],
      ['a broken address', () => gateway.call('/api/v1/targets/%zz', token), 400, 'invalid_request'],
      [
        'a long address',
        () => gateway.call(`/api/v1/sessions/${'x'.repeat(2000)}`, token),
        400,
        'invalid_request',
      ],
      [
        'a method that is none here',
        () => gateway.call('/api/v1/me', token, { method: 'PUT' }),
        404,
        'not_found',
      ],
      ['an address of nothing', () => gateway.call('/api/v2/me', token), 404, 'not_found'],
    ]
    for (const [what, call, status, code] of cases) {
      const answer = await call()
      const problem = (await answer.json()) as { code: string; status: number }
      assert.deepEqual([answer.status, problem.status, problem.code], [status, status, code], what)
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, what)
    }
  })

  it('are answered even if they are not HTTP', async () => {
    const port = Number(new URL(shared().url).port)
    const cases: [string, RegExp][] = [
      ['\u0016\u0003\u0001 not http\r\n\r\n', /^HTTP\/1\.1 400 [\s\S]*"code":"invalid_request"/],
      [
        `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
        /^HTTP\/1\.1 413 [\s\S]*"code":"too_large"/,
      ],
    ]
    for (const [bytes, expected] of cases) {
      const socket = connect(port, '127.0.0.1')
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.write(bytes)
      await once(socket, 'close')
      assert.match(Buffer.concat(chunks).toString(), expected)
    }
  })
})

describe('the web app', () => {
  const shared = sharedHttpGateway()

  it('is served at every address that is not the API, assets for ever', async () => {
    const gateway = shared()
    const app = /<title>Hatchway/
    const cases: [string, number, RegExp, string][] = [
      ['/', 200, app, 'no-cache'],
      ['/sessions/abc', 200, app, 'no-cache'],
      ['/debug/prod/payments/deployment/api.v2/app?reason=x', 200, app, 'no-cache'],
      ['/favicon.svg', 200, /<svg/, 'no-cache'],
      ['/assets/app-1a2b.js', 200, /export const plain|compressed/, 'public, max-age=31536000, immutable'],
      ['/assets/none.js', 404, /"code":"not_found"/, 'no-store'],
      ['/assets/..%2findex.html', 404, /./, 'no-store'],
      ['/assets/..%2f..%2frows.db', 404, /./, 'no-store'],
      ['/api', 404, /"code":"not_found"/, 'no-store'],
      ['/api/v1/none', 404, /"code":"not_found"/, 'no-store'],
    ]
    for (const [path, status, body, cache] of cases) {
      const answer = await gateway.app.inject({
        url: path,
        headers: { host: new URL(gateway.url).host },
      })
      assert.equal(answer.statusCode, status, `${path}: ${answer.body}`)
      assert.match(answer.body, body, path)
      assert.equal(answer.headers['cache-control'], cache, path)
    }
  })

  it('comes compressed when the build left a compressed sibling', async () => {
    const gateway = shared()
    const headers = { host: new URL(gateway.url).host, 'accept-encoding': 'gzip' }
    const answer = await gateway.app.inject({ url: '/assets/app-1a2b.js', headers })
    assert.deepEqual([answer.headers['content-encoding'], answer.body], ['gzip', 'compressed by the build'])
    assert.match(String(answer.headers['content-type']), /javascript/)
    assert.match(String(answer.headers.vary), /accept-encoding/i)
  })

  it('says what to do when it was not built', async (t) => {
    const gateway = await startHttpGateway(t, { change: () => ({ webRoot: '/nowhere/web/dist' }) })
    const answer = await gateway.call('/')
    assert.equal(answer.status, 404)
    assert.match(await answer.text(), /npm run build/)
  })
})

describe('probes', () => {
  it('say that it lives, whether it is ready, and what is wrong', async (t) => {
    const gateway = await startHttpGateway(t)
    assert.deepEqual(await (await gateway.call('/livez')).json(), { live: true })
    const edge = gateway.hosts.get('edge')
    assert.ok(edge)
    edge.faults.away = new HatchwayError('backend_unavailable', 'edge is down: /run/edge.sock')
    const answer = await gateway.call('/readyz')
    // One engine that is down does not take the gateway away.
    assert.equal(answer.status, 200)
    assert.deepEqual(await answer.json(), {
      ready: true,
      version: '0.0.0-test',
      parts: [
        { name: 'store', ok: true, required: true },
        { name: 'recordings', ok: true, required: true },
        { name: 'environment local', ok: true, required: false },
        {
          name: 'environment edge',
          ok: false,
          required: false,
          problem: 'The container engine cannot be reached',
          code: 'backend_unavailable',
        },
      ],
    })
    assert.equal(
      gateway.log.filter((line) => line.includes('not ready: edge is down: /run/edge.sock')).length,
      1,
    )
  })

  it('tell strangers neither paths nor sizes', async (t) => {
    const full = new HatchwayError('storage_full', 'The disk of /srv/data has 3.1 MiB free.')
    const gateway = await startHttpGateway(t, {
      change: ({ recordings }) => ({
        recordings: Object.assign(recordings, { check: () => Promise.reject(full) }),
      }),
    })
    const answer = await gateway.call('/readyz')
    assert.equal(answer.status, 503)
    const { parts } = (await answer.json()) as { parts: { name: string }[] }
    assert.deepEqual(
      parts.find(({ name }) => name === 'recordings'),
      {
        name: 'recordings',
        ok: false,
        required: true,
        problem: 'There is no room on the disk',
        code: 'storage_full',
      },
    )
    assert.ok(gateway.log.some((line) => line.includes('The disk of /srv/data has 3.1 MiB free.')))
  })

  it('count requests by route, never by address', async (t) => {
    const gateway = await startHttpGateway(t)
    const token = await gateway.issuer.token('ann')
    await gateway.call('/api/v1/targets/local/web-1', token)
    await gateway.call('/api/v1/targets/local/web-2', token)
    await gateway.call('/api/v1/sessions', token, { method: 'POST', body: '{"target":"local/web-1"}' })
    const text = await eventually(async () => {
      const answer = await gateway.call('/metrics')
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/)
      const told = await answer.text()
      // The prompt.
      return /^hatchway_output_bytes_total 2$/m.test(told) && told
    })
    assert.match(
      text,
      /hatchway_http_request_seconds_count\{method="GET",route="\/api\/v1\/targets\/\*",status="200"\} 2/,
    )
    assert.match(text, /^hatchway_sessions_live 1$/m)
    assert.match(text, /^nodejs_eventloop_lag_seconds /m)
    assert.ok(!text.includes('web-1'))
  })
})

describe('the sample', () => {
  it('is offered and started for those who may open it', async (t) => {
    let started = 0
    const sample = {
      ref: 'local/hatchway-sample',
      target: { environment: 'local', name: 'hatchway-sample', labels: {} },
      available: async () => true,
      start: async () => {
        started += 1
      },
    }
    const gateway = await startHttpGateway(t, { change: () => ({ sample }) })
    const token = await gateway.issuer.token('ann')
    const offer = { available: true, ref: 'local/hatchway-sample' }
    assert.deepEqual(await (await gateway.call('/api/v1/sample', token)).json(), offer)
    const answer = await gateway.call('/api/v1/sample', token, { method: 'POST' })
    assert.deepEqual([answer.status, await answer.json(), started], [201, offer, 1])
  })
})
