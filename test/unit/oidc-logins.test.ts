import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it, mock } from 'node:test'
import { createOidc, type Oidc } from '../../server/auth/oidc.ts'
import { createSealedBox } from '../../server/auth/sealed-box.ts'
import type { Principal } from '../../server/core/policy.ts'
import type { BrowserLogin } from '../../server/core/sign-ins.ts'
import type { Store } from '../../server/core/store.ts'
import { createAuditTrail } from '../../server/gateway/audit-trail.ts'
import { secretFiles } from '../../server/store/secret-files.ts'
import { openSqliteStore } from '../../server/store/sqlite-store.ts'
import { clientId, clientSecret, OpenidProvider } from '../support/openid-provider.ts'
import { WebVisitor } from '../support/web-visitor.ts'

const gatewayUrl = 'http://127.0.0.1:1'

let dir: string
let provider: OpenidProvider
let store: Store
let oidc: Oidc
const renewed: Principal[] = []
const problems: string[] = []
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hatchway-logins-'))
  provider = await OpenidProvider.start()
  await provider.register(gatewayUrl)
  store = await openSqliteStore({ path: join(dir, 'hatchway.db') })
  oidc = createOidc({
    options: {
      issuer: provider.issuer,
      name: 'Example',
      clientId,
      clientSecret,
      parameters: {},
      claims: { subject: 'sub', name: 'name', groups: 'groups' },
      prefix: 'example:',
      refreshEverySeconds: 300,
      maxSignInSeconds: 3600,
    },
    clockSkewSeconds: 30,
    box: await createSealedBox(secretFiles(join(dir, 'secrets'))),
    store,
    audit: createAuditTrail(store),
    onProblem: (what) => problems.push(what),
    onRenewed: (who) => renewed.push(who),
  })
})
after(async () => {
  await store.close()
  await provider.close()
  await rm(dir, { recursive: true })
})
afterEach(() => {
  mock.timers.reset()
  provider.reset()
})

/** jane signs in now; resolves with her stored login. */
async function signIn(): Promise<BrowserLogin> {
  const visitor = new WebVisitor()
  const redirectUri = `${gatewayUrl}/api/v1/auth/oidc/callback`
  const { url, pending } = await oidc.start({ redirectUri })
  const stop = (at: URL) => at.origin === gatewayUrl
  const form = (await visitor.go(url)).url
  const { url: callback } = await visitor.go(form.href, { form: { login: 'jane' }, stop })
  const arrival = await oidc.finish({ query: callback.search.slice(1), pending })
  await arrival.save()
  const [login] = await store.findLogins({ issuer: provider.issuer, subject: 'example:jane' })
  assert.ok(login)
  return login
}

/** Now is so many seconds later, for everybody in this process. */
function later(seconds: number): void {
  mock.timers.enable({ apis: ['Date'], now: Date.now() + seconds * 1000 })
}

describe('logins of a provider', () => {
  afterEach(async () => {
    for (const { idHash } of await store.findLogins({ issuer: provider.issuer, subject: 'example:jane' }))
      await store.deleteLogin(idHash)
  })

  it('are renewed half a minute before the word of the provider runs out, and not sooner', async () => {
    const login = await signIn()
    const asked = provider.grants
    later(265)
    assert.deepEqual(await oidc.logins.renew(login), login)
    assert.equal(provider.grants, asked)
    mock.timers.reset()
    later(275)
    const again = await oidc.logins.renew(login)
    assert.equal(provider.grants, asked + 1)
    assert.ok((again?.principal.expiresAt.getTime() ?? 0) > Date.now() + 290_000)
    assert.deepEqual(again?.provider?.endsAt, login.provider?.endsAt)
    assert.deepEqual(await store.getLogin(login.idHash), again)
    const who = renewed.at(-1)
    assert.deepEqual([who?.subject, who?.groups], ['example:jane', ['example:sre']])
  })

  it('are renewed with the refresh token that is kept, not with one that the caller read before', async () => {
    const login = await signIn()
    later(275)
    const first = await oidc.logins.renew(login)
    const asked = provider.grants
    // A request that read its row before the first one was through: its refresh token is spent.
    assert.deepEqual(await oidc.logins.renew(login), first)
    assert.equal(provider.grants, asked)
    assert.ok(await store.getLogin(login.idHash))
  })

  it('are over when they were signed out meanwhile, or by their own end', async () => {
    const login = await signIn()
    later(3601)
    const asked = provider.grants
    assert.equal(await oidc.logins.renew(login), undefined)
    mock.timers.reset()
    await store.deleteLogin(login.idHash)
    later(275)
    assert.equal(await oidc.logins.renew(login), undefined)
    assert.equal(provider.grants, asked)
  })

  it('knock at a silent provider no more often than every 5 seconds', async () => {
    const login = await signIn()
    later(310)
    provider.settings.failing = { path: '/token', status: 503 }
    const asked = provider.grants
    for (let count = 0; count < 5; count++)
      await assert.rejects(oidc.logins.renew(login), { code: 'provider_unavailable' })
    assert.equal(provider.grants, asked + 1)
    assert.equal(problems.at(-1), 'a sign-in could not be renewed')
    mock.timers.reset()
    later(320)
    provider.reset()
    assert.ok(await oidc.logins.renew(login))
  })
})
