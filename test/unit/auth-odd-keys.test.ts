import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { it } from 'node:test'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { createTokenVerifier } from '../../server/auth/verify-token.ts'
import { HatchwayError } from '../../server/core/errors.ts'

it('an issuer whose key set is odd makes its tokens refused in words, and nothing else', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const key = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  let body = ''
  const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = await new SignJWT({ sub: 'jane' })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setIssuer(issuer)
    .setAudience('hatchway')
    .setExpirationTime('5m')
    .sign(privateKey)
  const ask = async (answer: string) => {
    body = answer
    const claims = { subject: 'sub', name: 'name', groups: 'groups' }
    const keys = { kind: 'jwksUri', url: `${issuer}/jwks` } as const
    return await createTokenVerifier([{ issuer, audience: ['hatchway'], keys, claims, prefix: '' }]).verify(
      token,
    )
  }
  assert.equal((await ask(JSON.stringify({ keys: [key] }))).subject, 'jane')
  const parts = Object.keys(key).flatMap((part) =>
    [null, undefined, 7, [null], {}].map((value) => ({ keys: [{ ...key, [part]: value }] })),
  )
  const answers = [
    null,
    7,
    'text',
    [],
    {},
    { keys: null },
    { keys: 7 },
    { keys: [null] },
    { keys: [{}] },
    ...parts,
  ]
  for (const answer of ['', '<html>', '{"keys":', ...answers.map((answer) => JSON.stringify(answer))]) {
    const failure = await ask(answer).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    assert.ok(failure === undefined || failure instanceof HatchwayError, answer)
  }
})
