import type { BrowserContextOptions } from 'playwright-core'
import { TestContainers, type TestContainer, type TestContainerSpec } from './containers.ts'
import { defaultEngine } from './engine.ts'
import { TestGateway, type GatewayOptions } from './gateway.ts'
import { ensureImages } from './images.ts'
import { buildWebApp } from './web-app.ts'

type StorageState = Exclude<NonNullable<BrowserContextOptions['storageState']>, string>

/** A gateway on the machine's engine, containers to debug, and people who are signed in to it. */
export class BrowserGateway {
  readonly gateway: TestGateway
  /** Where browsers reach it. */
  readonly url: string
  readonly #containers: TestContainers
  readonly #signedIn = new Map<string, StorageState>()

  private constructor(gateway: TestGateway, url: string, containers: TestContainers) {
    this.gateway = gateway
    this.url = url
    this.#containers = containers
  }

  /** `publicUrl`, when a browser comes by another way than straight to the port. */
  static async start(options: GatewayOptions & { publicUrl?: string } = {}): Promise<BrowserGateway> {
    const { publicUrl, ...rest } = options
    await buildWebApp()
    const engine = await defaultEngine()
    await ensureImages(engine.docker, 'toolbox', 'web')
    const config = publicUrl === undefined ? rest.config : { ...rest.config, publicUrl }
    const gateway = await TestGateway.start({ ...rest, ...(config === undefined ? {} : { config }) })
    return new BrowserGateway(gateway, publicUrl ?? gateway.url, new TestContainers(engine))
  }

  /** A shell-less web server unless told otherwise. */
  target(spec: Partial<TestContainerSpec> = {}): Promise<TestContainer> {
    return this.#containers.start({ image: 'web', ...spec })
  }

  /** A browser profile in which this user has signed in. Signs in once per user: sign-ins are limited per minute. */
  async signedIn(who = 'jane'): Promise<StorageState> {
    const known = this.#signedIn.get(who)
    if (known !== undefined) return known
    const response = await fetch(`${this.url}/api/v1/auth/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: this.url },
      body: JSON.stringify({
        token: await this.gateway.token(who, { exp: Math.floor(Date.now() / 1000) + 3600 }),
      }),
    })
    const [name = '', value = ''] = (response.headers.getSetCookie()[0] ?? '').split(';')[0]?.split('=') ?? []
    if (!response.ok || value === '')
      throw new Error(`Signing in as ${who}: ${response.status} ${await response.text()}`)
    const cookie = {
      name,
      value,
      domain: new URL(this.url).hostname,
      path: '/',
      expires: -1,
      httpOnly: true,
      secure: false,
      sameSite: 'Strict',
    } as const
    const state = { cookies: [cookie], origins: [] }
    this.#signedIn.set(who, state)
    return state
  }

  async stop(): Promise<void> {
    await this.gateway.stop()
    await this.#containers.removeAll()
  }
}
