import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { accessibilityProblems, focusOf } from '../support/browser-accessibility.ts'
import { axeProblems } from '../support/browser-axe.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { recordSession } from '../support/browser-recording.ts'
import { openInBrowser } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer
let sessionId: string

before(async () => {
  gateway = await BrowserGateway.start()
  target = await gateway.target()
  sessionId = await recordSession(gateway, `local/${target.name}`, ['echo hello'], { reason: 'a reason' })
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

const visit = async () => browser.visit({ storageState: await gateway.signedIn(), allow: [/status of 404/] })

/** For a keyboard, a screen reader and weak eyes, by our own rules and by axe-core's. */
const problemsOf = async (page: Page) => [
  ...(await accessibilityProblems(page)),
  ...(await axeProblems(page)),
]

/** Every screen, and what shows that it is complete. */
const screens: readonly (readonly [
  name: string,
  path: () => string,
  complete: (page: Page) => Promise<void>,
])[] = [
  ['targets', () => '/', (page) => page.getByRole('link', { name: target.name }).waitFor()],
  [
    'form',
    () => `/debug/local/${target.name}`,
    (page) => page.getByRole('button', { name: 'Start session' }).waitFor(),
  ],
  ['sessions', () => '/sessions', (page) => page.getByRole('link', { name: /^Replay/ }).waitFor()],
  [
    'session',
    () => `/sessions/${sessionId}`,
    (page) => page.getByRole('button', { name: 'Verify' }).waitFor(),
  ],
  [
    'replay',
    () => `/sessions/${sessionId}/replay`,
    (page) => page.getByRole('button', { name: 'Download' }).waitFor(),
  ],
  [
    'policy',
    () => `/policy?target=local/${target.name}`,
    (page) => page.getByRole('heading', { name: 'Allowed' }).waitFor(),
  ],
  [
    'approvals',
    () => '/approvals',
    (page) => page.getByRole('heading', { name: 'Nothing waits for you' }).waitFor(),
  ],
  ['audit', () => '/audit', (page) => page.getByRole('table').waitFor()],
  ['no such page', () => '/nowhere', (page) => page.getByRole('link', { name: 'All targets' }).waitFor()],
  [
    'no such container',
    () => '/debug/local/nobody-has-this-name',
    (page) => page.getByRole('heading', { name: 'There is no such container now' }).waitFor(),
  ],
  [
    'no such session',
    () => '/sessions/0123456789abcdef0123',
    (page) => page.getByRole('heading', { name: 'There is no such session' }).waitFor(),
  ],
]

function background(element: unknown): string | undefined {
  const inside = globalThis as unknown as {
    getComputedStyle(of: unknown): { backgroundColor: string }
  }
  return inside.getComputedStyle(element).backgroundColor
}

/** Tabs through the page until the focus comes round, and names each stop. */
async function tabThrough(page: Page): Promise<string[]> {
  const stops: string[] = []
  let isRound = false
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press('Tab')
    const focus = await focusOf(page)
    if (focus === undefined && isRound) break
    if (focus === undefined) {
      // Out of the page, and in again at its beginning: a form may have started in the middle.
      isRound = true
      continue
    }
    assert.ok(focus.isVisible, `the focus cannot be seen on: ${focus.what}`)
    stops.push(focus.what)
    if (stops.length > 1 && focus.what === stops[0]) break
  }
  return stops
}

describe('every screen', () => {
  for (const [name, path, complete] of screens) {
    it(`is named, labelled and reached by Tab: ${name}`, async () => {
      const page = await visit()
      await page.goto(`${gateway.url}${path()}`)
      await complete(page)
      assert.deepEqual(await problemsOf(page), [])
      const stops = await tabThrough(page)
      assert.ok(stops.length >= 6, stops.join(', '))
      assert.ok(new Set(stops).size >= 5, stops.join(', '))
    })
  }

  it('is named and labelled: sign-in, with an error too', async () => {
    const page = await browser.visit({ allow: [/status of 401/] })
    await page.goto(gateway.url)
    const token = page.getByRole('textbox', { name: 'Token' })
    await token.waitFor()
    assert.deepEqual(await problemsOf(page), [])
    await token.fill('not a token')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    assert.deepEqual(await problemsOf(page), [])
    assert.equal(await token.getAttribute('aria-invalid'), 'true')
  })

  it('keeps its marks where the system chooses the colours, and its names in its menus', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn(), forcedColors: 'active' })
    await page.goto(gateway.url)
    const row = page.getByRole('row').filter({ hasText: target.name })
    await row.waitFor()
    for (const dot of [row.locator('.dot'), page.getByRole('banner').locator('.dot.ok')]) {
      await dot.waitFor()
      assert.notEqual(await dot.evaluate(background), await page.locator('body').evaluate(background))
    }
    assert.deepEqual(await problemsOf(page), [])
    await page.getByRole('button', { name: /^Environments/ }).click()
    await page.getByRole('dialog', { name: /^Environments/ }).waitFor()
    assert.deepEqual(await problemsOf(page), [])
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: /^User menu/ }).click()
    await page.getByRole('menuitemcheckbox', { name: 'Dense lists' }).waitFor()
    assert.deepEqual(await problemsOf(page), [])
  })

  it('takes the next key as soon as a dialog closes, and shows on a phone where one is', async () => {
    const page = await browser.visit({
      storageState: await gateway.signedIn(),
      viewport: { width: 390, height: 844 },
    })
    await page.goto(`${gateway.url}/policy`)
    const nav = page.getByRole('navigation', { name: 'Main' })
    const [room, current] = await Promise.all([
      nav.boundingBox(),
      nav.getByRole('link', { name: 'Policy' }).boundingBox(),
    ])
    assert.ok(room !== null && current !== null)
    assert.ok(current.x + current.width <= room.x + room.width + 1, 'the current page is in sight')
    assert.equal(await nav.getAttribute('data-more'), 'start')
    await page.goto(gateway.url)
    await page.getByRole('link', { name: target.name }).first().waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    assert.deepEqual(await problemsOf(page), [])
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.keyboard.type('at once')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    assert.equal(await page.getByRole('searchbox').inputValue(), 'at once')
  })

  it('is named and labelled: the terminal, its menu, its dialogs, the palette', async () => {
    const page = await visit()
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    assert.deepEqual(await problemsOf(page), [])
    await page.getByRole('button', { name: 'Details' }).click()
    await page.getByRole('button', { name: 'Terminal menu' }).click()
    await page.getByRole('menuitem', { name: 'Search' }).waitFor()
    assert.deepEqual(await problemsOf(page), [])
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Terminate', exact: true }).click()
    await page.getByRole('dialog').waitFor()
    assert.deepEqual(await problemsOf(page), [])
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Go to' }).click()
    await page.getByRole('dialog').waitFor()
    assert.deepEqual(await problemsOf(page), [])
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    assert.equal(await terminal.run('echo still mine'), 'still mine')
  })
})

describe('a list of thousands', () => {
  const count = 5000
  let many: BrowserGateway
  before(async () => {
    const environments = [{ id: `many-${count}`, kind: 'docker', socket: '/var/run/docker.sock' }]
    many = await BrowserGateway.start({ scripted: true, config: { environments } })
  })
  after(() => many.stop())

  it('draws what is seen, comes as far as somebody scrolls, and is sorted as a whole', async () => {
    const page = await browser.visit({ storageState: await many.signedIn() })
    await page.goto(many.url)
    const row = (number: number) => page.getByRole('link', { name: `web-${String(number).padStart(5, '0')}` })
    await row(0).waitFor()
    const table = page.getByRole('table', { name: 'Targets' })
    assert.equal(await table.getAttribute('aria-rowcount'), String(count + 1))
    assert.ok((await table.getByRole('row').count()) < 100, 'no more rows than a screen and some')
    assert.deepEqual(await problemsOf(page), [])

    await row(0).focus()
    await page.keyboard.press('ArrowDown')
    assert.match((await focusOf(page))?.what ?? '', /web-00001$/)
    await page.evaluate(() => {
      const inside = globalThis as unknown as { scrollTo(x: number, y: number): void }
      inside.scrollTo(0, 1_000_000)
    })
    await row(count - 1).waitFor()
    assert.equal(await table.getByRole('row').last().getAttribute('aria-rowindex'), String(count + 1))
    assert.ok((await table.getByRole('row').count()) < 100, 'also at the end')
    await page.keyboard.press('ArrowDown')
    assert.match((await focusOf(page))?.what ?? '', /web-00002$/, 'the focus was not lost with its row')

    // The oldest first, then the youngest.
    await page.getByRole('button', { name: 'Age', exact: true }).click()
    await page.waitForURL(/sort=-age/)
    await row(0).waitFor()
    await page.getByRole('button', { name: 'Age', exact: true }).click()
    await page.waitForURL(/sort=age/)
    await row(count - 1).waitFor()
    await row(count - 1).click()
    await page.waitForURL(/\/debug\//)
    await page.getByRole('link', { name: 'Targets', exact: true }).last().click()
    await page.waitForURL(/sort=age/, { timeout: 20_000 })
    await row(count - 1).waitFor()
  })
})
