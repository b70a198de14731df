/**
 * An identity provider may answer anything: it is broken, its proxy answers in its place, or somebody stands between. None of it ends the
 * process, waits without an end, or signs somebody in who is not meant; what comes of it is a problem that an operator can act on.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createOidc, type Oidc } from '../../server/auth/oidc.ts'
import type { NewLogin } from '../../server/core/authentication.ts'
import { createSealedBox } from '../../server/auth/sealed-box.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import type { Store } from '../../server/core/store.ts'
import { createAuditTrail } from '../../server/gateway/audit-trail.ts'
import { secretFiles } from '../../server/store/secret-files.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { OddProvider, type OddAnswer, type OddPath } from '../support/odd-provider.ts'
import { within } from '../support/within.ts'

const redirectUri = 'http://127.0.0.1:1/api/v1/auth/oidc/callback'

let directory: string
let store: Store
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-odd-'))
  store = await openSqliteStore({ path: join(directory, 'hatchway.db') })
})
after(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

interface Ground {
  provider: OddProvider
  oidc: Oidc
  problems: unknown[]
}

/** A provider, and a gateway that has not asked it for anything yet. */
async function ground(t: { after(fn: () => unknown): void }): Promise<Ground> {
  const provider = await OddProvider.start()
  t.after(() => provider.close())
  const problems: unknown[] = []
  const oidc = createOidc({
    options: {
      issuer: provider.issuer,
      name: 'Example',
      clientId: 'hatchway',
      clientSecret: 'a secret of the client',
      parameters: {},
      claims: { subject: 'sub', name: 'name', groups: 'groups' },
      prefix: '',
      refreshEverySeconds: 300,
      maxSignInSeconds: 3600,
    },
    clockSkewSeconds: 30,
    box: await createSealedBox(secretFiles(join(directory, 'secrets'))),
    store,
    audit: createAuditTrail(store),
    onProblem: (_what, cause) => problems.push(cause),
    onRenewed: () => undefined,
  })
  return { provider, oidc, problems }
}

async function signIn({ provider, oidc }: Ground): Promise<NewLogin> {
  const { url, pending } = await oidc.start({ redirectUri })
  const { searchParams } = new URL(url)
  provider.nonce = searchParams.get('nonce') ?? ''
  const query = new URLSearchParams({ code: 'a code', state: searchParams.get('state') ?? '' })
  return await oidc.finish({ query: query.toString(), pending })
}

/** Either it was good enough, or it is a problem in words, which tell no secret. */
async function outcome<T>(work: Promise<T>, what: string): Promise<T | HatchwayError> {
  const result = await within(
    work.catch((cause: unknown) => cause as HatchwayError),
    what,
    15_000,
  )
  if (!(result instanceof Error)) return result
  assert.ok(result instanceof HatchwayError, `${what}: ${result.stack}`)
  assert.notEqual(result.code, 'internal_error', what)
  assert.ok(result.message.length < 600, `${what}: ${result.message.slice(0, 700)}`)
  assert.doesNotMatch(
    result.message,
    /is not a function|undefined|Cannot read|a secret|an access token/,
    what,
  )
  return result
}

const raw =
  (body: string | Buffer, { status = 200, type = 'application/json' } = {}): OddAnswer =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': type }).end(body)

function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const more = () => {
    while (!response.destroyed && response.write(' '.repeat(64 * 1024)));
  }
  response.on('drain', more)
  more()
}

/** Whether the gateway asks there once and keeps the answer: the next case needs another gateway. */
const isKept = (path: OddPath) => path === 'discovery' || path === 'jwks'

/** What any of its addresses may answer in place of an object. */
const whole: readonly (readonly [string, OddAnswer])[] = [
  ...[null, 7, 'text', true, [], [{}], {}].map((json) => [JSON.stringify(json), { json }] as const),
  ['nothing', raw('')],
  ['half an object', raw('{"issuer":')],
  ['a page', raw('<!doctype html><title>Sign in</title>', { type: 'text/html' })],
  ['a page that is called JSON', raw('<!doctype html>')],
  ['bytes', raw(Buffer.from([0xff, 0xfe, 0, 0x80]))],
  ['500', raw('{}', { status: 500 })],
  ['404', raw('not here', { status: 404, type: 'text/plain' })],
  ['401', (_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="proxy"' }).end()],
  ['204', (_, response) => response.writeHead(204).end()],
  ['a redirect', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
  ['an error of another shape', raw('{"error":{"code":7}}', { status: 400 })],
  ['a long error', raw(JSON.stringify({ error: 'x'.repeat(100_000) }), { status: 400 })],
  ['2 MiB', raw(JSON.stringify({ issuer: 'x'.repeat(2 * 1024 ** 2) }))],
  ['no end', (_, response) => endless(response)],
  ['great depth', raw(`{"groups":${'['.repeat(200_000)}${']'.repeat(200_000)}}`)],
  ['a cut line', (_, response) => response.socket?.destroy()],
]

const wrong = [
  null,
  7,
  -1,
  1e308,
  '',
  'text',
  true,
  [],
  [null],
  {},
  'javascript:alert(1)',
  'x'.repeat(100_000),
]

describe('an OpenID provider that answers oddly', () => {
  it('signs jane in where it does not', async (t) => {
    const { who } = await signIn(await ground(t))
    assert.deepEqual([who.subject, who.name, who.groups], ['jane', 'Jane', ['staff']])
  })

  for (const path of ['discovery', 'token', 'userinfo', 'jwks'] as const) {
    it(`has it said in words at its ${path}, and nobody is signed in`, async (t) => {
      let on = await ground(t)
      for (const [name, odd] of whole) {
        if (isKept(path)) on = await ground(t)
        on.provider.odd.set(path, odd)
        const result = await outcome(signIn(on), `${path}: ${name}`)
        assert.ok(result instanceof HatchwayError, `${path}: ${name} signed ${JSON.stringify(result)} in`)
      }
    })
  }

  /** Each field of an answer in turn, with each wrong value: it is refused in words, or it does no harm. */
  async function fields(
    t: { after(fn: () => unknown): void },
    path: OddPath,
    usual: readonly string[],
    odd: (on: Ground, change: Record<string, unknown>) => OddAnswer | undefined,
  ): Promise<void> {
    let on = await ground(t)
    for (const field of usual) {
      for (const value of wrong) {
        const what = `${path}: ${field} ${JSON.stringify(value).slice(0, 30)}`
        if (isKept(path)) on = await ground(t)
        // The nonce is known only when the token is asked for.
        on.provider.odd.set(path, (request, response) => {
          const answer = odd(on, { [field]: value })
          if (typeof answer === 'function') answer(request, response)
        })
        const result = await outcome(signIn(on), what)
        // One text is one group: the provider alone says which there are.
        const groups = field === 'groups' && typeof value === 'string' ? [value] : ['staff']
        if (!(result instanceof HatchwayError)) isJane(result, groups, what)
      }
    }
  }

  function isJane({ who, endsAt }: NewLogin, groups: readonly string[], what: string): void {
    assert.equal(who.subject, 'jane', what)
    assert.ok(
      who.groups.every((group) => groups.includes(group)),
      `${what}: ${who.groups.join()}`,
    )
    for (const at of [who.expiresAt, endsAt]) {
      const seconds = (at.getTime() - Date.now()) / 1000
      assert.ok(seconds > -5 && seconds <= 3600, `${what}: it lasts for ${seconds} s`)
    }
  }

  const json = (body: unknown): OddAnswer => raw(JSON.stringify(body))

  it('has it said in words of each of its metadata', async (t) => {
    const names = Object.keys((await ground(t)).provider.metadata())
    const more = [
      ...names,
      'token_endpoint_auth_methods_supported',
      'authorization_response_iss_parameter_supported',
    ]
    await fields(t, 'discovery', more, ({ provider }, change) => json(provider.metadata(change)))
  })

  it('has it said in words of each part of what it gives for a code', async (t) => {
    const names = ['access_token', 'token_type', 'expires_in', 'refresh_token', 'id_token', 'scope', 'error']
    await fields(t, 'token', names, ({ provider }, change) => (_, response) => {
      void provider
        .tokens(change)
        .then((tokens) => response.setHeader('content-type', 'application/json').end(JSON.stringify(tokens)))
    })
  })

  it('has it said in words of each claim of its ID token', async (t) => {
    const names = [
      'iss',
      'aud',
      'azp',
      'sub',
      'iat',
      'exp',
      'nbf',
      'nonce',
      'auth_time',
      'sid',
      'name',
      'groups',
      'acr',
      'amr',
      'at_hash',
    ]
    await fields(t, 'token', names, ({ provider }, change) => (_, response) => {
      provider.claims = change
      void provider
        .tokens()
        .then((tokens) => response.setHeader('content-type', 'application/json').end(JSON.stringify(tokens)))
    })
  })

  it('has it said in words of each claim about the person', async (t) => {
    await fields(t, 'userinfo', ['sub', 'name', 'groups'], (_, change) =>
      json({ sub: 'jane', name: 'Jane', groups: ['staff'], ...change }),
    )
  })

  it('is told from one that speaks of somebody else, and from one whose tokens nobody could keep', async (t) => {
    const on = await ground(t)
    on.provider.odd.set('userinfo', { json: { sub: 'eve', name: 'Jane', groups: ['admins'] } })
    await assert.rejects(signIn(on), { code: 'provider_answer_invalid', message: /about somebody else/ })
    on.provider.odd.set('token', (_, response) => {
      void on.provider
        .tokens({ refresh_token: 'x'.repeat(70_000) })
        .then((tokens) => response.setHeader('content-type', 'application/json').end(JSON.stringify(tokens)))
    })
    await assert.rejects(signIn(on), { message: /its refresh_token is longer than 64 KiB/ })
  })

  it('keeps nobody from signing out, and its logout tokens end nobody whom they do not name', async (t) => {
    const on = await ground(t)
    const arrival = await signIn(on)
    const { id } = await arrival.save()
    const logins = await store.findLogins({ issuer: on.provider.issuer, subject: 'jane' })
    assert.equal(logins.length, 1)
    for (const [name, odd] of whole) {
      on.provider.odd.set('revoke', odd)
      for (const login of logins) await within(on.oidc.logins.revoke(login), `revoke: ${name}`)
    }
    assert.ok(on.problems.length > 0)
    for (const problem of on.problems) assert.ok(problem instanceof HatchwayError, String(problem))
    assert.match((await on.oidc.endSessionUrl(id, 'http://127.0.0.1:1/')) ?? '', /\/end\?/)
    for (const value of wrong) {
      const other = await ground(t)
      const metadata = other.provider.metadata({ end_session_endpoint: value })
      other.provider.odd.set('discovery', { json: metadata })
      const saved = await (await signIn(other)).save()
      assert.equal(await other.oidc.endSessionUrl(saved.id, 'http://127.0.0.1:1/'), undefined)
    }

    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const good = { events, jti: 'one', sub: undefined, sid: 'a session' }
    const order = await on.oidc.readLogout(await on.provider.sign(good))
    assert.deepEqual(order.query, { issuer: on.provider.issuer, providerSession: 'a session' })
    for (const field of ['iss', 'aud', 'iat', 'exp', 'nbf', 'events', 'jti', 'sid', 'sub', 'nonce']) {
      for (const value of wrong) {
        const what = `logout: ${field} ${JSON.stringify(value).slice(0, 30)}`
        const token = await on.provider.sign({ ...good, jti: what, [field]: value })
        const result = await outcome(on.oidc.readLogout(token), what)
        if (result instanceof HatchwayError) continue
        const named = field === 'sid' ? value : 'a session'
        assert.deepEqual(result.query, { issuer: on.provider.issuer, providerSession: named }, what)
        result.done()
        assert.equal((await on.oidc.readLogout(token)).query, undefined, `${what}, sent again`)
      }
    }
  })

  it('is not waited for longer than eight seconds, at any address', async (t) => {
    const hang = () => undefined
    const begun: OddAnswer = (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).write(' ')
    const waits = (['discovery', 'token', 'userinfo', 'jwks'] as const).flatMap((path) =>
      [hang, begun].map(async (odd) => {
        const on = await ground(t)
        on.provider.odd.set(path, odd)
        const result = await outcome(signIn(on), `${path} hangs`)
        assert.ok(result instanceof HatchwayError)
        assert.equal(result.code, 'provider_unavailable')
        assert.match(result.message, /within \d s|in time/)
      }),
    )
    await Promise.all(waits)
  })
})
