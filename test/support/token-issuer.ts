import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose'

export type TestAlgorithm = 'ES256' | 'RS256'

/** A real issuer of JWTs: it publishes its keys over HTTP on a free loopback port. */
export interface TokenIssuer {
  /** The `iss` of its tokens. */
  readonly issuer: string
  readonly jwksUri: string
  /** How often its keys were asked for. */
  readonly requests: number
  /** The public keys as published now. */
  readonly keys: readonly JWK[]
  /**
   * Signs with the current key of the header's `alg` (default ES256). `iss`, `aud: hatchway`, `sub`, `iat` and an `exp` in five
   * minutes are filled in; a claim or header of `undefined` is left out.
   */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  /** Publishes new keys in place of the old ones, and signs with them from now on. */
  rotate(): Promise<void>
  /** From now on connections are cut, until `up`. */
  down(): void
  up(): void
  close(): Promise<void>
}

type Keys = Record<TestAlgorithm, { kid: string; privateKey: CryptoKey; publicJwk: JWK }>

export async function startTokenIssuer(): Promise<TokenIssuer> {
  let keys = await createKeys()
  let requests = 0
  let reachable = true
  const published = () => Object.values(keys).map(({ publicJwk }) => publicJwk)
  const server = createServer((request, response) => {
    requests++
    if (!reachable) {
      request.socket.destroy()
      return
    }
    response.setHeader('content-type', 'application/jwk-set+json')
    response.end(JSON.stringify({ keys: published() }))
  })
  const issuer = await listen(server)
  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    get requests() {
      return requests
    },
    get keys() {
      return published()
    },
    sign(claims = {}, header = {}) {
      const alg: TestAlgorithm = header['alg'] === 'RS256' ? 'RS256' : 'ES256'
      const { kid, privateKey } = keys[alg]
      const now = Math.floor(Date.now() / 1000)
      const filled = { iss: issuer, aud: 'hatchway', sub: 'ada', iat: now, exp: now + 300, ...claims }
      return new SignJWT(dropUndefined(filled))
        .setProtectedHeader({ typ: 'JWT', kid, ...header, alg })
        .sign(privateKey)
    },
    async rotate() {
      keys = await createKeys()
    },
    down() {
      reachable = false
      server.closeAllConnections()
    },
    up() {
      reachable = true
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function createKeys(): Promise<Keys> {
  const create = async (alg: TestAlgorithm) => {
    const { publicKey, privateKey } = await generateKeyPair(alg)
    const kid = randomUUID()
    return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
  }
  const [ES256, RS256] = await Promise.all([create('ES256'), create('RS256')])
  return { ES256, RS256 }
}

function dropUndefined(claims: Record<string, unknown>): JWTPayload {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}
