import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { accessibilityProblems } from '../support/browser-accessibility.ts'
import { BrowserSignIn, sayName } from '../support/browser-sign-in.ts'
import { BrowserTerminal } from '../support/browser-terminal.ts'
import { TestBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'

let browser: TestBrowser
let place: BrowserSignIn

before(async () => {
  place = await BrowserSignIn.start()
  browser = await TestBrowser.start()
})
afterEach(async () => {
  place.provider.up()
  await browser.closeVisits()
})
after(async () => {
  await browser.close()
  await place.stop()
})

const providerButton = (page: Page) => page.getByRole('button', { name: 'Sign in with Example SSO' })
const overlay = (page: Page) => page.getByRole('dialog', { name: 'Sign in to go on' })
const pathOf = (page: Page) => page.url().slice(place.url.length)

/** Enter is what an on-call person presses: the button has to have the focus. */
async function pressEnter(page: Page): Promise<void> {
  const button = providerButton(page)
  await button.waitFor()
  await eventually(() => button.evaluate((element) => element.matches(':focus')))
  await page.keyboard.press('Enter')
}

async function startSession(page: Page): Promise<BrowserTerminal> {
  await page.getByRole('textbox', { name: 'Reason' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/sessions\/[^/]+\/terminal$/)
  const terminal = new BrowserTerminal(page)
  await terminal.prompt()
  return terminal
}

/** As when it runs out: the gateway forgets the browser's sign-in and closes its terminals. */
async function endSignIn(page: Page): Promise<void> {
  const cookies = await page.context().cookies(place.url)
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  const response = await fetch(`${place.url}/api/v1/auth/session`, {
    method: 'DELETE',
    headers: { origin: place.url, cookie },
  })
  assert.equal(response.status, 204)
}

describe('signing in by the provider', () => {
  it('leads a stranger from a link to the filled form without a click, and Enter starts', async () => {
    const page = await place.visit(browser)
    const link = place.link('reason=INC-1234%20disk&ticket=OPS-7&toolbox=busybox', '#a')
    await page.goto('about:blank')
    await place.arrive(page, link)
    assert.equal(pathOf(page), link)
    assert.equal(await page.getByRole('textbox', { name: 'Reason' }).inputValue(), 'INC-1234 disk')
    assert.equal(await page.getByRole('textbox', { name: 'Ticket' }).inputValue(), 'OPS-7')
    const terminal = await startSession(page)
    assert.equal(await terminal.run('echo here'), 'here')

    await page.getByRole('button', { name: 'User menu: Jane Doe' }).click()
    const menu = page.getByRole('menu')
    await menu.getByText('with Example SSO, until').waitFor()
    await menu.getByText('sre').waitFor()
  })

  it('asks at /signin, and Enter is enough there', async () => {
    const page = await place.visit(browser)
    await page.goto(`${place.url}/signin`)
    await providerButton(page).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await pressEnter(page)
    await sayName(page)
    await page.getByRole('table', { name: 'Targets' }).waitFor()
    assert.equal(pathOf(page), '/')
  })

  it('takes a token beneath it', async () => {
    const page = await place.visit(browser)
    await page.goto(`${place.url}/signin?next=${encodeURIComponent(place.link())}`)
    await page.getByText('Sign in with a token').click()
    await page.getByRole('textbox', { name: 'Token' }).fill(await place.ground.gateway.token('bob'))
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Start session' }).waitFor()
    assert.equal(pathOf(page), place.link())
    await page.getByRole('button', { name: 'User menu: bob' }).click()
    await page.getByText('with a token, until').waitFor()
  })

  it('goes back over the link, not round in circles', async () => {
    const page = await place.visit(browser)
    await page.goto(`${place.url}/signin`)
    await providerButton(page).waitFor()
    await page.goto(place.url + place.link())
    await page.getByRole('textbox', { name: 'Name' }).waitFor()
    await page.goBack()
    await providerButton(page).waitFor()
    assert.equal(pathOf(page), '/signin')
  })

  it('asks when the browser comes back without a sign-in', async () => {
    const page = await place.knownAtProvider(browser)
    let asked = 0
    await page.route('**/api/v1/me', async (route) => {
      asked += 1
      await route.fulfill({ status: 401, json: { code: 'unauthenticated', title: 'x', detail: 'x' } })
    })
    // The earlier sign-in of this tab took care of the mark that a departure leaves.
    await page.goto(place.url + place.link())
    await page.waitForURL(/\/signin\?next=/)
    await providerButton(page).waitFor()
    assert.equal(asked, 2, 'once before the provider and once after it')
  })
})

describe('a sign-in that comes to nothing', () => {
  it('says so in words, keeps the link, and Enter tries again', async () => {
    const page = await place.visit(browser)
    await page.goto(place.url + place.link('reason=INC-1', '#x'))
    await page.getByRole('button', { name: 'Cancel' }).click()
    const alert = page.getByRole('alert')
    await alert.waitFor()
    const words = await alert.innerText()
    assert.match(words, /Example SSO did not let you in/)
    assert.match(words, /sign_in_denied/)
    const request = /Request\s+([\w-]{36})/.exec(words)?.[1] ?? ''
    assert.match(place.ground.gateway.log, new RegExp(request), 'the id leads to the log')
    assert.deepEqual(await accessibilityProblems(page), [])
    await pressEnter(page)
    await sayName(page)
    await page.getByRole('button', { name: 'Start session' }).waitFor()
    assert.equal(pathOf(page), place.link('reason=INC-1', '#x'))
  })

  it('says that the provider is down, and goes on when it is back', async () => {
    const page = await place.visit(browser)
    // Nothing of it is remembered by a gateway that has just started.
    await place.ground.gateway.down()
    place.provider.down()
    await place.ground.gateway.up()
    await page.goto(place.url + place.link())
    await page.getByRole('alert').getByText('Example SSO cannot be reached').waitFor()
    place.provider.up()
    await eventually(
      async () => {
        const started = page.waitForResponse(/\/auth\/oidc\/start/)
        await pressEnter(page)
        return (await (await started).headerValue('location'))?.startsWith(place.provider.issuer) === true
      },
      { timeoutMs: 20_000, what: 'the gateway to ask again' },
    )
    await sayName(page)
    await page.getByRole('button', { name: 'Start session' }).waitFor()
    assert.equal(pathOf(page), place.link())
  })

  it('shows nothing of an address that somebody made up', async () => {
    const page = await place.visit(browser)
    const made = new URLSearchParams({
      problem: '<b>call 555</b>',
      request: 'call 555 now',
      next: '//evil.example/x',
    })
    await page.goto(`${place.url}/signin?${made.toString()}`)
    const alert = page.getByRole('alert')
    await alert.getByText('The sign-in did not work').waitFor()
    assert.doesNotMatch(await page.getByRole('main').innerText(), /555|evil/)
    await pressEnter(page)
    await sayName(page)
    await page.getByRole('table', { name: 'Targets' }).waitFor()
    assert.equal(pathOf(page), '/')
  })
})

describe('a sign-in that ends', () => {
  it('is renewed in a window beside the terminal, which stays', async () => {
    const page = await place.visit(browser)
    await place.arrive(page)
    const terminal = await startSession(page)
    await terminal.enter('clear; echo before-$((1+1))')
    await terminal.until(/^before-2$/m)
    const address = page.url()
    await endSignIn(page)
    await overlay(page).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    const opened = page.waitForEvent('popup')
    await pressEnter(page)
    const window = await opened
    // The provider still knows the person, and the window goes away by itself.
    await eventually(() => window.isClosed(), { timeoutMs: 20_000, what: 'the window to close' })
    await overlay(page).waitFor({ state: 'hidden' })
    assert.equal(page.url(), address)
    await page.getByText('Live', { exact: true }).waitFor()
    assert.match(await terminal.screen(), /^before-2$/m)
    assert.equal(await terminal.run('echo still mine'), 'still mine')
  })

  it('comes back to the same terminal when the page has to be left for it', async () => {
    const page = await place.visit(browser)
    await place.arrive(page)
    const terminal = await startSession(page)
    await terminal.enter('clear; echo before-$((1+1))')
    const address = page.url()
    await endSignIn(page)
    await overlay(page).getByRole('link', { name: 'leave this page' }).click()
    await terminal.until(/^before-2$/m)
    assert.equal(page.url(), address)
  })

  it('shows nothing of the one person to the next', async () => {
    const page = await place.visit(browser)
    await place.arrive(page)
    await endSignIn(page)
    await page.getByRole('textbox', { name: 'Reason' }).fill('what jane wrote')
    await overlay(page).waitFor({ timeout: 30_000 })
    await overlay(page).getByText('Sign in with a token').click()
    await overlay(page)
      .getByRole('textbox', { name: 'Token' })
      .fill(await place.ground.gateway.token('bob'))
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'User menu: bob' }).waitFor()
    assert.notEqual(await page.getByRole('textbox', { name: 'Reason' }).inputValue(), 'what jane wrote')
  })
})

describe('signing out', () => {
  it('everywhere closes the terminals of other tabs, and signs out of the provider', async () => {
    const page = await place.visit(browser)
    await place.arrive(page)
    await startSession(page)
    const other = await page.context().newPage()
    await other.goto(place.url)
    await other.getByRole('button', { name: 'User menu: Jane Doe' }).click()
    await other.getByRole('menuitem', { name: 'Sign out everywhere…' }).click()
    const dialog = other.getByRole('dialog', { name: 'Sign out everywhere?' })
    await dialog.waitFor()
    assert.deepEqual(await accessibilityProblems(other), [])
    await dialog.getByRole('button', { name: 'Sign out everywhere' }).click()
    // The provider asks as well.
    await other.getByRole('button', { name: 'Sign out', exact: true }).click()
    await other.getByText('You have signed out').waitFor()
    assert.equal(pathOf(other), '/signin')
    await overlay(page).waitFor()

    await other.goto(place.url + place.link())
    await providerButton(other).waitFor()
    await pressEnter(other)
    await sayName(other)
    await other.getByRole('button', { name: 'Start session' }).waitFor()
    await overlay(page).waitFor({ state: 'hidden' })
    await page.getByText('Live', { exact: true }).waitFor()
  })

  it('of this browser is not undone by the next link', async () => {
    const page = await place.visit(browser)
    await place.arrive(page)
    await page.getByRole('button', { name: 'User menu: Jane Doe' }).click()
    await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click()
    await page.getByText('You have signed out').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.goto(place.url + place.link())
    await pressEnter(page)
    await page.getByRole('button', { name: 'Start session' }).waitFor()
    assert.equal(pathOf(page), place.link())
  })
})
