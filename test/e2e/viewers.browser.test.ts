import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal, openInBrowser } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer

before(async () => {
  gateway = await BrowserGateway.start()
  target = await gateway.target()
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

describe('two people in one session', () => {
  it('lets the second watch, then take control, and tells the first', async () => {
    const first = await browser.visit({ storageState: await gateway.signedIn('jane') })
    const janes = await openInBrowser(first, gateway.url, `local/${target.name}`)
    await janes.enter('clear; echo for-all-to-see')
    await janes.until(/^for-all-to-see$/m)

    const second = await browser.visit()
    await second.goto(first.url())
    await second.getByRole('textbox', { name: 'Token' }).fill(await gateway.gateway.token('bob'))
    await second.keyboard.press('Enter')
    const bobs = new BrowserTerminal(second)
    await bobs.until(/^for-all-to-see$/m)
    await second.getByText('You are watching. jane controls it.').waitFor()
    await first.getByRole('button', { name: '1 watching' }).waitFor()
    await bobs.input.focus()
    await second.keyboard.type('not for bob to type\n')
    await janes.enter('echo live-$((1 + 1))')
    await bobs.until(/^live-2$/m)
    assert.doesNotMatch(await janes.screen(), /not for bob/)

    await second.getByRole('button', { name: 'Take control' }).click()
    await first.getByRole('alert').getByRole('heading', { name: 'bob took control' }).waitFor()
    await second.getByText('You are watching').waitFor({ state: 'hidden' })
    // The terminal has the focus already.
    await second.keyboard.type('clear; echo typed-$((1 + 1))-at-once\n')
    await bobs.until(/^typed-2-at-once$/m)
    assert.equal(await bobs.run('echo now bob types'), 'now bob types')

    await first.getByRole('button', { name: 'Watch' }).click()
    await janes.until(/^now bob types$/m)
    await janes.input.focus()
    await first.keyboard.type('nor for jane now\n')
    await first.getByRole('button', { name: 'Take control' }).click()
    await second.getByRole('alert').getByRole('heading', { name: 'jane took control' }).waitFor()
    const screen = await janes.until(/[#$]$/)
    assert.doesNotMatch(screen, /nor for jane/)
    assert.equal(await janes.run('echo mine again'), 'mine again')
  })
})
