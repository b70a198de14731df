import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'

/** An answer: a JSON value, with status 200, or a function that answers by itself. */
export type OddAnswer = { json: unknown } | ((request: IncomingMessage, response: ServerResponse) => unknown)

export type OddPath = 'discovery' | 'token' | 'userinfo' | 'jwks' | 'revoke'
const paths: Record<string, OddPath> = {
  '/.well-known/openid-configuration': 'discovery',
  '/token': 'token',
  '/userinfo': 'userinfo',
  '/jwks': 'jwks',
  '/revoke': 'revoke',
}

let keys: ReturnType<typeof generateKeyPair> | undefined

/**
 * Something that answers like an OpenID provider that knows one person, jane, with whatever answers a test gives it: what a real one
 * can't be brought to say.
 */
export class OddProvider {
  readonly issuer: string
  /** In place of what it would answer. */
  readonly odd = new Map<OddPath, OddAnswer>()
  /** How often it was asked, by path. */
  readonly asked: OddPath[] = []
  /** Of the sign-in under way: the test takes it from the address that the browser is sent to. */
  nonce = ''
  /** Changes the claims of the next ID tokens; undefined leaves one out. */
  claims: Record<string, unknown> = {}
  readonly #close: () => void
  readonly #key: CryptoKey
  readonly #jwk: JWK

  private constructor(issuer: string, close: () => void, key: CryptoKey, jwk: JWK) {
    this.issuer = issuer
    this.#close = close
    this.#key = key
    this.#jwk = jwk
  }

  static async start(): Promise<OddProvider> {
    const { publicKey, privateKey } = await (keys ??= generateKeyPair('ES256'))
    const server = createServer((request, response) => void provider.#answer(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const close = () => {
      server.close()
      server.closeAllConnections()
    }
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
    const provider: OddProvider = new OddProvider(issuer, close, privateKey, jwk)
    return provider
  }

  /** Its metadata, with these parts changed. */
  metadata(change: Record<string, unknown> = {}): Record<string, unknown> {
    const { issuer } = this
    return {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      revocation_endpoint: `${issuer}/revoke`,
      end_session_endpoint: `${issuer}/end`,
      jwks_uri: `${issuer}/jwks`,
      scopes_supported: ['openid', 'profile'],
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      ...change,
    }
  }

  /** What its token endpoint gives, with these parts changed. */
  async tokens(change: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return {
      access_token: 'an access token',
      token_type: 'Bearer',
      expires_in: 300,
      refresh_token: 'a refresh token',
      id_token: await this.sign({ nonce: this.nonce, ...this.claims }),
      ...change,
    }
  }

  /** A token of its key: of jane, for the gateway, good for five minutes; `claims` change that. */
  sign(claims: Record<string, unknown>): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const all = { iss: this.issuer, aud: 'hatchway', sub: 'jane', iat: now, exp: now + 300, ...claims }
    const said = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    return new SignJWT(said).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(this.#key)
  }

  close(): void {
    this.#close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = paths[request.url ?? '']
    if (path === undefined) {
      response.writeHead(404).end()
      return
    }
    this.asked.push(path)
    const odd = this.odd.get(path)
    if (typeof odd === 'function') odd(request, response)
    else send(response, odd === undefined ? await this.#usual(path) : odd.json)
  }

  async #usual(path: OddPath): Promise<unknown> {
    if (path === 'discovery') return this.metadata()
    if (path === 'token') return await this.tokens()
    if (path === 'jwks') return { keys: [this.#jwk] }
    return path === 'userinfo' ? { sub: 'jane', name: 'Jane', groups: ['staff'] } : {}
  }
}

function send(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
}
