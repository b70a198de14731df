import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { CuttableNetwork } from '../support/browser-network.ts'
import { openInBrowser, type BrowserTerminal } from '../support/browser-terminal.ts'
import { timeUntilRow } from '../support/browser-timing.ts'
import type { TestContainer } from '../support/containers.ts'

// DESIGN.md 7; only printed, because what else a machine does decides it as well.
const barMs = 100

let browser: TestBrowser
let gateway: BrowserGateway
let network: CuttableNetwork
let target: TestContainer

before(async () => {
  network = await CuttableNetwork.start()
  gateway = await BrowserGateway.start({ publicUrl: network.url })
  network.leadTo(gateway.gateway.url)
  target = await gateway.target()
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
  await network.close()
})

const cutErrors = [/net::ERR_/, /WebSocket connection to .* failed/]

async function open(): Promise<{ page: Page; terminal: BrowserTerminal }> {
  const page = await browser.visit({ storageState: await gateway.signedIn(), allow: cutErrors })
  return { page, terminal: await openInBrowser(page, gateway.url, `local/${target.name}`) }
}

/** As when a laptop loses its network: the browser is told, and every connection is gone. */
async function cut(page: Page): Promise<void> {
  await page.context().setOffline(true)
  network.cut()
  await page.getByText('Reconnecting').waitFor()
}

async function restore(page: Page): Promise<void> {
  network.restore()
  await page.context().setOffline(false)
}

async function isLive(page: Page): Promise<void> {
  await page.getByText('Live', { exact: true }).waitFor()
}

describe('coming back to a session', () => {
  it('shows the same screen of vi after a reload and after a cut, and types nothing', async () => {
    const { page, terminal } = await open()
    await terminal.enter('clear; vi /tmp/notes')
    await terminal.until(/^~$/m)
    await page.keyboard.type('ifirst line\nsecond line\nthird')
    const before = await terminal.until(/^third$/m)

    await page.reload()
    assert.equal(await terminal.until((screen) => screen === before), before)
    await cut(page)
    assert.equal(await terminal.screen(), before, 'the screen stays while there is no line')
    await restore(page)
    await isLive(page)
    assert.equal(await terminal.screen(), before)

    await terminal.input.focus()
    await page.keyboard.type(' and more')
    await terminal.until(/^third and more$/m)
    await page.keyboard.press('Escape')
    // busybox takes keys that follow an Escape at once for an unknown function key.
    await terminal.until(/^- \/tmp\/notes/m)
    await page.keyboard.type(':wq\n')
    await terminal.until(/[#$]$/)
    assert.equal(
      await terminal.run('cat /tmp/notes'),
      'first line\nsecond line\nthird and more',
      'vi got the keys that were pressed and no others',
    )
  })

  it('shows the same screen when more has gone by than the gateway still holds', async () => {
    const { page, terminal } = await open()
    await terminal.enter("clear; yes 'a rather long line of the flood' | head -n 100000; clear; top")
    await terminal.until(/^Mem: /m, 60_000)
    await page.keyboard.press('q')
    await terminal.until(/[#$]$/)
    await terminal.enter(
      "printf '\\033[2J\\033[H\\033[1;31mred\\033[0m\\n\\033[5;10H\\303\\244 \\346\\274\\242here\\n'",
    )
    const before = await terminal.until((screen) => /^ +ä 漢here\n.*[#$]$/m.test(screen))
    await page.reload()
    await terminal.until((screen) => screen === before)
    assert.equal(await terminal.run('echo alive'), 'alive')
  })

  it('answers no question a second time: the shell gets nothing that nobody typed', async () => {
    const { page, terminal } = await open()
    // Two of the questions that terminals answer by typing: what are you, where is the cursor.
    await terminal.enter(
      "clear; printf '\\033[c\\033[6n'; stty -icanon -echo; dd bs=64 count=1 2>/dev/null | cat -v; stty sane",
    )
    await terminal.until(/\^\[\[.*[cR]/)
    await terminal.prompt()
    await terminal.enter('clear; cat -v')
    await terminal.until((screen) => screen.endsWith('cat -v') || screen === '')
    await page.reload()
    await isLive(page)
    await cut(page)
    await restore(page)
    await isLive(page)
    await terminal.input.focus()
    await page.keyboard.type('typed\n')
    const screen = await terminal.until(/^typed\ntyped$/m)
    assert.doesNotMatch(screen, /\^\[/)
  })

  it('drops keys that are pressed without a line, and says so', async () => {
    const { page, terminal } = await open()
    await terminal.enter('clear')
    await terminal.prompt()
    await cut(page)
    await terminal.input.focus()
    await page.keyboard.type('rm -rf /')
    await page.getByText('Not sent: there is no connection.').waitFor()
    await restore(page)
    await isLive(page)
    assert.equal(await terminal.run('echo alive'), 'alive')
    const cast = await (
      await gateway.gateway.fetch('GET', `/sessions/${terminal.sessionId}/recording`)
    ).text()
    assert.doesNotMatch(cast, /rm -rf/)
  })

  it('is complete again soon after the network is back', async (t) => {
    const { page, terminal } = await open()
    const times: number[] = []
    for (let round = 1; round <= 5; round++) {
      await terminal.enter(`clear; sh -c 'sleep 1; seq 1 20; echo while-away-$((${round}))' &`)
      await terminal.until(/[#$]$/)
      await cut(page)
      const session = await gateway.gateway.connect(terminal.sessionId, { who: 'bob', role: 'observer' })
      await session.expect(new RegExp(`while-away-${round}\r\n`))
      session.close()
      times.push(
        await timeUntilRow(page, { event: 'online', row: `^while-away-${round}$` }, () => restore(page)),
      )
      await terminal.until(new RegExp(`^19\n20\nwhile-away-${round}$`, 'm'))
    }
    const shown = times.map((ms) => ms.toFixed(0)).join(', ')
    t.diagnostic(`network back to complete screen: ${shown} ms (bar ${barMs} ms)`)
  })
})
