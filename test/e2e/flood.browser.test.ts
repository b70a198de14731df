import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { openInBrowser } from '../support/browser-terminal.ts'
import { timeUntilRow } from '../support/browser-timing.ts'
import type { TestContainer } from '../support/containers.ts'

// DESIGN.md 7; only printed, because what else a machine does decides it as well.
const barMs = 150
const floodMs = 3_000

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

describe('a flood of output', () => {
  it('ends at Ctrl-C with the prompt back', async (t) => {
    const page = await browser.visit({ storageState: await gateway.signedIn() })
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    const times: number[] = []
    for (let round = 0; round < 5; round++) {
      await terminal.enter('yes')
      await terminal.until(/^y\ny\ny$/m)
      // Not a wait for something: this long it floods.
      await delay(floodMs)
      times.push(
        await timeUntilRow(page, { event: 'keydown', row: '[#$]$', lastOnly: true }, () =>
          // The clock starts with the Control key, a moment before the C.
          page.keyboard.press('Control+c'),
        ),
      )
      assert.equal(await terminal.run('echo alive'), 'alive')
    }
    const shown = times.map((ms) => ms.toFixed(0)).join(', ')
    t.diagnostic(`Ctrl-C to prompt after ${floodMs} ms of yes: ${shown} ms (bar ${barMs} ms)`)
    assert.ok(Math.max(...times) < 5_000, `${shown} ms`)
  })
})
