import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { SignInGround } from '../support/sign-in-ground.ts'
import { WebVisitor } from '../support/web-visitor.ts'

interface AuditItem {
  kind: string
  who?: { subject: string }
  reason?: string
  detail?: Record<string, unknown>
}

let ground: SignInGround
before(async () => (ground = await SignInGround.start()))
after(() => ground.stop())
afterEach(() => ground.provider.reset())

const cookie = (visitor: WebVisitor) => visitor.jar(ground.gateway.url).get('hatchway')

/** What the sign-in page is told. */
function problemOf(url: URL): { problem: string | null; next: string | null } {
  assert.equal(url.origin + url.pathname, `${ground.gateway.url}/signin`)
  assert.match(url.searchParams.get('request') ?? '', /^[\da-f-]{36}$/)
  return { problem: url.searchParams.get('problem'), next: url.searchParams.get('next') }
}

async function lastAudit(kind: string): Promise<AuditItem | undefined> {
  const { items } = await ground.gateway.api<{ items: AuditItem[] }>('GET', `/audit?kind=${kind}&limit=1`)
  return items[0]
}

describe('sign-in by an identity provider', () => {
  it('leads back to the link that was followed, signed in, with name and groups', async () => {
    const visitor = new WebVisitor()
    const link = '/debug/local/web-1?toolbox=netshoot&reason=INC-1234&run=heap'
    assert.equal((await ground.signIn(visitor, link)).href, ground.gateway.url + link)
    const { status, body } = await ground.me(visitor)
    assert.equal(status, 200)
    assert.deepEqual(
      [body['subject'], body['name'], body['groups'], body['issuer']],
      ['jane', 'Jane Doe', ['sre'], ground.provider.issuer],
    )
    const endsIn = Date.parse(String(body['signInEndsAt'])) - Date.now()
    assert.ok(Math.abs(endsIn - 12 * 3_600_000) < 60_000)
    const event = await lastAudit('signed-in')
    assert.deepEqual([event?.who?.subject, event?.detail], ['jane', { method: 'provider' }])
  })

  it('asks for a code with PKCE, state and nonce, and for no more than the provider offers', async () => {
    const response = await new WebVisitor().fetch(ground.startUrl())
    assert.equal(response.status, 303)
    const url = new URL(response.headers.get('location') ?? '')
    assert.equal(url.origin, ground.provider.issuer)
    const query = Object.fromEntries(url.searchParams)
    assert.deepEqual(
      [query['response_type'], query['code_challenge_method'], query['scope'], query['client_id']],
      ['code', 'S256', 'openid profile groups offline_access', 'hatchway'],
    )
    assert.equal(query['redirect_uri'], `${ground.gateway.url}/api/v1/auth/oidc/callback`)
    for (const name of ['state', 'nonce', 'code_challenge'])
      assert.match(query[name] ?? '', /^[\w-]{43}$/, name)
  })

  it('sets cookies that scripts do not get: Lax for the way to the provider, Strict for the sign-in', async () => {
    const visitor = new WebVisitor()
    const started = await visitor.fetch(ground.startUrl())
    const [pending = ''] = started.headers.getSetCookie()
    assert.match(
      pending,
      /^hatchway-sign-in-[\da-f]{12}=[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const form = (await visitor.go(started.headers.get('location') ?? '')).url
    const callback = await ground.answer(visitor, form)
    const answer = await visitor.fetch(callback.href)
    const set = answer.headers.getSetCookie()
    assert.ok(
      set.some((line) =>
        /^hatchway=[\w-]{43}; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/.test(line),
      ),
    )
    assert.ok(set.some((line) => /^hatchway-sign-in-[\da-f]{12}=; .*Expires=Thu, 01 Jan 1970/.test(line)))
  })

  it('is offered, before everything else', async () => {
    const answer = await fetch(`${ground.gateway.url}/api/v1/auth/options`)
    assert.deepEqual(await answer.json(), {
      methods: ['provider', 'token'],
      provider: { name: 'Example SSO' },
    })
  })

  it('takes groups from userinfo where the ID token has none', async () => {
    ground.provider.settings.groupsInUserInfoOnly = true
    const visitor = new WebVisitor()
    await ground.signIn(visitor)
    const { body } = await ground.me(visitor)
    assert.deepEqual([body['name'], body['groups']], ['Jane Doe', ['sre']])
    assert.ok(ground.provider.requests.includes('GET /me'))
  })

  it('takes several links at once, each to its own page', async () => {
    const visitor = new WebVisitor()
    const first = await ground.toProvider(visitor, '/debug/local/a')
    const second = await ground.toProvider(visitor, '/debug/local/b')
    const toFirst = await ground.answer(visitor, first)
    const toSecond = await ground.answer(visitor, second)
    assert.equal((await ground.finish(visitor, toSecond)).pathname, '/debug/local/b')
    assert.equal((await ground.finish(visitor, toFirst)).pathname, '/debug/local/a')
    assert.equal((await ground.me(visitor)).status, 200)
  })

  it('keeps no more than a handful of sign-ins under way in one browser', async () => {
    const visitor = new WebVisitor()
    for (let count = 0; count < 12; count++) await visitor.fetch(ground.startUrl())
    assert.ok(visitor.jar(ground.gateway.url).size <= 5, String(visitor.jar(ground.gateway.url).size))
  })

  it('goes on when the provider changes its keys', async () => {
    await ground.signIn(new WebVisitor())
    await ground.provider.rotateKeys()
    const visitor = new WebVisitor()
    // Keys are looked up again at most once a second.
    await eventually(async () => (await ground.signIn(visitor)).pathname === '/')
    assert.equal((await ground.me(visitor)).status, 200)
  })
})

describe('what is wrong with a sign-in', () => {
  const withAnswer = async (change: (callback: URL) => void, visitor = new WebVisitor()) => {
    const callback = await ground.answer(visitor, await ground.toProvider(visitor, '/debug/local/x'))
    change(callback)
    return ground.finish(visitor, callback)
  }

  it('refuses an answer with another state, without one, or without the cookie of its start', async () => {
    for (const change of [
      (url: URL) => url.searchParams.set('state', 'a'.repeat(43)),
      (url: URL) => url.searchParams.delete('state'),
      (url: URL) => url.searchParams.append('state', 'second'),
    ]) {
      const { problem } = problemOf(await withAnswer(change))
      assert.ok(['sign_in_stale', 'provider_answer_invalid'].includes(problem ?? ''), String(problem))
    }
    const visitor = new WebVisitor()
    const callback = await ground.answer(visitor, await ground.toProvider(visitor))
    const thief = new WebVisitor()
    assert.equal(problemOf(await ground.finish(thief, callback)).problem, 'sign_in_stale')
    assert.equal((await ground.me(thief)).status, 401)
  })

  it('refuses to end one sign-in with the answer to another', async () => {
    const attacker = new WebVisitor()
    const theirs = await ground.answer(attacker, await ground.toProvider(attacker))
    const visitor = new WebVisitor()
    const mine = await ground.answer(visitor, await ground.toProvider(visitor))
    const state = mine.searchParams.get('state') ?? ''
    const code = theirs.searchParams.get('code') ?? ''
    const forged = new URL(mine)
    forged.searchParams.set('code', code)
    assert.equal(forged.searchParams.get('state'), state)
    // Their code with this browser's state: PKCE and nonce belong to the other one.
    assert.equal(problemOf(await ground.finish(visitor, forged)).problem, 'sign_in_stale')
    assert.equal((await ground.me(visitor)).status, 401)
  })

  it('takes a code once', async () => {
    const visitor = new WebVisitor()
    await ground.toProvider(visitor)
    const jar = visitor.jar(ground.gateway.url)
    const [[name, pending] = ['', '']] = jar
    const callback = await ground.answer(visitor, await ground.toProvider(visitor))
    const keptJar = new Map(jar)
    assert.equal((await ground.finish(visitor, callback)).pathname, '/')
    for (const [each, value] of keptJar) jar.set(each, value)
    assert.equal(problemOf(await ground.finish(visitor, callback)).problem, 'sign_in_stale')
    assert.ok(name !== '' && pending !== '')
    const event = await lastAudit('sign-in-failed')
    assert.match(event?.reason ?? '', /did not accept the code of this sign-in: it was used before/)
  })

  it('refuses an answer that says that it is of another provider (mix-up), and sends its code nowhere', async () => {
    const before = ground.provider.grants
    const there = await withAnswer((url) => url.searchParams.set('iss', 'https://evil.example'))
    assert.deepEqual(problemOf(there), { problem: 'sign_in_mixed_up', next: '/debug/local/x' })
    // This provider always says who it is.
    assert.equal(
      problemOf(await withAnswer((url) => url.searchParams.delete('iss'))).problem,
      'provider_answer_invalid',
    )
    assert.equal(ground.provider.grants, before)
  })

  it('says that the provider let nobody in, and keeps the link', async () => {
    const visitor = new WebVisitor()
    const form = await ground.toProvider(visitor, '/debug/local/x?reason=a%20b')
    const stop = (url: URL) => url.pathname.endsWith('/oidc/callback')
    const { url } = await visitor.go(form.href, { form: { abort: 'yes' }, stop })
    const there = await ground.finish(visitor, url)
    assert.deepEqual(problemOf(there), { problem: 'sign_in_denied', next: '/debug/local/x?reason=a%20b' })
    const event = await lastAudit('sign-in-failed')
    assert.match(event?.reason ?? '', /did not let you in \(access_denied\)/)
    assert.equal(event?.detail?.['request'], there.searchParams.get('request'))
  })

  const seconds = () => Math.floor(Date.now() / 1000)
  const tampered: [string, Record<string, unknown>, string, RegExp][] = [
    ['another audience', { aud: 'mail' }, 'provider_answer_invalid', /\(aud\)/],
    ['another nonce', { nonce: 'a'.repeat(43) }, 'provider_answer_invalid', /\(nonce\)/],
    ['no nonce', { nonce: undefined }, 'provider_answer_invalid', /was not accepted/],
    ['another issuer', { iss: 'https://evil.example' }, 'provider_answer_invalid', /\(iss\)/],
    ['a subject that is no text', { sub: 7 }, 'provider_answer_invalid', /was not accepted/],
    ['a clock that is ahead', { iat: seconds() + 3600, exp: seconds() + 7200 }, 'clocks_differ', /clock/],
    ['a clock that is behind', { iat: seconds() - 7200, exp: seconds() - 3600 }, 'clocks_differ', /clock/],
    ['an old token', { iat: seconds() - 1200 }, 'clocks_differ', /clock/],
  ]
  for (const [name, change, problem, words] of tampered) {
    it(`refuses an ID token with ${name}`, async () => {
      ground.provider.settings.tamper = (claims) => ({ ...claims, ...change })
      const visitor = new WebVisitor()
      assert.equal(problemOf(await ground.signIn(visitor)).problem, problem)
      assert.match((await lastAudit('sign-in-failed'))?.reason ?? '', words)
      assert.equal((await ground.me(visitor)).status, 401)
    })
  }

  it('says that the provider is down: when it is asked to start, and when it has answered', async () => {
    const visitor = new WebVisitor()
    const callback = await ground.answer(visitor, await ground.toProvider(visitor, '/debug/local/x'))
    ground.provider.down()
    const there = await ground.finish(visitor, callback)
    assert.deepEqual(problemOf(there), { problem: 'provider_unavailable', next: '/debug/local/x' })
    ground.provider.up()
    ground.provider.settings.failing = { path: '/token', status: 500 }
    assert.equal(problemOf(await ground.signIn(new WebVisitor())).problem, 'provider_unavailable')
    // Metadata that were read once stay good, so a start still works.
    ground.provider.down()
    assert.equal((await new WebVisitor().fetch(ground.startUrl())).status, 303)
  })

  it('says that the gateway is not known as it thinks', async () => {
    ground.provider.settings.failing = { path: '/token', status: 404 }
    assert.equal(problemOf(await ground.signIn(new WebVisitor())).problem, 'provider_unavailable')
  })

  const elsewhere = [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/.//evil.example',
    '/%0d%0aSet-Cookie:a=b\r\nx',
    '/x\u0000',
    'javascript:alert(1)',
    '/api/v1/auth/oidc/start?return=/',
    '/signin?next=/',
  ]
  for (const [index, link] of elsewhere.entries()) {
    it(`leads nowhere but to this site: ${JSON.stringify(link)}`, async () => {
      const visitor = new WebVisitor()
      const there = await ground.signIn(visitor, link)
      assert.equal(there.origin, ground.gateway.url, String(index))
      assert.ok(there.pathname === '/', there.href)
    })
  }

  it('keeps secrets out of addresses, log and audit log', async () => {
    await ground.signIn(new WebVisitor())
    const log = ground.gateway.log
    assert.ok(!/eyJ[\w-]{20}/.test(log), 'a token')
    assert.ok(!log.includes('the-secret-of-the-test-client'))
    assert.doesNotMatch(log, /[^\n]*[?&]code=[^\n]*/)
    const { items } = await ground.gateway.api<{ items: unknown[] }>('GET', '/audit?limit=200')
    assert.ok(!/eyJ[\w-]{20}|the-secret-of/.test(JSON.stringify(items)))
  })
})

describe('the sign-in of a browser', () => {
  it('gets a fresh id: a cookie that was planted before signs nobody in, and the one before is gone', async () => {
    const visitor = new WebVisitor()
    const planted = 'a'.repeat(43)
    visitor.jar(ground.gateway.url).set('hatchway', planted)
    await ground.signIn(visitor)
    const first = cookie(visitor)
    assert.notEqual(first, planted)
    await ground.signIn(visitor)
    assert.notEqual(cookie(visitor), first)
    assert.equal((await ground.me(visitor)).status, 200)
    const thief = new WebVisitor()
    for (const id of [planted, first ?? '']) {
      thief.jar(ground.gateway.url).set('hatchway', id)
      assert.equal((await ground.me(thief)).status, 401)
    }
  })

  it('signs out of this browser alone, and gives the refresh token back', async () => {
    const [laptop, phone] = [new WebVisitor(), new WebVisitor()]
    await ground.signIn(laptop)
    await ground.signIn(phone)
    const headers = { origin: ground.gateway.url }
    const before = ground.provider.requests.length
    const out = await laptop.fetch(`${ground.gateway.url}/api/v1/auth/session`, { method: 'DELETE', headers })
    assert.equal(out.status, 204)
    assert.deepEqual([(await ground.me(laptop)).status, (await ground.me(phone)).status], [401, 200])
    await eventually(() => ground.provider.requests.slice(before).includes('POST /token/revocation'))
  })

  it('signs out everywhere, and goes on to the provider with a word about whom', async () => {
    const [laptop, phone] = [new WebVisitor(), new WebVisitor()]
    await ground.signIn(laptop)
    await ground.signIn(phone)
    const headers = { origin: ground.gateway.url }
    const out = await laptop.fetch(`${ground.gateway.url}/api/v1/auth/sessions`, {
      method: 'DELETE',
      headers,
    })
    const { continueAt } = (await out.json()) as { continueAt: string }
    assert.deepEqual([(await ground.me(laptop)).status, (await ground.me(phone)).status], [401, 401])
    const end = new URL(continueAt)
    assert.equal(end.origin, ground.provider.issuer)
    assert.equal(end.searchParams.get('post_logout_redirect_uri'), `${ground.gateway.url}/signin`)
    assert.match(end.searchParams.get('id_token_hint') ?? '', /^eyJ/)
    const page = await laptop.go(continueAt)
    assert.equal(page.status, 200, page.text)
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page.text) ?? []
    const [, action = ''] = /action="([^"]+)"/.exec(page.text) ?? []
    const there = await laptop.go(action, { form: { xsrf, logout: 'yes' } })
    assert.equal(there.url.href, `${ground.gateway.url}/signin`)
    // The provider has forgotten this browser too: it asks who it is.
    assert.match((await ground.toProvider(laptop)).pathname, /^\/interaction\//)
    assert.deepEqual((await lastAudit('signed-out'))?.detail, { everywhere: true })
  })

  it('is ended by the provider itself: a session, or all of a person (back-channel logout)', async () => {
    // Its own: answers of the provider are limited per minute.
    const ground = await SignInGround.start()
    try {
      const send = (token: string) => ground.sendLogout(token)
      const visitor = new WebVisitor()
      await ground.signIn(visitor)
      const { provider } = ground
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
      const refused: [string, string][] = [
        ['junk', 'junk'],
        ['another audience', await provider.logoutToken({ sub: 'jane', aud: 'mail' })],
        ['an ID token', await provider.logoutToken({ sub: 'jane', nonce: 'x' })],
        ['no event', await provider.logoutToken({ sub: 'jane', events: {} })],
        ['nobody', await provider.logoutToken({ events })],
        ['an old one', await provider.logoutToken({ sub: 'jane', iat: Math.floor(Date.now() / 1000) - 900 })],
      ]
      for (const [name, token] of refused) assert.equal(await send(token), 401, name)
      assert.equal(await send(await provider.logoutToken({ sub: 'somebody else' })), 200)
      assert.equal((await ground.me(visitor)).status, 200)
      assert.equal(await send(await provider.logoutToken({ sub: 'jane' })), 200)
      assert.equal((await ground.me(visitor)).status, 401)
    } finally {
      await ground.stop()
    }
  })

  it('has no token in the store, only sealed ones, under a key of its owner', async () => {
    await ground.signIn(new WebVisitor())
    const data = join(ground.gateway.directory, 'data')
    for (const name of await readdir(data)) {
      if (!name.startsWith('hatchway.db')) continue
      // Header and claims: three letters alone stand in sealed bytes by chance.
      assert.ok(!/eyJ[\w-]+\.eyJ/.test(await readFile(join(data, name), 'latin1')), name)
    }
    const key = await stat(join(data, 'secrets', 'sign-in-key'))
    assert.equal(key.mode & 0o777, 0o600)
  })
})

describe('the gateway without its provider', () => {
  it('starts, says so to whoever wants in, and lets them in once it is back', async () => {
    const own = await SignInGround.start()
    try {
      await own.gateway.down()
      own.provider.down()
      await own.gateway.up()
      const there = await own.finish(new WebVisitor(), new URL(own.startUrl('/debug/local/x')))
      assert.equal(there.pathname, '/signin')
      assert.deepEqual(
        [there.searchParams.get('problem'), there.searchParams.get('next')],
        ['provider_unavailable', '/debug/local/x'],
      )
      own.provider.up()
      const visitor = new WebVisitor()
      await eventually(async () => (await own.signIn(visitor)).pathname === '/')
      assert.equal((await own.me(visitor)).status, 200)
    } finally {
      await own.stop()
    }
  })
})
