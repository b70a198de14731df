import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { compact, createSigningKey, encode, hmacToken, type SigningKey } from '../support/forged-token.ts'
import { TestGateway } from '../support/gateway.ts'
import { behindProxy, ManyAddresses } from '../support/many-addresses.ts'

const secret = 'a-shared-secret-of-more-than-32-bytes'
const first = 'urn:test:first'
const second = 'urn:test:second'
const shared = 'urn:test:shared'

let gateway: TestGateway
let attacker: ManyAddresses
let rsa: SigningKey
let ec: SigningKey
let other: SigningKey
let stranger: SigningKey
/** What was asked of a server that tokens point at. */
const fetched: string[] = []
let bait: Server
let baitUrl: string

before(async () => {
  rsa = createSigningKey('RS256', 'rsa-1')
  ec = createSigningKey('ES256', 'ec-1')
  other = createSigningKey('ES256', 'other-1')
  stranger = createSigningKey('ES256', 'ec-1')
  process.env['HATCHWAY_TEST_SHARED_SECRET'] = secret
  gateway = await startWithKeys()
  attacker = new ManyAddresses(gateway)
  bait = createServer((request, response) => {
    fetched.push(request.url ?? '')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: [stranger.jwk] }))
  })
  await new Promise<void>((resolve) => bait.listen(0, '127.0.0.1', resolve))
  baitUrl = `http://127.0.0.1:${(bait.address() as AddressInfo).port}`
})
after(async () => {
  await gateway.stop()
  bait.close()
  bait.closeAllConnections()
})

async function startWithKeys(): Promise<TestGateway> {
  const started = await TestGateway.start({
    auth: {
      samePeople: true,
      issuers: [
        { issuer: first, audience: 'hatchway', jwks: './first.json' },
        { issuer: second, audience: 'hatchway', jwks: './second.json', prefix: 'second:' },
        { issuer: shared, audience: 'hatchway', secret: { env: 'HATCHWAY_TEST_SHARED_SECRET' } },
      ],
    },
    config: behindProxy,
  })
  await writeFile(join(started.directory, 'first.json'), JSON.stringify({ keys: [rsa.jwk, ec.jwk] }))
  await writeFile(join(started.directory, 'second.json'), JSON.stringify({ keys: [other.jwk] }))
  return started
}

function claims(change: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000)
  return { iss: first, aud: 'hatchway', sub: 'root', iat: now, exp: now + 300, ...change }
}

async function present(token: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await attacker.fetch('/api/v1/me', { headers: { authorization: `Bearer ${token}` } })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

async function assertRefused(attacks: Record<string, string>): Promise<void> {
  for (const [what, token] of Object.entries(attacks)) {
    const { status, body } = await present(token)
    assert.deepEqual([status, body['code']], [401, 'token_invalid'], `${what}: ${JSON.stringify(body)}`)
    assert.ok(!JSON.stringify(body).includes(token.slice(-40)), `${what} is not repeated`)
  }
}

describe('a forged token', () => {
  it('has an honest brother, for each kind of key', async () => {
    for (const token of [rsa.sign(claims()), ec.sign(claims())])
      assert.equal((await present(token)).body['subject'], 'root')
    const hs = hmacToken(secret, { alg: 'HS256' }, claims({ iss: shared }))
    assert.equal((await present(hs)).body['subject'], 'root')
    assert.equal((await present(other.sign(claims({ iss: second })))).body['subject'], 'second:root')
  })

  it('does not get in without a signature, whatever it calls that (RFC 8725, 2.1)', async () => {
    const attacks: Record<string, string> = {}
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', ' ', 'none ', 'null', 'HS0']) {
      attacks[`alg ${alg}`] = compact({ alg, typ: 'JWT' }, claims())
      attacks[`alg ${alg} with a signature`] = compact({ alg }, claims(), Buffer.alloc(64))
      attacks[`alg ${alg} for the shared secret`] = compact({ alg }, claims({ iss: shared }))
    }
    attacks['no alg'] = compact({ typ: 'JWT' }, claims())
    attacks['alg null'] = compact('{"alg":null}', claims())
    attacks['alg twice'] = compact('{"alg":"ES256","alg":"none"}', claims())
    attacks['alg as a list'] = compact('{"alg":["none","ES256"]}', claims())
    attacks['ES256 of zeros'] = compact({ alg: 'ES256', kid: ec.kid }, claims(), Buffer.alloc(64))
    attacks['ES256 of nothing'] = compact({ alg: 'ES256', kid: ec.kid }, claims())
    attacks['RS256 of nothing'] = compact({ alg: 'RS256', kid: rsa.kid }, claims())
    await assertRefused(attacks)
  })

  it('does not get in with a public key for an HMAC secret, in any form of it', async () => {
    const attacks: Record<string, string> = {}
    for (const key of [rsa, ec]) {
      const forms: Record<string, Buffer | string> = {
        'PEM (spki)': key.publicKey.export({ format: 'pem', type: 'spki' }),
        'PEM without its last line end': key.publicKey
          .export({ format: 'pem', type: 'spki' })
          .toString()
          .trim(),
        DER: key.publicKey.export({ format: 'der', type: 'spki' }),
        JWK: JSON.stringify(key.jwk),
        'JWK as exported': JSON.stringify(key.publicKey.export({ format: 'jwk' })),
        'JWK set': JSON.stringify({ keys: [rsa.jwk, ec.jwk] }),
        'its number': Buffer.from(String(key.jwk['n'] ?? key.jwk['x']), 'base64url'),
      }
      for (const [form, bytes] of Object.entries(forms)) {
        for (const alg of ['HS256', 'HS384', 'HS512'])
          attacks[`${alg} by the ${form} of ${key.kid}`] = hmacToken(bytes, { alg, kid: key.kid }, claims())
      }
    }
    await assertRefused(attacks)
  })

  it('does not get in with a public-key algorithm where a secret is configured, or another HMAC', async () => {
    await assertRefused({
      ES256: ec.sign(claims({ iss: shared })),
      RS256: rsa.sign(claims({ iss: shared })),
      HS512: hmacToken(secret, { alg: 'HS512' }, claims({ iss: shared })),
      'HS384 over it': hmacToken(secret, { alg: 'HS384' }, claims({ iss: shared })),
      'an empty secret': hmacToken('', { alg: 'HS256' }, claims({ iss: shared })),
      'a guessed secret': hmacToken('secret', { alg: 'HS256' }, claims({ iss: shared })),
    })
  })

  it('gets nothing by a kid: no file, no query, no property of an object (RFC 8725, 3.10)', async () => {
    const kids: unknown[] = [
      '../../../../../../dev/null',
      '/dev/null',
      'file:///etc/passwd',
      "' OR '1'='1",
      "x' UNION SELECT 'k' --",
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'x'.repeat(9000),
      '\0',
      '',
      0,
      null,
      true,
      ['ec-1'],
      { toString: 'ec-1' },
    ]
    const attacks: Record<string, string> = {}
    for (const kid of kids) {
      const shown = JSON.stringify(kid).slice(0, 40)
      attacks[`kid ${shown} and an empty HMAC`] = hmacToken('', { alg: 'HS256', kid }, claims())
      attacks[`kid ${shown} and a stranger's key`] = stranger.sign(claims(), { kid })
    }
    // A file whose content everybody knows.
    const kid = '/proc/sys/kernel/ostype'
    attacks['a known file'] = hmacToken('Linux\n', { alg: 'HS256', kid }, claims())
    await assertRefused(attacks)
  })

  it('brings no key of its own, and points at none that is fetched (RFC 8725, 3.10)', async () => {
    const jwk = stranger.jwk
    const pem = String(stranger.publicKey.export({ format: 'pem', type: 'spki' }))
    const x5c = [pem.replaceAll(/-----[^-]+-----|\s/g, '')]
    const attacks: Record<string, string> = {}
    for (const [name, header] of Object.entries({
      jwk: { jwk },
      'jwk in place of kid': { jwk, kid: undefined },
      jku: { jku: `${baitUrl}/jku` },
      x5u: { x5u: `${baitUrl}/x5u` },
      x5c: { x5c },
      'all of them': { jwk, jku: `${baitUrl}/all`, x5u: `${baitUrl}/all`, x5c, x5t: 'a' },
      'kid as an address': { kid: `${baitUrl}/kid` },
      'iss-like claims': { iss: baitUrl, jku: `${baitUrl}/.well-known/jwks.json` },
    }))
      attacks[name] = stranger.sign(claims(), header)
    attacks['an issuer that is the bait'] = stranger.sign(claims({ iss: baitUrl }))
    await assertRefused(attacks)
    assert.deepEqual(fetched, [])
    // The bait works: whoever follows such a header would be counted.
    await (await fetch(`${baitUrl}/control`)).text()
    assert.deepEqual(fetched, ['/control'])
  })

  it('asks for no extension and for no other way to read it: crit, b64, typ (RFC 8725, 3.11)', async () => {
    const attacks: Record<string, string> = {}
    for (const [name, header] of Object.entries({
      'crit of something': { crit: ['urn:example:extension'], 'urn:example:extension': true },
      'crit of nothing': { crit: [] },
      'crit exp': { crit: ['exp'], exp: 1 },
      'b64 false': { b64: false },
      'b64 false, critical': { b64: false, crit: ['b64'] },
      'b64 true': { b64: true },
    }))
      attacks[name] = ec.sign(claims(), header)
    for (const typ of [
      'logout+jwt',
      'secevent+jwt',
      'dpop+jwt',
      'JWE',
      'id+jwt',
      'jwt ',
      '',
      1,
      null,
      ['JWT'],
    ])
      attacks[`typ ${JSON.stringify(typ)}`] = ec.sign(claims(), { typ })
    await assertRefused(attacks)
  })

  it('is a signed token of three parts and nothing else: no JWE, no nesting, no bomb', async () => {
    const good = ec.sign(claims())
    const [header = '', payload = '', signature = ''] = good.split('.')
    const bomb = deflateRawSync(Buffer.alloc(8 * 1024 * 1024))
    const jwe = { alg: 'dir', enc: 'A256GCM', zip: 'DEF' }
    await assertRefused({
      'a JWE': [encode(jwe), '', encode(Buffer.alloc(12)), encode(bomb), encode(Buffer.alloc(16))].join('.'),
      'a JWE by the shared secret': [encode({ alg: 'A256KW', enc: 'A256GCM' }), 'a', 'b', 'c', 'd'].join('.'),
      'a compressed payload': ec.sign('x', { zip: 'DEF' }).replace(/\.[^.]+\./, `.${encode(bomb)}.`),
      'a token in a token': ec.sign(good, { cty: 'JWT' }),
      'a token as a JSON text': ec.sign(JSON.stringify(good), { cty: 'JWT' }),
      'a list of claims': ec.sign(JSON.stringify([claims()])),
      'many dots': '.'.repeat(10_000),
      'two dots': '..',
      'four parts': `${good}.${signature}`,
      'an empty fourth part': `${good}.`,
      'two parts': `${header}.${payload}`,
      'no header': `.${payload}.${signature}`,
      'no payload': `${header}..${signature}`,
      'the JSON form': Buffer.from(JSON.stringify({ payload, protected: header, signature })).toString(
        'base64',
      ),
      'deep nesting': ec.sign(`${'['.repeat(5000)}${']'.repeat(5000)}`),
    })
  })

  it('is not even read when it is longer than any token', async () => {
    const long = ec.sign(claims({ pad: 'x'.repeat(12_400) }))
    assert.ok(long.length > 16 * 1024)
    const byHeader = await attacker.raw('GET', '/api/v1/me', { headers: { authorization: `Bearer ${long}` } })
    assert.deepEqual([byHeader.status, /"code":"too_large"/.test(byHeader.text)], [413, true])
    const body = JSON.stringify({ token: long })
    const headers = { 'content-type': 'application/json' }
    const bySignIn = await attacker.fetch('/api/v1/auth/session', { method: 'POST', headers, body })
    assert.equal(bySignIn.status, 400)
  })

  it('has one spelling: no padding, no other alphabet, no bits that say nothing', async () => {
    const good = ec.sign(claims())
    const [header = '', payload = '', signature = ''] = good.split('.')
    // 64 bytes leave four bits of the last character without a meaning.
    const last = signature.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const twin = alphabet[alphabet.indexOf(last) + 1] ?? ''
    await assertRefused({
      padding: `${good}==`,
      'padding inside': `${header}=.${payload}.${signature}`,
      'bits that say nothing': `${header}.${payload}.${signature.slice(0, -1)}${twin}`,
      'the other alphabet': ec
        .sign(claims(), { '?>~': '?>~?>~?>~' })
        .replaceAll('-', '+')
        .replaceAll('_', '/'),
      'a blank, encoded': `${header}.${payload}.%20${signature}`,
      'characters of no alphabet': `${header}.${payload}.${signature}!`,
    })
  })
})

describe('the claims of a well-signed token', () => {
  it('have to hold a date of expiry that is one', async () => {
    const attacks: Record<string, string> = {}
    for (const exp of [
      '"9999999999"',
      '-1',
      '0',
      '1e999',
      '1e300',
      '9e15',
      '8640000000001',
      'null',
      'true',
      '[]',
      '{}',
    ])
      attacks[`exp ${exp}`] = ec.sign(
        `${JSON.stringify(claims({ exp: undefined })).slice(0, -1)},"exp":${exp}}`,
      )
    attacks['no exp'] = ec.sign(claims({ exp: undefined }))
    attacks['an hour ago'] = ec.sign(claims({ exp: Math.floor(Date.now() / 1000) - 3600 }))
    attacks['not yet'] = ec.sign(claims({ nbf: Math.floor(Date.now() / 1000) + 3600 }))
    attacks['nbf as text'] = ec.sign(claims({ nbf: '0' }))
    await assertRefused(attacks)
  })

  it('have to name this gateway as their audience, and exactly it', async () => {
    const attacks: Record<string, string> = {}
    for (const aud of [
      'other',
      'HATCHWAY',
      'hatchway ',
      'hatchway,other',
      'hatch',
      '',
      [],
      ['other'],
      [['hatchway']],
      ['other', { hatchway: true }],
      { hatchway: true },
      { 0: 'hatchway', length: 1 },
      null,
      true,
      ['*'],
      undefined,
    ])
      attacks[`aud ${JSON.stringify(aud)}`] = ec.sign(claims({ aud }))
    await assertRefused(attacks)
  })

  it('have to be signed by the issuer that they name', async () => {
    await assertRefused({
      'the first by the key of the second': other.sign(claims({ iss: first })),
      'with the kid of the first': other.sign(claims({ iss: first }), { kid: ec.kid }),
      'the second by the key of the first': ec.sign(claims({ iss: second })),
      'the first by the secret': hmacToken(secret, { alg: 'HS256', kid: ec.kid }, claims()),
      'both, the last one counts': ec.sign(
        `{"iss":"${first}",${JSON.stringify(claims({ iss: second })).slice(1)}`,
      ),
      'a list': ec.sign(claims({ iss: [first] })),
      'a longer name': ec.sign(claims({ iss: `${first}/` })),
      'large letters': ec.sign(claims({ iss: first.toUpperCase() })),
      'a property of every object': ec.sign(claims({ iss: '__proto__' })),
      constructor: ec.sign(claims({ iss: 'constructor' })),
      nobody: ec.sign(claims({ iss: undefined })),
    })
  })

  it('are read the same way by whoever checks them and by whoever uses them', async () => {
    const twice = `{"sub":"nobody","iss":"${second}",${JSON.stringify(claims()).slice(1)}`
    const { status, body } = await present(ec.sign(twice))
    // Not of the second: the issuers without a prefix have the same people.
    assert.deepEqual([status, body['subject']], [200, 'root'])
    assert.notEqual(body['issuer'], second)
    const polluting = ec.sign(`{"__proto__":{"groups":["admins"]},${JSON.stringify(claims()).slice(1)}`)
    assert.deepEqual((await present(polluting)).body['groups'], [])
    const plain = await present(ec.sign(claims()))
    assert.deepEqual(plain.body['groups'], [])
  })

  it('do not let one issuer speak for the people of another', async () => {
    const { body } = await present(other.sign(claims({ iss: second, sub: 'root', groups: ['admins'] })))
    assert.deepEqual([body['subject'], body['groups']], ['second:root', ['second:admins']])
  })

  it('name people in characters that can be seen', async () => {
    const attacks: Record<string, string> = {}
    for (const sub of [
      'a\r\nb',
      'a\u0000',
      'a\u001B[2J',
      '\u202Eroot',
      'a\u2028b',
      '',
      1,
      null,
      ['root'],
      { a: 1 },
      'x'.repeat(256),
    ])
      attacks[`sub ${JSON.stringify(sub)}`] = ec.sign(claims({ sub }))
    attacks['a group of two lines'] = ec.sign(claims({ groups: ['a\nb'] }))
    attacks['too many groups'] = ec.sign(claims({ groups: Array.from({ length: 1001 }, (_, n) => `g${n}`) }))
    await assertRefused(attacks)
  })
})
