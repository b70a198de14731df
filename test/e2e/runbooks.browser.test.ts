import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { accessibilityProblems } from '../support/browser-accessibility.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal, openInBrowser } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'

const sum = 'echo $((40 + 2))'
const markup = '<img src=x onerror="alert(1)"><b id=injected>bold</b>'
const runbooks = [
  {
    name: 'heap',
    steps: [{ text: `Which one is large?\n${markup}`, command: 'ps -o pid,args' }, { command: sum }],
  },
  { name: 'disk', steps: [{ text: 'Where is it full?', command: 'df -h' }, { text: 'Ask the team.' }] },
  { name: 'elsewhere', where: { targets: ['somebody-else-*'] }, steps: [{ text: 'Not here' }] },
]

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer

before(async () => {
  gateway = await BrowserGateway.start({ config: { runbooks } })
  target = await gateway.target()
  browser = await TestBrowser.start()
})
afterEach(async () => {
  await browser.closeVisits()
  await gateway.gateway.endSessions()
})
after(async () => {
  await browser.close()
  await gateway.stop()
})

const panelOf = (page: Page) => page.getByRole('complementary', { name: 'Runbooks' })
const commandOf = (page: Page, command: string) =>
  panelOf(page).getByRole('button', { name: `Type at the prompt: ${command}` })

async function open(viewport = { width: 1280, height: 800 }) {
  const page = await browser.visit({ storageState: await gateway.signedIn(), viewport })
  return { page, terminal: await openInBrowser(page, gateway.url, `local/${target.name}`) }
}

describe('runbooks beside the terminal', () => {
  it('are opened, read and typed by the keyboard alone, and run only by Enter', async () => {
    const { page, terminal } = await open()
    assert.equal(await panelOf(page).count(), 0)
    await page.keyboard.press('Control+Shift+L')
    await panelOf(page).getByText('Which one is large?').waitFor()
    assert.deepEqual(
      await panelOf(page).getByRole('combobox', { name: 'Runbook' }).getByRole('option').allTextContents(),
      ['heap', 'disk'],
      'only those for this target',
    )
    assert.equal(await page.locator('#injected').count(), 0)
    assert.deepEqual(await accessibilityProblems(page), [])
    // The first command has the focus; the second is two stops away, behind the first one's copy button.
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    const screen = await terminal.until((text) => text.endsWith(`$ ${sum}`))
    assert.doesNotMatch(screen, /^42$/m)
    await page.keyboard.press('Enter')
    await terminal.until(/^42$/m)
  })

  it('closes by its key and by Escape, and gives the keys back to the terminal', async () => {
    const { page, terminal } = await open()
    await page.keyboard.press('Control+Shift+L')
    await panelOf(page).waitFor()
    await page.keyboard.press('Escape')
    await panelOf(page).waitFor({ state: 'detached' })
    await page.keyboard.type('echo a$((1))b')
    await page.keyboard.press('Enter')
    await terminal.until(/^a1b$/m)
    for (const shown of ['attached', 'detached'] as const) {
      await page.keyboard.press('Control+Shift+L')
      await panelOf(page).waitFor({ state: shown })
    }
  })

  it('stay as this viewer left them: in this session, and open in the next one', async () => {
    const { page } = await open()
    await page.getByRole('button', { name: 'Runbooks' }).click()
    await panelOf(page).getByRole('combobox', { name: 'Runbook' }).selectOption('disk')
    await commandOf(page, 'df -h').waitFor()
    await page.reload()
    await commandOf(page, 'df -h').waitFor()
    await openInBrowser(page, gateway.url, `local/${target.name}`)
    await commandOf(page, sum).waitFor()
    await page.getByRole('button', { name: 'Close runbooks' }).click()
    await page.reload()
    await page.getByRole('button', { name: 'Runbooks' }).waitFor()
    assert.equal(await panelOf(page).count(), 0)
    // Another viewer has never opened them.
    const other = await browser.visit({ storageState: await gateway.signedIn('joe') })
    await other.goto(page.url())
    await other.getByRole('button', { name: 'Runbooks' }).waitFor()
    assert.equal(await panelOf(other).count(), 0)
  })

  it('type nothing for somebody who watches, who is told why, until they have control', async () => {
    const { page, terminal } = await open()
    const watching = await browser.visit({ storageState: await gateway.signedIn('joe') })
    await watching.goto(page.url())
    await watching.getByRole('button', { name: 'Runbooks' }).click()
    await panelOf(watching).getByText('Only whoever controls the session can type').waitFor()
    const command = commandOf(watching, sum)
    assert.equal(await command.getAttribute('aria-disabled'), 'true')
    await command.click({ force: true })
    assert.deepEqual(await accessibilityProblems(watching), [])
    assert.equal(await terminal.run('echo mine alone'), 'mine alone')
    await watching.getByRole('button', { name: 'Take control' }).click()
    await eventually(async () => (await command.getAttribute('aria-disabled')) === null)
    await command.click()
    await new BrowserTerminal(watching).until((text) => text.endsWith(`$ ${sum}`))
  })

  it('copy a command', async () => {
    const { page } = await open()
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Runbooks' }).click()
    await panelOf(page).getByRole('button', { name: 'Copy the command' }).nth(1).click()
    const copied = 'navigator.clipboard.readText()'
    await eventually(async () => (await page.evaluate(copied)) === sum)
  })

  it('stand below the terminal on a phone, which stays in sight', async () => {
    const { page, terminal } = await open({ width: 390, height: 800 })
    await page.getByRole('button', { name: 'Runbooks' }).click()
    const command = commandOf(page, sum)
    await command.scrollIntoViewIfNeeded()
    await command.click()
    await terminal.until((text) => text.replaceAll('\n', '').endsWith(`$ ${sum}`))
    const [screen, panel] = [
      await page.locator('.xterm-screen').boundingBox(),
      await panelOf(page).boundingBox(),
    ]
    assert.ok(screen && panel)
    assert.ok(
      screen.y + screen.height <= panel.y + 1,
      `${JSON.stringify(screen)} above ${JSON.stringify(panel)}`,
    )
    assert.ok(screen.height > 200 && panel.width === 390)
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390)
  })
})
