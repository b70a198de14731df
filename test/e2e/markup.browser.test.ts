import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal, openInBrowser } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'

const markup = '<img src=x onerror="alert(1)"><script>alert(2)</script><b id=injected>bold</b>'

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer

before(async () => {
  gateway = await BrowserGateway.start()
  target = await gateway.target({ labels: { 'com.example.team': markup, [markup]: 'as a key' } })
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

/** A dialog or a refused script fails the test by itself: see TestBrowser. */
async function assertHarmless(page: Page, where: string): Promise<void> {
  for (const made of ['#injected', 'img[src="x"]', 'script:not([src])'])
    assert.equal(await page.locator(made).count(), 0, `${made} was made of text on ${where}`)
}

describe('markup in what people and programs write', () => {
  it('stays text on every screen', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn() })
    // A runbook's link fills reason and ticket; what the program calls its window comes by an escape sequence.
    const query = new URLSearchParams({ reason: markup, ticket: markup, run: markup, toolbox: markup })
    await page.goto(`${gateway.url}/debug/local/${target.name}?${query}`)
    const reason = page.getByRole('textbox', { name: 'Reason' })
    assert.equal(await reason.inputValue(), markup)
    await page.getByText(markup).first().waitFor()
    await assertHarmless(page, 'the form')

    const terminal = await openInBrowser(
      page,
      gateway.url,
      `local/${target.name}?ticket=${encodeURIComponent(markup)}`,
      markup,
    )
    await terminal.enter(`printf '\\033]0;${markup}\\007'; printf '%s\\n' '${markup}'`)
    await page.getByText(markup.slice(0, 60)).first().waitFor()
    await eventually(async () => (await page.title()).startsWith('<img'))
    await page.getByRole('button', { name: 'Details' }).click()
    await page.getByRole('complementary', { name: 'Session details' }).getByText(markup).first().waitFor()
    await assertHarmless(page, 'the terminal')

    const { sessionId } = terminal
    await terminal.enter('exit')
    await page.getByText('Shell exited').waitFor()
    for (const path of [
      `/?q=${encodeURIComponent('<img')}`,
      '/sessions',
      `/sessions/${sessionId}`,
      '/audit',
    ]) {
      await page.goto(`${gateway.url}${path}`)
      const text = path.startsWith('/?') ? target.name : markup
      await page.getByRole('main').getByText(text).first().waitFor()
      await assertHarmless(page, path)
    }
    await page.goto(`${gateway.url}/sessions/${sessionId}/replay`)
    await page.getByRole('complementary', { name: 'Session facts' }).getByText(markup).first().waitFor()
    await page.getByRole('button', { name: /^Copy link to/ }).waitFor()
    await assertHarmless(page, 'the replay')
  })

  it('stays text in addresses that lead nowhere', async () => {
    const page = await browser.visit({
      storageState: await gateway.signedIn(),
      allow: [/status of 40[04]/],
    })
    const nowhere = encodeURIComponent(markup)
    for (const path of [`/debug/local/${nowhere}`, `/sessions/${nowhere}`, `/${nowhere}`]) {
      await page.goto(`${gateway.url}${path}`)
      await page.getByRole('main').getByRole('heading').first().waitFor()
      await assertHarmless(page, path)
    }
    // Text for the prompt is typed without a line end, and only what can be printed of it.
    const query = new URLSearchParams({ run: 'echo \u001B[31m$((1\n+1))\r' })
    await page.goto(`${gateway.url}/debug/local/${target.name}?${query}`)
    await page.getByRole('button', { name: 'Start session' }).click()
    const terminal = new BrowserTerminal(page)
    const screen = await terminal.until(/[#$] echo +\[31m\$\(\(1 \+1\)\)$/)
    assert.doesNotMatch(screen, /^2$/m)
  })
})
