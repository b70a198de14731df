import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeProtectedHeader } from 'jose'
import { createBrowserLogin, findBrowserLogin, hashCookie } from '../../server/auth/browser-login.ts'
import { createLocalIssuer } from '../../server/auth/local-issuer.ts'
import { createOneTimeCodes } from '../../server/auth/one-time-link.ts'
import { createTokenVerifier } from '../../server/auth/verify-token.ts'
import { createWsTickets } from '../../server/auth/ws-tickets.ts'
import type { Principal } from '../../server/core/policy.ts'
import type { GetOrCreateSecret } from '../../server/core/secrets.ts'
import type { BrowserLogin } from '../../server/core/sign-ins.ts'

const ada: Principal = {
  subject: 'ada',
  name: 'Ada',
  groups: ['sre'],
  issuer: 'https://idp.example.com',
  expiresAt: new Date(Date.now() + 3_600_000),
}

function keepInMemory(): GetOrCreateSecret {
  const kept = new Map<string, string>()
  return (name, create) => {
    const value = kept.get(name) ?? create()
    kept.set(name, value)
    return Promise.resolve(value)
  }
}

describe('the local issuer', () => {
  const names = { issuer: 'urn:hatchway:local', audience: 'hatchway' }

  it('issues tokens that its own verifier accepts, also after a restart', async () => {
    const getOrCreateSecret = keepInMemory()
    const first = await createLocalIssuer({ getOrCreateSecret, ...names })
    const token = await first.issue({ subject: 'ada', name: 'Ada', groups: ['sre'], ttlSeconds: 60 })
    const second = await createLocalIssuer({ getOrCreateSecret, ...names })
    const who = await createTokenVerifier([second.issuerOptions]).verify(token)
    assert.deepEqual([who.subject, who.name, who.groups, who.issuer], ['ada', 'Ada', ['sre'], names.issuer])
    assert.ok(Math.abs(who.expiresAt.getTime() - Date.now() - 60_000) < 2000)
    assert.equal(decodeProtectedHeader(token).typ, 'JWT')
  })

  it('hands out only the public key, and is not accepted by another installation', async () => {
    const one = await createLocalIssuer({ getOrCreateSecret: keepInMemory(), ...names })
    const other = await createLocalIssuer({ getOrCreateSecret: keepInMemory(), ...names })
    assert.ok(!/"d":/.test(JSON.stringify(one.issuerOptions)))
    const token = await one.issue({ subject: 'ada', name: 'Ada', groups: [], ttlSeconds: 60 })
    await assert.rejects(createTokenVerifier([other.issuerOptions]).verify(token), { code: 'token_invalid' })
  })
})

describe('one-time codes', () => {
  it('work exactly once', () => {
    const codes = createOneTimeCodes()
    const { code } = codes.mint()
    assert.match(code, /^[\w-]{43}$/)
    assert.equal(codes.redeem(`${code}x`), false)
    assert.equal(codes.redeem(''), false)
    assert.equal(codes.redeem(code), true)
    assert.equal(codes.redeem(code), false)
  })

  it('expire after 15 minutes, and leave others alone', () => {
    let now = 0
    const codes = createOneTimeCodes({ now: () => now })
    const first = codes.mint()
    assert.equal(first.expiresAt.getTime(), 900_000)
    now = 600_000
    const second = codes.mint()
    now = 900_000
    assert.equal(codes.redeem(first.code), false)
    assert.equal(codes.redeem(second.code), true)
  })

  it('are bounded in number, dropping the oldest', () => {
    const codes = createOneTimeCodes()
    const first = codes.mint()
    const rest = Array.from({ length: 20 }, () => codes.mint())
    assert.equal(codes.redeem(first.code), false)
    assert.ok(rest.every(({ code }) => codes.redeem(code)))
  })
})

describe('browser logins', () => {
  it('give the browser a random cookie and the store only its hash', async () => {
    const { cookie, login } = createBrowserLogin(ada)
    assert.match(cookie, /^[\w-]{43}$/)
    assert.equal(login.idHash, hashCookie(cookie))
    assert.ok(!JSON.stringify(login).includes(cookie))
    assert.notEqual(createBrowserLogin(ada).cookie, cookie)
    const store = { getLogin: (hash: string) => Promise.resolve(hash === login.idHash ? login : undefined) }
    assert.deepEqual(await findBrowserLogin(cookie, store), login)
    assert.equal(await findBrowserLogin(createBrowserLogin(ada).cookie, store), undefined)
  })

  it('end with the token that they began with', async () => {
    const { cookie, login } = createBrowserLogin(ada)
    const store = { getLogin: () => Promise.resolve(login) }
    assert.equal(await findBrowserLogin(cookie, store, ada.expiresAt), undefined)
  })

  it('ask the store for nothing that was never given out', async () => {
    const store = { getLogin: (): Promise<BrowserLogin> => Promise.reject(new Error('asked')) }
    for (const cookie of ['', 'x', 'x'.repeat(10_000), `${'a'.repeat(42)};`, `${'a'.repeat(43)}\n`]) {
      assert.equal(await findBrowserLogin(cookie, store), undefined)
    }
  })
})

describe('tickets for the terminal', () => {
  it('work once, for their session, for whoever asked', () => {
    const tickets = createWsTickets()
    const { ticket } = tickets.issue('s1', ada)
    assert.equal(tickets.redeem('wrong', 's1'), undefined)
    assert.deepEqual(tickets.redeem(ticket, 's1'), { who: ada })
    assert.equal(tickets.redeem(ticket, 's1'), undefined)
  })

  it('are spent by an attempt on another session', () => {
    const tickets = createWsTickets()
    const { ticket } = tickets.issue('s1', ada)
    assert.equal(tickets.redeem(ticket, 's2'), undefined)
    assert.equal(tickets.redeem(ticket, 's1'), undefined)
  })

  it('expire after 30 seconds, and with the token', () => {
    let now = 0
    const tickets = createWsTickets({ now: () => now })
    const late = tickets.issue('s1', ada)
    assert.equal(late.expiresAt.getTime(), 30_000)
    now = 30_000
    assert.equal(tickets.redeem(late.ticket, 's1'), undefined)
    const short = tickets.issue('s1', { ...ada, expiresAt: new Date(35_000) })
    now = 36_000
    assert.equal(tickets.redeem(short.ticket, 's1'), undefined)
  })

  it('are bounded in number, and room comes back with time', () => {
    let now = 0
    const tickets = createWsTickets({ now: () => now })
    const first = tickets.issue('s1', ada)
    for (let count = 1; count < 10_000; count++) tickets.issue('s1', ada)
    assert.throws(() => tickets.issue('s1', ada), { code: 'too_many_requests' })
    assert.deepEqual(tickets.redeem(first.ticket, 's1'), { who: ada })
    assert.ok(tickets.issue('s1', ada))
    now = 30_000
    for (let count = 0; count < 10_000; count++) tickets.issue('s1', ada)
  })
})
