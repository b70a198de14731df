import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it, mock } from 'node:test'
import { exportJWK, SignJWT } from 'jose'
import {
  createTokenVerifier,
  type IssuerOptions,
  type TokenVerifier,
} from '../../server/auth/verify-token.ts'
import type { ClaimNames } from '../../server/auth/read-claims.ts'
import { HatchwayError } from '../../server/core/errors.ts'
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts'

const claims = { subject: 'sub', name: 'name', groups: 'groups' }
const secret = 'a shared secret of thirty-two bytes'
const part = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token put together by hand, for what no library signs. */
function forge(header: object, payload: object | string, signer: (input: string) => Buffer): string {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${signer(input).toString('base64url')}`
}
const hmac = (key: string | Buffer) => (input: string) => createHmac('sha256', key).update(input).digest()
const ecdsa = (key: KeyObject) => (input: string) =>
  signBytes('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })

async function assertRefused(
  verifier: TokenVerifier,
  token: string,
  words: RegExp,
  code = 'token_invalid',
): Promise<void> {
  await assert.rejects(verifier.verify(token), (error) => {
    assert.ok(error instanceof HatchwayError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, words)
    const parts = token.split('.').filter((text) => text.length > 8)
    assert.ok(!parts.some((text) => error.message.includes(text)), 'the words must not hold the token')
    return true
  })
}

let issuer: TokenIssuer
let options: IssuerOptions
let verifier: TokenVerifier
const now = () => Math.floor(Date.now() / 1000)

before(async () => {
  issuer = await startTokenIssuer()
  const keys = { kind: 'jwksUri', url: issuer.jwksUri } as const
  options = { issuer: issuer.issuer, audience: ['hatchway'], keys, claims, prefix: '' }
})
after(() => issuer.close())
beforeEach(() => {
  verifier = createTokenVerifier([options])
})

describe('a good token', () => {
  it('says who it is, for each kind of key', async () => {
    for (const alg of ['ES256', 'RS256']) {
      const token = await issuer.sign(
        { sub: 'ada', name: 'Ada L.', groups: ['sre', 'dev'], exp: now() + 60 },
        { alg },
      )
      const who = await verifier.verify(token)
      assert.deepEqual(
        { ...who, expiresAt: undefined },
        {
          subject: 'ada',
          name: 'Ada L.',
          groups: ['sre', 'dev'],
          issuer: issuer.issuer,
          expiresAt: undefined,
        },
      )
      assert.ok(Math.abs(who.expiresAt.getTime() - Date.now() - 60_000) < 2000)
    }
  })

  it('may be typed JWT, at+jwt, or not at all', async () => {
    for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', undefined]) {
      assert.equal((await verifier.verify(await issuer.sign({}, { typ }))).subject, 'ada')
    }
  })

  it('may have several audiences', async () => {
    assert.equal((await verifier.verify(await issuer.sign({ aud: ['other', 'hatchway'] }))).subject, 'ada')
  })
})

describe('RFC 8725: algorithms', () => {
  const payload = () => ({ iss: issuer.issuer, aud: 'hatchway', sub: 'root', exp: now() + 300 })

  it('refuses alg none, in any spelling', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      await assertRefused(verifier, `${part({ alg, typ: 'JWT' })}.${part(payload())}.`, /algorithm|usable/)
    }
  })

  it('refuses a public key used as an HMAC secret', async () => {
    const jwk = issuer.keys.find(({ alg }) => alg === 'RS256')
    assert.ok(jwk)
    for (const guess of [JSON.stringify(jwk), jwk.n ?? '', Buffer.from(jwk.n ?? '', 'base64url')]) {
      const token = forge({ alg: 'HS256', typ: 'JWT', kid: jwk.kid }, payload(), hmac(guess))
      await assertRefused(verifier, token, /algorithm/)
    }
  })

  it('refuses an asymmetric signature where a secret is configured, and other HMACs', async () => {
    const shared = createTokenVerifier([{ ...options, keys: { kind: 'secret', secret } }])
    await assertRefused(shared, await issuer.sign(), /algorithm/)
    const good = forge({ alg: 'HS256' }, payload(), hmac(secret))
    assert.equal((await shared.verify(good)).subject, 'root')
    const longer = await new SignJWT(payload())
      .setProtectedHeader({ alg: 'HS512' })
      .sign(Buffer.alloc(64, secret))
    await assertRefused(shared, longer, /algorithm/)
  })

  it('refuses algorithms that are not on the list', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...(await exportJWK(publicKey)), kid: 'a' }
    const local = createTokenVerifier([{ ...options, keys: { kind: 'jwks', jwks: { keys: [jwk] } } }])
    for (const alg of ['RS512', 'PS512']) {
      const token = await new SignJWT(payload()).setProtectedHeader({ alg, kid: 'a' }).sign(privateKey)
      await assertRefused(local, token, /algorithm/)
    }
  })

  it('refuses to be set up with a secret below 32 bytes, without an audience, or with a skew above 60 s', () => {
    const short = { ...options, keys: { kind: 'secret', secret: 'x'.repeat(31) } } as const
    assert.throws(() => createTokenVerifier([short]), /32 bytes/)
    assert.throws(() => createTokenVerifier([{ ...options, audience: [] }]), /audience/)
    assert.throws(() => createTokenVerifier([options], { clockSkewSeconds: 61 }), /60 seconds/)
    assert.throws(() => createTokenVerifier([options, options]), /twice/)
  })
})

describe('RFC 8725: keys come from the configuration alone', () => {
  it('ignores keys that a header brings or points to', async (t) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = await exportJWK(publicKey)
    const kid = issuer.keys.find(({ alg }) => alg === 'ES256')?.kid
    const elsewhere = await startTokenIssuer()
    t.after(() => elsewhere.close())
    const payload = { iss: issuer.issuer, aud: 'hatchway', sub: 'root', exp: now() + 300 }
    const headers = [{ jwk }, { jku: elsewhere.jwksUri }, { x5u: elsewhere.jwksUri }, { x5c: ['MIIB'] }]
    for (const header of headers) {
      await assertRefused(
        verifier,
        forge({ alg: 'ES256', kid, ...header }, payload, ecdsa(privateKey)),
        /not signed by/,
      )
    }
    assert.equal(elsewhere.requests, 0)
  })

  it('takes a kid for nothing but a name', async () => {
    for (const kid of [
      '../../../../dev/null',
      "' OR 1=1 --",
      '__proto__',
      'constructor',
      '',
      'x'.repeat(2000),
    ]) {
      await assertRefused(verifier, await issuer.sign({}, { kid }), /does not publish/)
    }
    await assertRefused(
      verifier,
      forge({ alg: 'ES256', kid: 7 }, { iss: issuer.issuer }, hmac('')),
      /usable|publish/,
    )
  })

  it('refuses a changed payload', async () => {
    const [header = '', , signature = ''] = (await issuer.sign()).split('.')
    const payload = part({ iss: issuer.issuer, aud: 'hatchway', sub: 'root', exp: now() + 300 })
    await assertRefused(verifier, `${header}.${payload}.${signature}`, /not signed by/)
  })

  it('refuses critical extensions and unencoded payloads', async () => {
    const payload = { iss: issuer.issuer, aud: 'hatchway', sub: 'root', exp: now() + 300 }
    await assertRefused(verifier, forge({ alg: 'ES256', crit: ['exp'], exp: 1 }, payload, hmac('')), /crit/)
    await assertRefused(verifier, forge({ alg: 'ES256', crit: [] }, payload, hmac('')), /crit/)
    await assertRefused(verifier, forge({ alg: 'ES256', b64: false }, payload, hmac('')), /b64/)
  })
})

describe('RFC 8725: claims and types', () => {
  it('keeps other kinds of JWT out by typ', async () => {
    for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'JOSE', '', 7]) {
      await assertRefused(verifier, await issuer.sign({}, { typ }), /typ/)
    }
  })

  it('refuses what is not a JWT, without looking far', async () => {
    for (const text of [
      '',
      'x',
      'a.b',
      'a.b.c',
      'a.b.c.d.e',
      '....',
      `${part({})}.${part('[]')}.`,
      `${part('nul')}.e.e`,
    ]) {
      await assertRefused(verifier, text, /not a signed JWT/)
    }
    await assertRefused(
      verifier,
      `${part({ alg: 'ES256' })}.${part({ iss: 'x', pad: 'y'.repeat(16_384) })}.c`,
      /16 KiB/,
    )
  })

  it('refuses a token of an issuer that is not configured, or of none', async () => {
    await assertRefused(
      verifier,
      await issuer.sign({ iss: 'https://evil.example' }),
      /not configured here \(https:\/\/evil/,
    )
    await assertRefused(verifier, await issuer.sign({ iss: undefined }), /issuer that is not configured/)
    await assertRefused(
      verifier,
      await issuer.sign({ iss: `${issuer.issuer}/` }),
      /issuer that is not configured/,
    )
  })

  it("does not accept one issuer's signature for another's name", async (t) => {
    const other = await startTokenIssuer()
    t.after(() => other.close())
    const both = createTokenVerifier([
      options,
      { ...options, issuer: other.issuer, keys: { kind: 'jwksUri', url: other.jwksUri }, prefix: 'other:' },
    ])
    await assertRefused(both, await issuer.sign({ iss: other.issuer }), /does not publish/)
    const who = await both.verify(await other.sign({ groups: ['sre'] }))
    assert.equal(who.subject, 'other:ada')
    assert.deepEqual(who.groups, ['other:sre'])
  })

  it('refuses another audience, or none', async () => {
    for (const aud of ['other', ['other'], [], '', 'hatchway2']) {
      await assertRefused(verifier, await issuer.sign({ aud }), /another audience, not for hatchway/)
    }
    await assertRefused(verifier, await issuer.sign({ aud: undefined }), /lacks the claim aud/)
  })

  it('refuses an expired token in plain words, and one that never expires', async () => {
    const exp = now() - 31
    const at = new Date(exp * 1000).toISOString()
    await assert.rejects(verifier.verify(await issuer.sign({ exp })), {
      code: 'token_invalid',
      message: `The token expired at ${at}; sign in again.`,
    })
    await assertRefused(verifier, await issuer.sign({ exp: undefined }), /lacks the claim exp/)
    await assertRefused(verifier, await issuer.sign({ exp: 1e300 }), /not a date/)
    const text = forge(
      { alg: 'HS256' },
      { iss: 'x', aud: 'hatchway', sub: 'a', exp: '9999999999' },
      hmac(secret),
    )
    const shared = createTokenVerifier([{ ...options, issuer: 'x', keys: { kind: 'secret', secret } }])
    await assertRefused(shared, text, /unusable claim exp/)
  })

  it('allows for clocks that differ, but only so far', async () => {
    assert.ok(await verifier.verify(await issuer.sign({ exp: now() - 25 })))
    assert.ok(await verifier.verify(await issuer.sign({ nbf: now() + 25 })))
    await assertRefused(verifier, await issuer.sign({ nbf: now() + 40 }), /not valid yet/)
    const exact = createTokenVerifier([options], { clockSkewSeconds: 0 })
    await assertRefused(exact, await issuer.sign({ exp: now() - 2 }), /expired/)
  })

  it('refuses tokens that are older than allowed', async () => {
    const strict = createTokenVerifier([{ ...options, maxTokenAgeSeconds: 600 }])
    assert.ok(await strict.verify(await issuer.sign({ iat: now() - 500 })))
    await assertRefused(strict, await issuer.sign({ iat: now() - 700 }), /too old/)
    await assertRefused(strict, await issuer.sign({ iat: undefined }), /lacks the claim iat/)
    await assertRefused(strict, await issuer.sign({ iat: now() + 700 }), /in the future/)
  })
})

describe('claims mapping', () => {
  const verifyWith = async (names: Partial<ClaimNames>, values: Record<string, unknown>) => {
    const mapped = createTokenVerifier([{ ...options, claims: { ...claims, ...names } }])
    return mapped.verify(await issuer.sign(values))
  }

  it('follows dotted paths, and prefers a claim with exactly that name', async () => {
    const nested = await verifyWith({ groups: 'realm_access.roles' }, { realm_access: { roles: ['a'] } })
    assert.deepEqual(nested.groups, ['a'])
    const namespaced = await verifyWith(
      { groups: 'https://example.com/groups', subject: 'email' },
      { 'https://example.com/groups': ['b'], email: 'ada@example.com' },
    )
    assert.deepEqual([namespaced.subject, namespaced.groups], ['ada@example.com', ['b']])
    assert.deepEqual((await verifyWith({ groups: 'constructor.name' }, {})).groups, [])
  })

  it('reads groups as a list or as text, and takes missing ones for none', async () => {
    // AD FS and others send a text where there is only one group.
    assert.deepEqual((await verifyWith({}, { groups: 'Domain Admins' })).groups, ['Domain Admins'])
    assert.deepEqual((await verifyWith({}, { groups: 'a b,c,  d' })).groups, ['a b', 'c', 'd'])
    const spaced = await verifyWith({ separator: 'spaces' }, { groups: 'a b,c,  d' })
    assert.deepEqual(spaced.groups, ['a', 'b', 'c', 'd'])
    const whole = await verifyWith({ separator: 'none' }, { groups: 'CN=Ops,OU=x' })
    assert.deepEqual(whole.groups, ['CN=Ops,OU=x'])
    assert.deepEqual((await verifyWith({}, { groups: null })).groups, [])
    assert.deepEqual((await verifyWith({}, { groups: ['', 'a'] })).groups, ['a'])
    // A rule may deny by a pattern that a long name fits.
    assert.deepEqual((await verifyWith({}, { groups: ['x'.repeat(300), 'a'] })).groups, [
      'x'.repeat(300),
      'a',
    ])
    assert.deepEqual((await verifyWith({}, { groups: ['two words', 'two words'] })).groups, ['two words'])
    assert.deepEqual((await verifyWith({}, { groups: '' })).groups, [])
    assert.deepEqual((await verifyWith({}, {})).groups, [])
  })

  it('takes keys with dots as a list', async () => {
    const values = { resource_access: { 'my.client': { roles: ['sre'] } } }
    const path = ['resource_access', 'my.client', 'roles']
    assert.deepEqual((await verifyWith({ groups: path }, values)).groups, ['sre'])
    assert.deepEqual((await verifyWith({ groups: ['resource_access', '__proto__'] }, values)).groups, [])
  })

  it('refuses a token that says that its groups are elsewhere', async () => {
    const sources = { _claim_sources: { src1: { endpoint: 'https://graph.example/getMemberObjects' } } }
    const refused = { code: 'groups_left_out', message: /too many for a token/ }
    for (const left of [
      { _claim_names: { groups: 'src1' }, ...sources },
      { _claim_names: { groups: 'src1' }, groups: [], ...sources },
      { hasgroups: true },
      { hasgroups: 'true', groups: null },
      { 'groups:src1': 'https://graph.example/x' },
    ])
      await assert.rejects(verifyWith({}, left), refused, JSON.stringify(left))
    const nested = { groups: ['realm', 'roles'] }
    await assert.rejects(verifyWith(nested, { _claim_names: { realm: 'src1' } }), refused)
    // What is not asked for may be anywhere, and groups that are there are there.
    const roles = { _claim_names: { groups: 'src1' }, hasgroups: true, roles: ['sre'] }
    assert.deepEqual((await verifyWith({ groups: 'roles' }, roles)).groups, ['sre'])
    assert.deepEqual((await verifyWith({ groups: 'roles' }, { ...roles, roles: undefined })).groups, [])
    assert.deepEqual((await verifyWith({}, { hasgroups: true, groups: ['a'] })).groups, ['a'])
    assert.deepEqual((await verifyWith({}, { hasgroups: false })).groups, [])
  })

  it('refuses groups of any other form', async () => {
    for (const groups of [7, true, { admin: true }, ['a', 7], [['a']], ['a\nb'], Array(1001).fill('g')]) {
      await assert.rejects(
        verifyWith({}, { groups }),
        { code: 'token_invalid' },
        JSON.stringify(groups)?.slice(0, 40),
      )
    }
  })

  it('refuses a missing or unusable subject, and shows the subject where the name is', async () => {
    for (const sub of [undefined, '', 'a\u0000b', 'a\u202eb', 'x'.repeat(256)]) {
      await assert.rejects(verifyWith({}, { sub }), { code: 'token_invalid' })
    }
    for (const name of [undefined, '', 7, 'a\u001b[31mb']) {
      assert.equal((await verifyWith({}, { name })).name, 'ada')
    }
  })
})

describe('keys by URL', () => {
  it('follows a rotation, but asks again for an unknown key only after the cooldown', async (t) => {
    const rotating = await startTokenIssuer()
    t.after(() => rotating.close())
    const keys = { kind: 'jwksUri', url: rotating.jwksUri } as const
    const verifier = createTokenVerifier([{ ...options, issuer: rotating.issuer, keys }])
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    try {
      const old = await rotating.sign()
      await verifier.verify(old)
      await verifier.verify(old)
      assert.equal(rotating.requests, 1)
      await rotating.rotate()
      const fresh = await rotating.sign()
      await assertRefused(verifier, fresh, /does not publish; if it was just rotated/)
      await assertRefused(verifier, fresh, /does not publish/)
      assert.equal(rotating.requests, 1)
      mock.timers.tick(31_000)
      assert.equal((await verifier.verify(fresh)).subject, 'ada')
      assert.equal(rotating.requests, 2)
      await assertRefused(verifier, old, /does not publish/)
    } finally {
      mock.timers.reset()
    }
  })

  it('says clearly when the issuer is unreachable, does not hammer it, and recovers', async (t) => {
    const failing = await startTokenIssuer()
    t.after(() => failing.close())
    const keys = { kind: 'jwksUri', url: failing.jwksUri } as const
    const verifier = createTokenVerifier([{ ...options, issuer: failing.issuer, keys }])
    const token = await failing.sign()
    failing.down()
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    try {
      for (let attempt = 0; attempt < 5; attempt++) {
        await assertRefused(
          verifier,
          token,
          /keys of http:\/\/127\.0\.0\.1:\d+ are not available .*could not be fetched.* may be good/,
          'provider_unavailable',
        )
      }
      assert.equal(failing.requests, 1)
      failing.up()
      mock.timers.tick(5001)
      assert.equal((await verifier.verify(token)).subject, 'ada')
    } finally {
      mock.timers.reset()
    }
  })

  it('gives up on an issuer that does not answer in time', async (t) => {
    const { createServer } = await import('node:http')
    const server = createServer(() => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as { port: number }
    const keys = { kind: 'jwksUri', url: `http://127.0.0.1:${port}/` } as const
    const verifier = createTokenVerifier([{ ...options, keys }], { remote: { timeoutMs: 200 } })
    await assertRefused(verifier, await issuer.sign(), /did not answer within 0\.2 s/, 'provider_unavailable')
  })

  it('follows no redirect and reads no page of errors as keys', async (t) => {
    const { createServer } = await import('node:http')
    const answers: Record<string, [number, string]> = {
      '/moved': [302, ''],
      '/html': [200, '<html>'],
      '/big': [200, JSON.stringify({ keys: [], pad: 'x'.repeat(2 ** 20) })],
      '/list': [200, '[]'],
    }
    const server = createServer(({ url = '' }, response) => {
      const [status, body] = answers[url] ?? [500, '']
      response.writeHead(status, { location: issuer.jwksUri }).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as { port: number }
    for (const path of Object.keys(answers)) {
      const keys = { kind: 'jwksUri', url: `http://127.0.0.1:${port}${path}` } as const
      await assertRefused(
        createTokenVerifier([{ ...options, keys }]),
        await issuer.sign(),
        /are not available/,
        'provider_unavailable',
      )
    }
  })
})

describe('keys by file', () => {
  it('reads them again when the file changes, and trusts no key that is gone', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-jwks-'))
    const path = join(directory, 'jwks.json')
    const rotating = await startTokenIssuer()
    t.after(() => rotating.close())
    const file = { ...options, issuer: rotating.issuer, keys: { kind: 'jwksFile', path } } as const
    const verifier = createTokenVerifier([file])
    const old = await rotating.sign()
    await assertRefused(verifier, old, /jwks\.json could not be used/, 'provider_unavailable')
    await writeFile(path, JSON.stringify({ keys: rotating.keys }))
    assert.equal((await verifier.verify(old)).subject, 'ada')
    await rotating.rotate()
    await writeFile(path, JSON.stringify({ keys: rotating.keys, changed: true }))
    assert.equal((await verifier.verify(await rotating.sign())).subject, 'ada')
    await assertRefused(verifier, old, /does not publish/)
    await writeFile(path, '{broken')
    await assertRefused(
      verifier,
      await rotating.sign(),
      /jwks\.json could not be used/,
      'provider_unavailable',
    )
    await rm(directory, { recursive: true })
  })
})
