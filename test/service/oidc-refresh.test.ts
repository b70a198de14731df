import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { AuditList, Problem } from '../../server/protocol/api.ts'
import { eventually } from '../support/eventually.ts'
import { SignInGround } from '../support/sign-in-ground.ts'
import { WebVisitor } from '../support/web-visitor.ts'
import { within } from '../support/within.ts'

let ground: SignInGround
before(async () => (ground = await SignInGround.start()))
after(() => ground.stop())
afterEach(() => ground.provider.reset())

let people = 0

/** Somebody whom the provider has not seen yet, signed in for `seconds`, and due to be renewed a fifth before that. */
async function arrive(seconds: number, on = ground): Promise<{ visitor: WebVisitor; login: string }> {
  const login = `person-${++people}`
  on.provider.people.set(login, { name: login, groups: ['sre'] })
  on.provider.settings.accessTokenSeconds = seconds
  const visitor = new WebVisitor()
  assert.equal((await on.signIn(visitor, '/', login)).pathname, '/')
  return { visitor, login }
}

async function me(visitor: WebVisitor, on = ground) {
  const { status, body } = await on.me(visitor)
  assert.notEqual(status, 429, 'this test asks too often after a refusal')
  const time = (name: string) => Date.parse(String(body[name]))
  return {
    status,
    groups: body['groups'],
    code: (body as unknown as Problem).code,
    expiresAt: time('expiresAt'),
    signInEndsAt: time('signInEndsAt'),
  }
}

const reached = (moment: number) =>
  eventually(() => Date.now() >= moment, { timeoutMs: 20_000, what: 'the moment' })

/** Waits until the next request makes the gateway ask the provider again: well within the last fifth of its word. */
async function due(visitor: WebVisitor, seconds: number): Promise<void> {
  await reached((await me(visitor)).expiresAt - seconds * 100)
}

async function lastSignOut(): Promise<AuditList['items'][number] | undefined> {
  return (await ground.gateway.api<AuditList>('GET', '/audit?kind=signed-out&limit=1')).items[0]
}

describe('the silent refresh', () => {
  it('goes on past the end of the access token, again and again, and never beyond the sign-in', async () => {
    const { visitor } = await arrive(1)
    const first = await me(visitor)
    const ends = new Set<number>()
    await eventually(async () => {
      const { status, expiresAt, signInEndsAt } = await me(visitor)
      assert.deepEqual([status, signInEndsAt], [200, first.signInEndsAt])
      ends.add(expiresAt)
      return ends.size > 4
    })
    assert.ok(Date.now() > first.expiresAt + 1000)
  })

  it('happens once for requests that come at once, and keeps the refresh token that it got', async () => {
    const { visitor } = await arrive(2)
    await due(visitor, 2)
    for (const seconds of [2, 3600]) {
      // A provider that sees a spent refresh token ends everything that came of it.
      ground.provider.settings.accessTokenSeconds = seconds
      const before = ground.provider.grants
      const answers = await Promise.all(Array.from({ length: 20 }, () => me(visitor)))
      assert.ok(answers.every(({ status }) => status === 200))
      assert.equal(ground.provider.grants, before + 1)
      if (seconds === 2) await due(visitor, 2)
    }
    assert.ok((await me(visitor)).expiresAt > Date.now() + 200_000)
  })

  for (const groupsInUserInfoOnly of [false, true]) {
    it(`takes over changed groups${groupsInUserInfoOnly ? ' of userinfo' : ''}`, async () => {
      ground.provider.settings.groupsInUserInfoOnly = groupsInUserInfoOnly
      const { visitor, login } = await arrive(1)
      assert.deepEqual((await me(visitor)).groups, ['sre'])
      ground.provider.people.set(login, { name: login, groups: ['interns'] })
      await eventually(async () => (await me(visitor)).groups?.toString() === 'interns')
    })
  }

  it('takes keys that the provider has changed meanwhile', async () => {
    const { visitor } = await arrive(5)
    const before = await me(visitor)
    await ground.provider.rotateKeys()
    await due(visitor, 5)
    const { status, expiresAt } = await me(visitor)
    assert.equal(status, 200)
    // Good for its five seconds from when it was due, whatever the clock says by now.
    assert.ok(expiresAt > before.expiresAt + 3000)
  })

  it('makes nobody wait for a provider that hangs, while its last word is good', async () => {
    const { visitor } = await arrive(10)
    const { promise, resolve } = Promise.withResolvers<void>()
    ground.provider.settings.held = { path: '/token', until: promise }
    await due(visitor, 10)
    const { status } = await within(me(visitor), 'an answer', 5000)
    assert.equal(status, 200)
    resolve()
  })

  it('does not sign in again who signs out meanwhile, and gives the new refresh token back', async () => {
    const { visitor, login } = await arrive(5)
    const { promise, resolve } = Promise.withResolvers<void>()
    await due(visitor, 5)
    ground.provider.settings.held = { path: '/token', until: promise }
    const { storage, requests } = ground.provider
    const spent = storage.refreshTokensOf(login)
    const asking = me(visitor)
    await eventually(() => storage.refreshTokensOf(login) !== spent)
    const before = requests.length
    // Without the answer that clears its cookie.
    const copy = new WebVisitor()
    for (const [name, value] of visitor.jar(ground.gateway.url)) copy.jar(ground.gateway.url).set(name, value)
    assert.equal((await ground.call(copy, 'DELETE', '/auth/session')).status, 204)
    resolve()
    await asking
    assert.equal((await me(visitor)).status, 401)
    const back = () => requests.slice(before).filter((each) => each === 'POST /token/revocation').length
    await eventually(() => back() === 2 && storage.refreshTokensOf(login) === '')
  })
})

describe('a provider that says no', () => {
  it('ends the sign-in at once, says so in the audit log, and touches nobody else', async () => {
    const [{ visitor, login }, other] = [await arrive(1), await arrive(1)]
    ground.provider.storage.removeAccount(login)
    await eventually(async () => (await me(visitor)).status === 401)
    const event = await lastSignOut()
    assert.deepEqual([event?.who?.subject, event?.detail], [login, { by: 'identity provider' }])
    assert.match(event?.reason ?? '', /no longer stands for this sign-in \(invalid_grant\)/)
    assert.equal((await me(visitor)).code, 'unauthenticated')
    assert.equal((await me(other.visitor)).status, 200)
  })

  it('and one that speaks of another person', async () => {
    const { visitor } = await arrive(1)
    ground.provider.settings.tamper = (claims) => ({ ...claims, sub: 'jane' })
    await eventually(async () => (await me(visitor)).status === 401)
    assert.match((await lastSignOut())?.reason ?? '', /speaks of another person than before/)
  })
})

describe('a provider that gives no good answer', () => {
  it('down: its last word stays good until it runs out; then 503, and on as before once it is back', async () => {
    const { visitor } = await arrive(3)
    const { expiresAt } = await me(visitor)
    ground.provider.down()
    await reached(expiresAt - 400)
    assert.equal((await me(visitor)).status, 200)
    await reached(expiresAt)
    const { status, code } = await me(visitor)
    assert.deepEqual([status, code], [503, 'provider_unavailable'])
    ground.provider.up()
    await eventually(async () => (await me(visitor)).status === 200)
  })

  it('down after it gave new tokens: those are not lost', async () => {
    ground.provider.settings.groupsInUserInfoOnly = true
    const { visitor } = await arrive(1)
    ground.provider.settings.failing = { path: '/me', status: 500 }
    const before = ground.provider.grants
    await eventually(async () => (await me(visitor)).code === 'provider_unavailable')
    assert.equal(ground.provider.grants, before + 1)
    delete ground.provider.settings.failing
    await eventually(async () => (await me(visitor)).status === 200)
    assert.deepEqual((await me(visitor)).groups, ['sre'])
  })

  const seconds = () => Math.floor(Date.now() / 1000)
  // The refresh token of an answer that openid-client refuses is not believed either, and the one before is spent.
  const answers: [string, () => Record<string, unknown>, string, number][] = [
    ['for another audience', () => ({ aud: 'mail' }), 'provider_answer_invalid', 401],
    ['of another issuer', () => ({ iss: 'https://evil.example' }), 'provider_answer_invalid', 401],
    ['that has expired', () => ({ iat: seconds() - 7200, exp: seconds() - 3600 }), 'clocks_differ', 401],
    ['that is replayed', () => ({ iat: seconds() - 1200 }), 'clocks_differ', 200],
  ]
  for (const [name, change, problem, afterwards] of answers) {
    it(`an ID token ${name}: nothing of it is believed`, async () => {
      const { visitor } = await arrive(1)
      ground.provider.settings.tamper = (claims) => ({ ...claims, groups: ['admins'], ...change() })
      await eventually(async () => {
        const { status, groups, code } = await me(visitor)
        if (status === 200) assert.deepEqual(groups, ['sre'])
        return code === problem
      })
      delete ground.provider.settings.tamper
      await eventually(async () => (await me(visitor)).code !== problem)
      assert.equal((await me(visitor)).status, afterwards)
    })
  }
})

describe('the end of a sign-in', () => {
  it('comes with the access token where the provider gives no refresh token', async () => {
    ground.provider.settings.withoutRefreshTokens = true
    const { visitor } = await arrive(2)
    const { expiresAt, signInEndsAt } = await me(visitor)
    assert.equal(expiresAt, signInEndsAt)
    const before = ground.provider.grants
    await reached(expiresAt)
    assert.equal((await me(visitor)).code, 'unauthenticated')
    assert.equal(ground.provider.grants, before)
  })

  it('comes after maxSignIn, whatever the provider says', async () => {
    const own = await SignInGround.start({ maxSignIn: '3s' })
    try {
      const { visitor } = await arrive(1, own)
      const { signInEndsAt } = await me(visitor, own)
      assert.ok(signInEndsAt < Date.now() + 3000)
      await eventually(async () => {
        const { status, expiresAt } = await me(visitor, own)
        if (Date.now() >= signInEndsAt) return status === 401
        assert.ok(status === 401 || expiresAt <= signInEndsAt)
        return false
      })
      // Only a sign-in of its own brings back.
      const before = own.provider.grants
      assert.equal((await me(visitor, own)).status, 401)
      assert.equal(own.provider.grants, before)
    } finally {
      await own.stop()
    }
  })

  it('comes when the key is lost that its tokens are sealed with; nothing else breaks', async () => {
    const own = await SignInGround.start()
    try {
      const { visitor } = await arrive(3, own)
      const pending = new WebVisitor()
      const callback = await own.answer(pending, await own.toProvider(pending))
      await own.gateway.down()
      await rm(join(own.gateway.directory, 'data', 'secrets', 'sign-in-key'))
      await own.gateway.up()
      const there = await own.finish(pending, callback)
      assert.equal(there.searchParams.get('problem'), 'sign_in_stale')
      await eventually(async () => {
        const { status } = await me(visitor, own)
        assert.ok([200, 401].includes(status), String(status))
        return status === 401
      })
      await own.signIn(visitor)
      assert.equal((await me(visitor, own)).status, 200)
    } finally {
      await own.stop()
    }
  })
})
