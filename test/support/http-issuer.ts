import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import type { Cleanup } from './cleanup.ts'

/** A real JWKS over HTTP, and tokens that it signed. */
export async function startIssuer(t: Cleanup) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    /** A token of `subject`, good for `seconds`. */
    token(
      subject: string,
      options: { groups?: string[]; seconds?: number; audience?: string } = {},
    ): Promise<string> {
      const { groups = [], seconds = 600, audience = 'hatchway' } = options
      const now = Math.floor(Date.now() / 1000)
      return new SignJWT({ groups, name: `${subject} by name` })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subject)
        .setIssuedAt(now)
        .setExpirationTime(now + seconds)
        .sign(privateKey)
    },
  }
}
