import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mock } from 'node:test'
import { decodeJwt, exportJWK, generateKeyPair, importJWK, SignJWT, type JWK, type JWTPayload } from 'jose'
import { Provider, type Context } from 'oidc-provider'
import { OidcStorage } from './oidc-storage.ts'

export const clientId = 'hatchway'
export const clientSecret = 'the-secret-of-the-test-client-0123456789'
export const cliClientId = 'hatchway-cli'
export const apiAudience = 'urn:hatchway:api'

export interface Person {
  name: string
  groups: readonly string[]
}

/** What a test may change while the provider runs. */
export interface ProviderSettings {
  accessTokenSeconds: number
  /** Groups are told in userinfo alone, as providers with large tokens do. */
  groupsInUserInfoOnly: boolean
  /** No refresh tokens, as for clients that may not have any. */
  withoutRefreshTokens: boolean
  /** Changes an ID token's claims before it is signed again with the provider's key; for what no honest provider does. */
  tamper?: (claims: JWTPayload) => JWTPayload
  /** Answers every path that begins so with this status, in place of the provider. */
  failing?: { path: string; status: number }
  /** Answers in its place, one after the other. */
  next: { path: string; status: number; body: unknown }[]
  /** Added to what a device is told. */
  device: Record<string, unknown>
  /** Keeps the answers of this path back until then; what they tell of is done. */
  held?: { path: string; until: Promise<void> }
}

const usual = (): ProviderSettings => ({
  accessTokenSeconds: 3600,
  groupsInUserInfoOnly: false,
  withoutRefreshTokens: false,
  next: [],
  device: { interval: 1 },
})

/** A real OpenID provider (oidc-provider) in this process, on a loopback port, with people who need no password. */
export class OpenidProvider {
  readonly issuer: string
  readonly people = new Map<string, Person>()
  settings = usual()
  /** Every request so far, as `METHOD /path`. */
  readonly requests: string[] = []
  readonly storage = new OidcStorage()
  readonly #server
  #handler: RequestListener = () => undefined
  #provider: Provider | undefined
  #key: JWK = { kty: 'EC' }
  #reachable = true

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server
    // Another site than the gateway's 127.0.0.1, as in real life: SameSite cookies notice.
    this.issuer = `http://localhost:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => this.#receive(request, response))
  }

  static async start(): Promise<OpenidProvider> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const provider = new OpenidProvider(server)
    provider.people.set('jane', { name: 'Jane Doe', groups: ['sre'] })
    await provider.rotateKeys()
    return provider
  }

  /** Registers a gateway's addresses, as an administrator does. */
  async register(gatewayUrl: string): Promise<void> {
    const clients = this.storage.adapter('Client')
    await clients.upsert(clientId, {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${gatewayUrl}/api/v1/auth/oidc/callback`],
      post_logout_redirect_uris: [`${gatewayUrl}/signin`],
      backchannel_logout_uri: `${gatewayUrl}/api/v1/auth/oidc/back-channel-logout`,
      backchannel_logout_session_required: true,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    })
    await clients.upsert(cliClientId, {
      client_id: cliClientId,
      token_endpoint_auth_method: 'none',
      redirect_uris: [],
      response_types: [],
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    })
  }

  /** Signs with a new key from now on; the old one is no longer published. */
  async rotateKeys(): Promise<void> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    this.#key = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'ES256', use: 'sig' }
    this.#provider = quietly(() => new Provider(this.issuer, this.#configuration()))
    this.#provider.use((ctx, next) => this.#tamper(ctx, next))
    this.#handler = this.#provider.callback()
  }

  /** Up, with nothing unusual about it. */
  reset(): void {
    this.settings = usual()
    this.up()
  }

  /** How often a code or a refresh token was handed in so far. */
  get grants(): number {
    return this.requests.filter((each) => each === 'POST /token').length
  }

  down(): void {
    this.#reachable = false
    this.#server.closeAllConnections()
  }

  up(): void {
    this.#reachable = true
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  /** A logout token as the provider sends it, signed with its key. */
  async logoutToken(claims: Record<string, unknown>): Promise<string> {
    return new SignJWT({
      iss: this.issuer,
      aud: clientId,
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 120,
      jti: randomUUID(),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'logout+jwt', kid: this.#key.kid ?? '' })
      .sign(await importJWK(this.#key))
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#reachable) {
      request.socket.destroy()
      return
    }
    const path = request.url?.split('?')[0] ?? ''
    this.requests.push(`${request.method} ${path}`)
    const { failing } = this.settings
    if (failing !== undefined && path.startsWith(failing.path)) {
      response.writeHead(failing.status, { 'content-type': 'text/plain' }).end('out of order')
      return
    }
    const [first] = this.settings.next
    if (first?.path === path) {
      this.settings.next.shift()
      response.writeHead(first.status, { 'content-type': 'application/json' }).end(JSON.stringify(first.body))
      return
    }
    if (path.startsWith('/interaction/')) void this.#interact(request, response)
    else this.#handler(request, response)
  }

  /** Whoever says a name is that person; `abort` is the button beside it. */
  async #interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      response.setHeader('content-type', 'text/html')
      response.end(
        `<!doctype html><title>Sign in</title><form method="post"><label>Name <input name="login"></label>
<button>Sign in</button><button name="abort" value="yes">Cancel</button></form>`,
      )
      return
    }
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const form = new URLSearchParams(body)
    const result = form.has('abort')
      ? { error: 'access_denied', error_description: 'cancelled' }
      : { login: { accountId: form.get('login') ?? '' } }
    try {
      await this.#provider?.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
    } catch (cause) {
      response.writeHead(400).end(String(cause))
    }
  }

  async #tamper(ctx: Context, next: () => Promise<void>): Promise<void> {
    await next()
    const { held } = this.settings
    if (held?.path === ctx.path) await held.until
    if (ctx.path === '/device/auth' && ctx.status === 200)
      Object.assign(ctx.body as object, this.settings.device)
    const answer = ctx.body as { id_token?: string } | undefined
    if (ctx.path !== '/token' || answer?.id_token === undefined || this.settings.tamper === undefined) return
    const claims = this.settings.tamper(decodeJwt(answer.id_token))
    answer.id_token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: this.#key.kid ?? '' })
      .sign(await importJWK(this.#key))
  }

  #configuration(): Record<string, unknown> {
    const quiet = async (ctx: Context, form: string) => {
      ctx.body = `<!doctype html>${form}<button form="op.deviceInputForm">Go on</button>`
    }
    return {
      adapter: (model: string) => this.storage.adapter(model),
      jwks: { keys: [this.#key] },
      cookies: { keys: ['the key of the test cookies'] },
      clients: [],
      scopes: ['openid', 'offline_access', 'profile', 'groups'],
      claims: { openid: ['sub', 'sid'], profile: ['name'], groups: ['groups'] },
      clientDefaults: { id_token_signed_response_alg: 'ES256' },
      enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
      pkce: { required: () => true },
      interactions: { url: (_ctx: Context, { uid }: { uid: string }) => `/interaction/${uid}` },
      features: {
        devInteractions: { enabled: false },
        backchannelLogout: { enabled: true },
        revocation: { enabled: true, allowedPolicy: async () => true },
        deviceFlow: {
          enabled: true,
          userCodeInputSource: quiet,
          userCodeConfirmSource: quiet,
          successSource: async (ctx: Context) => {
            ctx.body = 'signed in'
          },
        },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: async (ctx: Context, form: string) => {
            ctx.body = `<!doctype html><title>Sign out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`
          },
        },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: async (_ctx: Context, resource: string) => ({
            scope: '',
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: this.settings.accessTokenSeconds,
            jwt: { sign: { alg: 'ES256' } },
          }),
          useGrantedResource: async () => true,
        },
      },
      findAccount: async (_ctx: Context, id: string) => this.#account(id),
      loadExistingGrant: async (ctx: Context) => this.#grantEverything(ctx),
      issueRefreshToken: async () => !this.settings.withoutRefreshTokens,
      expiresWithSession: async () => false,
      rotateRefreshToken: true,
      conformIdTokenClaims: false,
      extraTokenClaims: async (_ctx: Context, { accountId }: { accountId?: string }) =>
        this.people.get(accountId ?? ''),
      ttl: {
        AccessToken: () => this.settings.accessTokenSeconds,
        AuthorizationCode: 60,
        DeviceCode: 600,
        Grant: 86_400,
        IdToken: 3600,
        Interaction: 600,
        RefreshToken: 86_400,
        Session: 86_400,
      },
    }
  }

  #account(accountId: string) {
    const person = this.people.get(accountId)
    if (person === undefined) return undefined
    const claims = async (use: string) => ({
      sub: accountId,
      ...(use === 'id_token' && this.settings.groupsInUserInfoOnly ? {} : person),
    })
    return { accountId, claims }
  }

  /** Nobody is asked for consent: the administrator gave it. */
  async #grantEverything(ctx: Context): Promise<unknown> {
    if (this.#provider === undefined) return undefined
    const grant = new this.#provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope('openid profile groups offline_access')
    await grant.save()
    return grant
  }
}

/** oidc-provider writes to the console what a test setup should not be used for. */
function quietly<T>(create: () => T): T {
  const warnings = mock.method(console, 'warn', () => undefined)
  const notices = mock.method(console, 'info', () => undefined)
  try {
    return create()
  } finally {
    warnings.mock.restore()
    notices.mock.restore()
  }
}
