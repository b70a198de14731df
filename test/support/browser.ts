import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core'
import { chromiumPath } from './backends.ts'
import { buildWebApp } from './web-app.ts'

/** How long a page of a busy machine may take for one step. */
export const stepMs = 30_000

export interface VisitOptions extends BrowserContextOptions {
  /** Errors that belong to what the test does, such as a cut connection. Everything else fails it. */
  allow?: readonly RegExp[]
}

/** What a page looks like from inside, as far as the tests ask: the tests are not compiled with the DOM's types. */
interface PageInside {
  console: { error(text: string): void }
  addEventListener(
    type: string,
    listener: (event: { violatedDirective: string; blockedURI: string }) => void,
  ): void
}

const harmless = [
  // Chromium writes each answer of 4xx and 5xx to the console; being asked to sign in is no fault of the page.
  /Failed to load resource: the server responded with a status of 401/,
  // It gives up what is under way when the machine gets a network interface, as it does with every container.
  /net::ERR_NETWORK_CHANGED/,
]

/** One real Chromium with the web app built as `npm start` builds it. Every error of its pages fails the test. */
export class TestBrowser {
  readonly #browser: Browser
  readonly #visits = new Set<Visit>()

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  static async start(): Promise<TestBrowser> {
    await buildWebApp()
    const browser = await chromium.launch({
      executablePath: await chromiumPath(),
      // Without WebGL on every machine: xterm.js then draws text that can be read, see BrowserTerminal.
      args: ['--no-sandbox', '--disable-3d-apis'],
      timeout: 60_000,
    })
    return new TestBrowser(browser)
  }

  /** A page in a browser profile of its own. */
  async visit(options: VisitOptions = {}): Promise<Page> {
    const { allow = [], ...rest } = options
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...rest })
    context.setDefaultTimeout(stepMs)
    await context.addInitScript(reportViolations)
    const visit = new Visit(context, [...harmless, ...allow])
    this.#visits.add(visit)
    return context.newPage()
  }

  /** For `afterEach`: closes what the test opened. Throws when a page had an error, broke its policy or asked something. */
  async closeVisits(): Promise<void> {
    const visits = [...this.#visits]
    this.#visits.clear()
    const problems = visits.flatMap((visit) => visit.problems)
    for (const { context } of visits) await context.close()
    if (problems.length > 0) throw new Error(`Errors in the page:\n${problems.join('\n')}`)
  }

  async close(): Promise<void> {
    await this.#browser.close()
  }
}

class Visit {
  readonly context: BrowserContext
  readonly problems: string[] = []

  constructor(context: BrowserContext, allow: readonly RegExp[]) {
    this.context = context
    const note = (text: string) => {
      if (!allow.some((pattern) => pattern.test(text))) this.problems.push(text)
    }
    context.on('console', (message) => {
      if (message.type() === 'error') note(`console: ${message.text()} (${message.location().url})`)
    })
    context.on('weberror', (error) => note(`uncaught: ${error.error().stack ?? error.error().message}`))
    context.on('dialog', (dialog) => {
      note(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    context.on('page', (page) => page.on('crash', () => note('the page crashed')))
  }
}

function reportViolations(): void {
  const page = globalThis as unknown as PageInside
  page.addEventListener('securitypolicyviolation', (event) =>
    page.console.error(`content security policy: ${event.violatedDirective} blocked ${event.blockedURI}`),
  )
}
