import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { recordSession } from '../support/browser-recording.ts'
import { eventually } from '../support/eventually.ts'
import { outputOf } from '../support/recordings.ts'

const pauseSeconds = 6

let browser: TestBrowser
let gateway: BrowserGateway
let sessionId: string

before(async () => {
  gateway = await BrowserGateway.start()
  const target = await gateway.target()
  sessionId = await recordSession(gateway, `local/${target.name}`, [
    'echo early-$((40 + 2))',
    `sleep ${pauseSeconds}`,
    'echo late-$((40 + 3))',
  ])
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

async function open(query = ''): Promise<Page> {
  const page = await browser.visit({
    storageState: await gateway.signedIn(),
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  await page.goto(`${gateway.url}/sessions/${sessionId}/replay${query}`)
  await page.getByRole('button', { name: /^Copy link to/ }).waitFor()
  return page
}

/** The player's screen has no role of its own: what the page shows is asked. */
async function shows(page: Page, text: string, timeoutMs = 30_000): Promise<void> {
  await eventually(async () => (await page.getByRole('main').innerText()).includes(text), {
    timeoutMs,
    what: `${text} in the player`,
  })
}

async function hides(page: Page, text: string): Promise<void> {
  await eventually(async () => !(await page.getByRole('main').innerText()).includes(text), {
    timeoutMs: 10_000,
    what: `${text} to be gone`,
  })
}

const link = (page: Page): Locator => page.getByRole('button', { name: /^Copy link to/ })

/** The second of the recording that the player is at, whatever pauses it leaves out. */
async function second(page: Page): Promise<number> {
  const [, minutes, seconds] = /(\d+):(\d+)/.exec(await link(page).innerText()) ?? []
  return Number(minutes) * 60 + Number(seconds)
}

describe('a replay', () => {
  it('plays by itself, leaves long pauses out, and plays them when asked', async () => {
    const page = await open()
    await shows(page, 'early-42')
    await shows(page, 'late-43')
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor()
    await eventually(async () => (await second(page)) >= pauseSeconds)
    const played = await page.getByRole('main').innerText()
    const [, shown] = /00:0(\d)/.exec(played) ?? []
    assert.ok(Number(shown) < pauseSeconds, `the player's own clock says ${shown} s at the end`)

    const skip = page.getByRole('switch', { name: 'Skip pauses' })
    assert.equal(await skip.isChecked(), true)
    await skip.click()
    assert.equal(await skip.isChecked(), false)
    const faster = page.getByRole('button', { name: '8×' })
    await faster.click()
    assert.equal(await faster.getAttribute('aria-pressed'), 'true')
    await shows(page, 'late-43')

    await page.setViewportSize({ width: 390, height: 844 })
    const full = page.locator('.ap-fullscreen-button')
    await eventually(
      async () => {
        const box = await full.boundingBox()
        return box !== null && box.x + box.width <= 390
      },
      { timeoutMs: 20_000, what: 'the whole player within the width of a phone' },
    )
  })

  it('goes to any point by the keyboard', async () => {
    const page = await open()
    await shows(page, 'late-43')
    await page.getByRole('switch', { name: 'Skip pauses' }).click()
    await page.getByRole('button', { name: 'Play', exact: true }).focus()
    await page.keyboard.press('5')
    await hides(page, 'late-43')
    await shows(page, 'early-42')
    await page.keyboard.press('9')
    await eventually(async () => (await second(page)) >= pauseSeconds - 1, { timeoutMs: 20_000 })
    await page.keyboard.press('Space')
    await shows(page, 'late-43')
  })

  it('is linked to by the second', async () => {
    const at = await open('?t=3')
    await shows(at, 'early-42')
    await at.getByRole('button', { name: 'Play', exact: true }).waitFor()
    await hides(at, 'late-43')
    // Of the pause that second 3 is in, the player shows the beginning only.
    await eventually(async () => [2, 3].includes(await second(at)), { timeoutMs: 20_000 })
    const linked = await second(at)
    await link(at).click()
    await at.getByRole('button', { name: 'Link copied' }).waitFor()
    const copied = await at.evaluate(() =>
      (
        globalThis as unknown as { navigator: { clipboard: { readText(): Promise<string> } } }
      ).navigator.clipboard.readText(),
    )
    assert.equal(copied, `${gateway.url}/sessions/${sessionId}/replay?t=${linked}`)
    await shows(await open(`?t=${pauseSeconds + 1}`), 'late-43')
  })

  it('is downloaded as asciicast v3, and verified', async () => {
    const page = await open()
    await page.getByRole('button', { name: 'Download' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('menuitem', { name: /asciicast v3/ }).click()
    const file = await download
    assert.match(file.suggestedFilename(), /\.cast$/)
    const cast = await readFile(await file.path(), 'utf8')
    assert.equal((JSON.parse(cast.split('\n')[0] ?? '') as { version: number }).version, 3)
    assert.match(outputOf(cast).toString(), /early-42[^]*late-43/)

    await page.getByRole('button', { name: 'Verify recording' }).click()
    await page.getByText('Whole and unaltered').waitFor()
  })

  it('is found in the list of sessions', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn() })
    await page.goto(gateway.url)
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Sessions' }).click()
    await page
      .getByRole('table', { name: 'Sessions' })
      .getByRole('link', { name: /^Replay / })
      .click()
    await page.waitForURL(new RegExp(`/sessions/${sessionId}/replay$`))
    await shows(page, 'early-42')
  })
})
