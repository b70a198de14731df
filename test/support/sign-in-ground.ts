import { clientId, clientSecret, OpenidProvider } from './openid-provider.ts'
import { TestGateway, type GatewayOptions } from './gateway.ts'
import { TerminalClient, type ConnectOptions } from './terminal-client.ts'
import type { WebVisitor } from './web-visitor.ts'

/** A gateway that a real provider signs browsers in to, and people who come by. */
export class SignInGround {
  readonly provider: OpenidProvider
  readonly gateway: TestGateway

  private constructor(provider: OpenidProvider, gateway: TestGateway) {
    this.provider = provider
    this.gateway = gateway
  }

  /** `oidc` is merged over issuer, client and secret. */
  static async start(
    oidc: Record<string, unknown> = {},
    options: GatewayOptions = {},
    provider?: OpenidProvider,
  ): Promise<SignInGround> {
    const own = provider ?? (await OpenidProvider.start())
    process.env['HATCHWAY_TEST_CLIENT_SECRET'] = clientSecret
    const gateway = await TestGateway.start({
      ...options,
      auth: {
        ...options.auth,
        oidc: {
          issuer: own.issuer,
          name: 'Example SSO',
          clientId,
          clientSecret: { env: 'HATCHWAY_TEST_CLIENT_SECRET' },
          ...oidc,
        },
      },
    })
    await own.register(gateway.url)
    return new SignInGround(own, gateway)
  }

  startUrl(returnTo = '/'): string {
    return `${this.gateway.url}/api/v1/auth/oidc/start?${new URLSearchParams({ return: returnTo })}`
  }

  /** Goes to the provider and stops there, at its form or at the answer that it sends the browser back with. */
  async toProvider(visitor: WebVisitor, returnTo = '/'): Promise<URL> {
    return (await visitor.go(this.startUrl(returnTo), { stop: isCallback })).url
  }

  /** Says at the provider's form who it is; resolves with the address that the provider sends the browser back to. */
  async answer(visitor: WebVisitor, form: URL, login = 'jane'): Promise<URL> {
    if (isCallback(form)) return form
    return (await visitor.go(form.href, { form: { login }, stop: isCallback })).url
  }

  /** The whole way; resolves with where it led on this gateway. */
  async signIn(visitor: WebVisitor, returnTo = '/', login = 'jane'): Promise<URL> {
    const callback = await this.answer(visitor, await this.toProvider(visitor, returnTo), login)
    return this.finish(visitor, callback)
  }

  /** Follows the provider's answer; resolves with where it led. */
  async finish(visitor: WebVisitor, callback: URL): Promise<URL> {
    const response = await visitor.fetch(callback.href)
    await response.body?.cancel()
    return new URL(response.headers.get('location') ?? '', callback)
  }

  async me(visitor: WebVisitor): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await visitor.fetch(`${this.gateway.url}/api/v1/me`)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  /** A call of the web app. */
  call(visitor: WebVisitor, method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { origin: this.gateway.url }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const text = body === undefined ? null : JSON.stringify(body)
    return visitor.fetch(`${this.gateway.url}/api/v1${path}`, { method, headers, body: text })
  }

  /** What the provider does to end sign-ins; resolves with the status. */
  async sendLogout(token: string): Promise<number> {
    const address = `${this.gateway.url}/api/v1/auth/oidc/back-channel-logout`
    const body = new URLSearchParams({ logout_token: token })
    return (await fetch(address, { method: 'POST', body })).status
  }

  /** A terminal in this browser. */
  connect(
    visitor: WebVisitor,
    sessionId: string,
    options: Partial<ConnectOptions> = {},
  ): Promise<TerminalClient> {
    const { url } = this.gateway
    const cookie = [...visitor.jar(url)].map(([name, value]) => `${name}=${value}`).join('; ')
    return TerminalClient.connect({ url, cookie, sessionId, ...options })
  }

  async stop(): Promise<void> {
    try {
      await this.gateway.stop()
    } finally {
      await this.provider.close()
    }
  }
}

function isCallback(url: URL): boolean {
  return url.pathname.endsWith('/oidc/callback')
}
