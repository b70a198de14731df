import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Problem } from '../../server/protocol/api.ts'
import { followDeviceLink } from '../support/device-visitor.ts'
import { eventually } from '../support/eventually.ts'
import { apiAudience, cliClientId, clientId, OpenidProvider } from '../support/openid-provider.ts'
import { SignInGround } from '../support/sign-in-ground.ts'
import { WebVisitor } from '../support/web-visitor.ts'

interface Tokens {
  access_token: string
  id_token: string
  refresh_token: string
}

let ground: SignInGround
before(async () => {
  const provider = await OpenidProvider.start()
  const { issuer } = provider
  const issuers = [{ issuer, audience: apiAudience, jwksUri: `${issuer}/jwks` }]
  const device = { clientId: cliClientId, resource: apiAudience }
  ground = await SignInGround.start({ device }, { auth: { issuers } }, provider)
})
after(() => ground.stop())
afterEach(() => ground.provider.reset())

const ask = async (path: string, form: Record<string, string>) => {
  const body = new URLSearchParams({ client_id: cliClientId, ...form })
  const response = await fetch(ground.provider.issuer + path, { method: 'POST', body })
  return { status: response.status, body: (await response.json()) as Record<string, string> & Tokens }
}

/** The tokens of a program that signed jane in by a device code, for `resource`. */
async function tokensFor(resource = apiAudience): Promise<Tokens> {
  const scope = 'openid profile groups offline_access'
  const { body: code } = await ask('/device/auth', { scope, resource })
  const page = await followDeviceLink(new WebVisitor(), code['verification_uri_complete'] ?? '', 'jane')
  assert.equal(page, 'signed in')
  const { status, body } = await ask('/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: code['device_code'] ?? '',
    resource,
  })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

async function call(token: string): Promise<{ status: number; body: Record<string, unknown> & Problem }> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${ground.gateway.url}/api/v1/me`, { headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & Problem }
}

describe("a provider's access token as a bearer", () => {
  it('is good for whom it names, with their groups, until it expires', async () => {
    const { access_token: token } = await tokensFor()
    const { status, body } = await call(token)
    assert.equal(status, 200)
    assert.deepEqual(
      [body['subject'], body['name'], body['groups'], body['issuer']],
      ['jane', 'Jane Doe', ['sre'], ground.provider.issuer],
    )
    const left = Date.parse(String(body['expiresAt'])) - Date.now()
    assert.ok(left > 3_500_000 && left <= 3_600_000)
  })

  it('of another audience is refused', async () => {
    const { access_token: token } = await tokensFor('urn:mail:api')
    const { status, body } = await call(token)
    assert.deepEqual([status, body.code], [401, 'token_invalid'])
    assert.match(body.detail, /another audience, not for urn:hatchway:api/)
  })

  it('is the only one of its tokens: neither an ID token nor a refresh token', async () => {
    const { id_token: idToken, refresh_token: refreshToken } = await tokensFor()
    for (const [token, words] of [
      [idToken, /another audience/],
      [refreshToken, /not a signed JWT/],
      [await ground.provider.logoutToken({ sub: 'jane', aud: apiAudience }), /another kind/],
    ] as const) {
      const { status, body } = await call(token)
      assert.deepEqual([status, body.code], [401, 'token_invalid'])
      assert.match(body.detail, words)
    }
  })

  it('signs a browser in, and an ID token does not: neither of a program nor of the gateway itself', async () => {
    const { access_token: token, id_token: idToken } = await tokensFor()
    // What the gateway got for a browser, as somebody would who saw it at the sign-out.
    const visitor = new WebVisitor()
    await ground.signIn(visitor)
    const out = await ground.call(visitor, 'DELETE', '/auth/sessions')
    const { continueAt } = (await out.json()) as { continueAt: string }
    const ownIdToken = new URL(continueAt).searchParams.get('id_token_hint') ?? ''
    assert.match(ownIdToken, /^eyJ/)
    const signIn = async (credential: string) =>
      (await ground.call(new WebVisitor(), 'POST', '/auth/session', { token: credential })).status
    assert.deepEqual([await signIn(token), await signIn(idToken), await signIn(ownIdToken)], [204, 401, 401])
  })

  it('ends with its time', async () => {
    // The allowed difference of clocks comes on top.
    const own = await SignInGround.start(
      { device: { clientId: cliClientId } },
      {
        auth: {
          clockSkew: '1s',
          issuers: [
            {
              issuer: ground.provider.issuer,
              audience: apiAudience,
              jwksUri: `${ground.provider.issuer}/jwks`,
            },
          ],
        },
      },
      ground.provider,
    )
    try {
      ground.provider.settings.accessTokenSeconds = 2
      const { access_token: token } = await tokensFor()
      const get = () =>
        fetch(`${own.gateway.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })
      assert.equal((await get()).status, 200)
      await eventually(async () => {
        const response = await get()
        return response.status === 401 && /expired at/.test(await response.text())
      })
    } finally {
      await own.gateway.stop()
      await ground.provider.register(ground.gateway.url)
    }
  })
})

describe('what a gateway tells programs that want to sign in', () => {
  it('is which provider, which client, for which audience', async () => {
    const options = await (await fetch(`${ground.gateway.url}/api/v1/auth/options`)).json()
    assert.deepEqual(options, {
      methods: ['provider', 'token'],
      provider: { name: 'Example SSO' },
      device: {
        issuer: ground.provider.issuer,
        clientId: cliClientId,
        scopes: ['openid', 'profile', 'offline_access'],
        resource: apiAudience,
        audiences: [apiAudience],
      },
    })
    assert.notEqual(clientId, cliClientId)
  })
})
