import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { focusOf } from '../support/browser-accessibility.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { openInBrowser } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'
import { outputOf } from '../support/recordings.ts'

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

interface PageInside {
  navigator: { clipboard: { readText(): Promise<string>; writeText(text: string): Promise<void> } }
}

/** Puts text into the clipboard, then presses the keys for pasting. */
async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate(
    (copied) => (globalThis as unknown as PageInside).navigator.clipboard.writeText(copied),
    text,
  )
  await page.keyboard.press('Control+Shift+V')
}

async function open() {
  const page = await browser.visit({
    storageState: await gateway.signedIn(),
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  return { page, terminal: await openInBrowser(page, gateway.url, `local/${target.name}`) }
}

describe('pasting', () => {
  it('brings 1 MB whole, and asks first because each line would run', async () => {
    const { page, terminal } = await open()
    const text = `${'x'.repeat(99)}\n`.repeat(10_000)
    const typed = text.replaceAll('\n', '\r')
    await terminal.enter('clear; stty raw -echo; echo reading; head -c 1000000 | md5sum; stty sane')
    await terminal.until(/reading/)
    await paste(page, text)
    const question = page.getByRole('dialog', { name: /Paste 10000 lines/ })
    await question.getByRole('button', { name: 'Paste' }).click()
    await terminal.until(new RegExp(createHash('md5').update(typed).digest('hex')), 60_000)
    await terminal.prompt()
  })

  it('sends nothing when the question is answered with no, and one line without a question', async () => {
    const { page, terminal } = await open()
    await terminal.enter('clear')
    await terminal.prompt()
    await paste(page, 'echo first\necho second\n')
    const question = page.getByRole('dialog', { name: /Paste 2 lines/ })
    await question.getByRole('button', { name: 'Cancel' }).click()
    await question.waitFor({ state: 'hidden' })
    await terminal.input.focus()
    await paste(page, 'echo only-this')
    const screen = await terminal.until(/[#$] echo only-this$/)
    assert.doesNotMatch(screen, /first|second/)
  })

  it('shows what in it nobody sees before it is typed, and can leave that out', async () => {
    const { page, terminal } = await open()
    await paste(page, 'true \u0015echo sa\u200Bfe')
    const question = page.getByRole('dialog', { name: /with hidden characters/ })
    const words = await question.innerText()
    assert.match(words, /\^U deletes the line before it/)
    assert.match(words, /U\+200B takes no room/)
    assert.match(words, /true ⟨\^U⟩echo sa⟨U\+200B⟩fe/)
    await question.getByRole('button', { name: 'Paste without them' }).click()
    await terminal.until(/[#$] true echo safe$/)
    // The menu's own way asks the same.
    await page.getByRole('button', { name: 'Terminal menu' }).click()
    await page.getByRole('menuitem', { name: 'Paste' }).click()
    await question.getByRole('button', { name: 'Cancel' }).click()
    await question.waitFor({ state: 'hidden' })
    await terminal.until(/[#$] true echo safe$/)
  })

  it('is what its answer is about, also where a program asks for the clipboard meanwhile', async () => {
    const { page, terminal } = await open()
    // It asks when the window changes, which is when the other question is there.
    const ask = String.raw`printf \"\\033]52;c;aGk=\\007\"; echo asked`
    await terminal.enter(`clear; sh -c 'trap "${ask}" WINCH; echo ready; while :; do sleep 1; done'`)
    await terminal.until(/^ready$/m)
    await paste(page, 'one\ntwo\n')
    const pasting = page.getByRole('dialog', { name: /Paste 2 lines/ })
    await pasting.waitFor()
    await page.setViewportSize({ width: 900, height: 500 })
    await terminal.until(/^asked$/m)
    assert.ok(await pasting.isVisible())
    // The second click of a double one agrees to nothing.
    await pasting.getByRole('button', { name: 'Paste', exact: true }).dblclick()
    const copying = page.getByRole('dialog', { name: /write to your clipboard/ })
    await copying.waitFor()
    await terminal.until(/^two$/m)
    await eventually(async () => (await focusOf(page))?.what.startsWith('button Refuse') === true, {
      what: 'the focus on the harmless answer',
    })
    await page.keyboard.press('Enter')
    await copying.waitFor({ state: 'hidden' })
    await eventually(async () => (await focusOf(page))?.what.includes('Terminal input') === true, {
      what: 'the focus in the terminal',
    })
    await page.keyboard.press('Control+c')
    await terminal.prompt()
    const kept = await page.evaluate(() =>
      (globalThis as unknown as PageInside).navigator.clipboard.readText(),
    )
    assert.equal(kept, 'one\ntwo\n')
  })
})

describe('binary output', () => {
  it('leaves the terminal usable, and every byte in the recording', async () => {
    const { page, terminal } = await open()
    const bytes = (await readFile('/bin/busybox')).subarray(0, 300_000)
    // Without the newlines' translation the recording holds the file as it is.
    await terminal.enter('stty -opost; head -c 300000 /bin/busybox; stty opost; printf "\\033c"; echo over')
    await terminal.until(/^over$/m, 60_000)
    // Whatever the file asked the terminal, its answers are at the prompt now.
    await page.keyboard.press('Control+c')
    await page.keyboard.press('Control+c')
    assert.equal(await terminal.run('echo alive'), 'alive')
    const recording = await gateway.gateway.fetch('GET', `/sessions/${terminal.sessionId}/recording`)
    assert.ok(outputOf(await recording.text()).includes(bytes), 'the recording has all of it')
  })
})
