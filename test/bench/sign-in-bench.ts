import type { BrowserContext, Page } from 'playwright-core'
import { BrowserSignIn, sayName } from '../support/browser-sign-in.ts'
import { stepMs, TestBrowser } from '../support/browser.ts'
import { within } from '../support/within.ts'
import type { Report } from './report.ts'
import { digits, median, percentile } from './statistics.ts'

const barMs = 1000
const reason = 'INC-1234'

/** What the page's inside is asked for: the benchmark is not compiled with the DOM's types. */
interface PageInside {
  document: {
    querySelector(selector: string): unknown
    activeElement: { tagName: string; value?: string } | null
  }
  performance: { now(): number; timeOrigin: number }
  requestAnimationFrame: (this: void, next: () => void) => void
  formIsUsable: (this: void, at: number) => void
}

/** How a person gets to the form, from the moment that counts. */
interface Way {
  what: string
  /** Up to where the clock starts. */
  prepare: (page: Page, place: BrowserSignIn) => Promise<unknown>
  begin: (page: Page, place: BrowserSignIn) => Promise<unknown>
}

const linkOf = (place: BrowserSignIn) => place.link(`reason=${reason}`)
const atForm = (page: Page) => page.getByRole('textbox', { name: 'Name' }).waitFor()
const atButton = (page: Page) => page.getByRole('button', { name: /^Sign in with/ }).waitFor()

const ways: readonly Way[] = [
  {
    what: 'link, known to the provider',
    prepare: (page) => page.goto('about:blank'),
    begin: (page, place) => page.goto(place.url + linkOf(place), { waitUntil: 'commit' }),
  },
  {
    what: 'Enter at /signin, known',
    prepare: async (page, place) => {
      await page.goto(`${place.url}/signin?next=${encodeURIComponent(linkOf(place))}`)
      await atButton(page)
    },
    begin: (page) => page.keyboard.press('Enter'),
  },
  {
    what: 'Enter at the provider',
    prepare: async (page, place) => {
      await page.context().clearCookies()
      await page.goto(place.url + linkOf(place))
      await atForm(page)
      await page.getByRole('textbox', { name: 'Name' }).fill('jane')
    },
    begin: (page) => page.keyboard.press('Enter'),
  },
]

/**
 * From a runbook's link to the form, filled, with the focus in it so that Enter starts: through the gateway, the provider
 * (a real one, in this process) and back, in Chromium. Judged by p95 with files of the app in the browser's cache.
 */
export async function benchSignIn(report: Report, rounds: number): Promise<void> {
  report.section(
    'Sign-in to prepared form, ms',
    `a link is followed, or Enter pressed, until Enter would start the session; bar: ${barMs} ms, judged by p95`,
  )
  const browser = await TestBrowser.start()
  try {
    for (const way of ways) await benchWay({ report, rounds, browser, way })
    report.note('what a person does at the provider is not counted; its own pages and redirects are')
  } finally {
    await browser.close()
  }
}

/** With a gateway of its own: one lets 60 people a minute come back from the provider to an address. */
async function benchWay({
  report,
  rounds,
  browser,
  way,
}: Pick<Measured, 'browser' | 'way' | 'rounds'> & { report: Report }): Promise<void> {
  const place = await BrowserSignIn.start()
  try {
    for (const cache of ['cached', 'first visit'] as const)
      line(report, way, cache, await measure({ browser, place, way, rounds, cache }))
  } finally {
    await place.stop()
  }
}

function line(report: Report, { what }: Way, cache: string, times: readonly number[]): void {
  const p95 = percentile(times, 0.95)
  report.line({
    what,
    lane: cache,
    figures: { p50: digits(median(times)), p95: digits(p95), max: digits(Math.max(...times)) },
    ratio: `${digits(p95 / barMs)} of the bar, ${p95 <= barMs ? 'met' : 'missed'}`,
  })
}

interface Measured {
  browser: TestBrowser
  place: BrowserSignIn
  way: Way
  rounds: number
  /** `first visit`: nothing of the web app is in the browser's cache. */
  cache: 'cached' | 'first visit'
}

async function measure({ browser, place, way, rounds, cache }: Measured): Promise<number[]> {
  const times: number[] = []
  let page: Page | undefined
  for (let round = 0; round < rounds; round++) {
    if (page === undefined || cache === 'first visit') {
      await page?.context().close()
      page = await place.visit(browser)
      await watchForms(page.context())
      await becomeKnown(page, place, cache)
    }
    await forgetSignIn(page, place)
    await way.prepare(page, place)
    const usable = Promise.withResolvers<number>()
    arrivals.set(page.context(), usable.resolve)
    const begun = performance.timeOrigin + performance.now()
    await way.begin(page, place)
    times.push((await within(usable.promise, 'the prepared form', stepMs)) - begun)
    arrivals.delete(page.context())
  }
  await page?.context().close()
  return times
}

/** The provider gets to know the browser; with `cached` the browser gets to know the web app too. */
async function becomeKnown(page: Page, place: BrowserSignIn, cache: Measured['cache']): Promise<void> {
  if (cache === 'cached') return place.arrive(page)
  // By the provider alone: the answer leads to the API, which brings no file of the app.
  await page.goto(place.ground.startUrl('/api'))
  await page.route(`${place.url}/**`, (route) => route.abort())
  await sayName(page)
  await page.waitForURL(/chrome-error|127\.0\.0\.1/)
  await page.unrouteAll()
}

async function forgetSignIn(page: Page, place: BrowserSignIn): Promise<void> {
  await page.context().clearCookies({ domain: new URL(place.url).hostname })
  await page.goto('about:blank')
}

const arrivals = new WeakMap<BrowserContext, (at: number) => void>()

/** Every document tells the moment at which Enter would start the session, by the clock of the page. */
async function watchForms(context: BrowserContext): Promise<void> {
  await context.exposeBinding('formIsUsable', (_source, at: number) => arrivals.get(context)?.(at))
  await context.addInitScript(watch, reason)
}

function watch(reason: string): void {
  const { document, performance, requestAnimationFrame, formIsUsable } = globalThis as unknown as PageInside
  const look = () => {
    const focused = document.activeElement
    const isThere = document.querySelector('form.debug-form button.primary') !== null
    if (isThere && focused?.tagName === 'INPUT' && focused.value === reason)
      formIsUsable(performance.timeOrigin + performance.now())
    else requestAnimationFrame(look)
  }
  look()
}
