import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { recordSession } from '../support/browser-recording.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'

let browser: TestBrowser
let gateway: BrowserGateway
let older: TestContainer
let newer: TestContainer
let olderSession: string

before(async () => {
  gateway = await BrowserGateway.start()
  older = await gateway.target()
  newer = await gateway.target()
  olderSession = await recordSession(gateway, `local/${older.name}`, [], { reason: 'a leak' })
  await recordSession(gateway, `local/${newer.name}`, [], { reason: 'a deadlock' })
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

/** Holds the gateway's answers to searches for these words back until `release`. `asked` resolves when one is held. */
async function holdSearch(page: Page, words: string): Promise<{ asked: Promise<void>; release: () => void }> {
  const asked = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  await page.route(
    (url) => url.pathname.startsWith('/api/v1/') && url.searchParams.get('q') === words,
    async (route) => {
      asked.resolve()
      await released.promise
      await route.fallback()
    },
  )
  return { asked: asked.promise, release: () => released.resolve() }
}

/** A list whose search field has the keys. The newer of two rows is above the older one. */
async function openList(path: string): Promise<Page> {
  const page = await browser.visit({ storageState: await gateway.signedIn() })
  // As if a page of targets held one of them: what is longer than a page is searched by the gateway.
  await page.route(/\/api\/v1\/targets\?.*limit=200/, (route) =>
    route.continue({ url: route.request().url().replace('limit=200', 'limit=1') }),
  )
  await page.goto(`${gateway.url}${path}`)
  await page.locator('a[data-row-link]').first().waitFor()
  await page.keyboard.press('/')
  return page
}

const pathOf = (page: Page): string => new URL(page.url()).pathname

describe('Enter in a search', () => {
  const lists = [
    ['/sessions', () => 'leak', () => `/sessions/${olderSession}`],
    ['/audit', () => 'leak', () => `/sessions/${olderSession}`],
    ['/?sort=-age', () => older.name, () => `/debug/local/${older.name}`],
  ] as const
  for (const [path, words, opened] of lists) {
    it(`right after the words opens what fits them, as soon as the answer is there: ${path}`, async () => {
      const page = await openList(path)
      const search = await holdSearch(page, words())
      await page.keyboard.type(words())
      await page.keyboard.press('Enter')
      await search.asked
      // The next key's effect shows that the page has had its turn.
      await page.keyboard.press('End')
      await page.getByRole('table').and(page.locator('[aria-busy="true"]')).waitFor()
      assert.equal(pathOf(page), new URL(path, gateway.url).pathname, 'no row of the earlier list was opened')
      search.release()
      await page.waitForURL((url) => url.pathname === opened())
    })
  }

  const ways = [
    ['other words, which fit the same', 'Backspace', 1],
    ['an empty search', 'Escape', 2],
    ['another place for the keys', 'Tab', 1],
  ] as const
  for (const [name, key, rows] of ways) {
    it(`is forgotten over ${name}`, async () => {
      const page = await openList('/sessions')
      const search = await holdSearch(page, 'leak')
      await page.keyboard.type('leak')
      await page.keyboard.press('Enter')
      await search.asked
      await page.keyboard.press(key)
      search.release()
      const table = page.getByRole('table').and(page.locator(':not([aria-busy])'))
      await table.waitFor()
      await eventually(async () => (await table.locator('a[data-row-link]').count()) === rows)
      assert.equal(pathOf(page), '/sessions')
      assert.equal(await page.getByRole('heading', { name: 'Sessions' }).count(), 1)
    })
  }

  it('opens what fits where nothing did before, and nothing later where nothing does', async () => {
    const page = await openList('/sessions')
    await page.keyboard.type('which-nobody-gave')
    await page.keyboard.press('Enter')
    await noneFits(page).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('table').waitFor()
    assert.equal(pathOf(page), '/sessions')
    await page.keyboard.type('which-nobody-gave')
    await noneFits(page).waitFor()
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('leak')
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => url.pathname === `/sessions/${olderSession}`)
  })
})

const noneFits = (page: Page) => page.getByRole('heading', { name: 'No session fits' })
