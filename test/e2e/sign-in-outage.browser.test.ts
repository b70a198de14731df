import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { BrowserSignIn } from '../support/browser-sign-in.ts'
import { BrowserTerminal } from '../support/browser-terminal.ts'
import { TestBrowser } from '../support/browser.ts'

let browser: TestBrowser
let place: BrowserSignIn

before(async () => {
  place = await BrowserSignIn.start({ refreshEvery: '5s' })
  browser = await TestBrowser.start()
})
after(async () => {
  await browser.close()
  await place.stop()
})

describe('a provider that goes silent', () => {
  it('costs nobody their sign-in: terminal and pages say so, and go on by themselves', async () => {
    const page = await browser.visit({
      allow: [/status of 503/, /WebSocket connection to .* failed/, /favicon/],
    })
    await place.arrive(page)
    await page.getByRole('textbox', { name: 'Reason' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/sessions\/[^/]+\/terminal$/)
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    place.provider.down()
    await page.getByText('The identity provider gives no answer').waitFor()
    const other = await page.context().newPage()
    await other.goto(`${place.url}/sessions`)
    await other.getByText('This page asks again every 5 seconds').waitFor()

    place.provider.up()
    await other.getByRole('table', { name: 'Sessions' }).waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
    assert.equal(await terminal.run('echo still mine'), 'still mine')
    assert.equal(await page.getByRole('dialog').count(), 0, 'nobody had to sign in again')
    await browser.closeVisits()
  })
})
