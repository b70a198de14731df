import type { Page } from 'playwright-core'
import type { TestBrowser } from './browser.ts'
import { TestContainers, type TestContainer } from './containers.ts'
import { defaultEngine } from './engine.ts'
import { ensureImages } from './images.ts'
import type { OpenidProvider } from './openid-provider.ts'
import { SignInGround } from './sign-in-ground.ts'
import { buildWebApp } from './web-app.ts'

const providerHasNoIcon = /status of 404 .*\/\/localhost:\d+\/favicon\.ico/

/** A gateway that a real provider signs browsers in to, with a shell-less container to debug. */
export class BrowserSignIn {
  readonly url: string
  readonly provider: OpenidProvider
  readonly ground: SignInGround
  readonly target: TestContainer
  readonly #containers: TestContainers

  private constructor(ground: SignInGround, target: TestContainer, containers: TestContainers) {
    this.url = ground.gateway.url
    this.provider = ground.provider
    this.ground = ground
    this.target = target
    this.#containers = containers
  }

  static async start(oidc: Record<string, unknown> = {}): Promise<BrowserSignIn> {
    await buildWebApp()
    const engine = await defaultEngine()
    await ensureImages(engine.docker, 'toolbox', 'web')
    const containers = new TestContainers(engine)
    const target = await containers.start({ image: 'web' })
    return new BrowserSignIn(await SignInGround.start(oidc), target, containers)
  }

  /** A browser that neither knows. */
  visit(browser: TestBrowser): Promise<Page> {
    return browser.visit({ allow: [providerHasNoIcon] })
  }

  /** The path of a runbook's link to the target. */
  link(query = 'reason=INC-1234', hash = ''): string {
    return `/debug/local/${this.target.name}?${query}${hash}`
  }

  /** Follows the link to the provider's form, says there who it is, and waits for the prepared form. */
  async arrive(page: Page, path = this.link(), login = 'jane'): Promise<void> {
    await page.goto(this.url + path)
    await sayName(page, login)
    await page.getByRole('button', { name: 'Start session' }).waitFor()
  }

  /** A browser that the provider knows, and the gateway does not. */
  async knownAtProvider(browser: TestBrowser): Promise<Page> {
    const page = await this.visit(browser)
    await this.arrive(page)
    await page.context().clearCookies({ domain: new URL(this.url).hostname })
    return page
  }

  async stop(): Promise<void> {
    await this.ground.stop()
    await this.#containers.removeAll()
  }
}

/** At the provider's own form. */
export async function sayName(page: Page, login = 'jane'): Promise<void> {
  await page.getByRole('textbox', { name: 'Name' }).fill(login)
  await page.keyboard.press('Enter')
}
