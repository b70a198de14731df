import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { parse } from 'yaml'
import { accessibilityProblems } from '../support/browser-accessibility.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { openInBrowser } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer

before(async () => {
  gateway = await BrowserGateway.start({
    config: { runbooks: [{ name: 'Disk is full', steps: [{ text: 'Where?', command: 'df -h' }] }] },
  })
  target = await gateway.target()
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

async function visit(path: string, width = 1280): Promise<Page> {
  const page = await browser.visit({
    storageState: await gateway.signedIn(),
    viewport: { width, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  await page.goto(`${gateway.url}${path}`)
  return page
}

const dialogOf = (page: Page) => page.getByRole('dialog', { name: `Runbook link to ${target.name}` })
const textOf = (dialog: Locator) => dialog.getByRole('tabpanel').locator('pre').innerText()

async function copied(page: Page): Promise<string> {
  await dialogOf(page).getByRole('button', { name: 'Copy' }).click()
  await dialogOf(page).getByRole('button', { name: 'Copied' }).waitFor()
  return page.evaluate<string>('navigator.clipboard.readText()')
}

describe('a runbook link is built', () => {
  it('from a row of the list, by the keyboard too, and its link leads to the form that it says', async () => {
    const page = await visit('/')
    const row = page.getByRole('row').filter({ hasText: target.name })
    await row.getByRole('link', { name: target.name }).focus()
    const button = row.getByRole('button', { name: `Copy runbook link to ${target.name}` })
    await button.press('Enter')
    const dialog = dialogOf(page)
    await dialog.getByRole('combobox', { name: 'Profile' }).selectOption('restricted')
    await dialog.getByRole('textbox', { name: 'Reason' }).fill(`it's 100% "full" & {{ hot }}`)
    await dialog.getByRole('combobox', { name: 'At the prompt' }).selectOption('runbook Disk is full')
    assert.deepEqual(await accessibilityProblems(page), [])
    const link = await copied(page)
    assert.equal(link, await textOf(dialog))
    assert.ok(link.startsWith(`${gateway.url}/debug/local/${target.name}?`), link)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })

    await page.goto(link)
    await page.getByRole('radio', { name: 'restricted', checked: true }).waitFor()
    assert.equal(
      await page.getByRole('textbox', { name: 'Reason' }).inputValue(),
      `it's 100% "full" & {{ hot }}`,
    )
    await page.getByText('Disk is full opens beside the terminal. Nothing is typed.').waitFor()
  })

  it('as Markdown, as an annotation of Prometheus and as a receiver of Alertmanager', async () => {
    const page = await visit(`/debug/local/${target.name}?reason=INC-1&run=uptime`)
    await page.getByRole('button', { name: 'Copy runbook link' }).click()
    const dialog = dialogOf(page)
    await dialog.getByRole('tab', { name: 'Markdown' }).click()
    assert.match(
      await copied(page),
      /^\[Debug .+ in local\]\(http:.+\?toolbox=busybox&profile=auto&reason=INC-1&run=uptime\)$/,
    )
    const command = dialog.getByRole('textbox', { name: 'Command' })
    await command.fill('x'.repeat(1999))
    await dialog.getByText('is not brought back to it').waitFor()
    await command.fill('uptime')
    await dialog.getByText('is not brought back to it').waitFor({ state: 'detached' })
    await dialog.getByRole('tab', { name: 'Prometheus' }).click()
    const { annotations } = parse(await copied(page)) as { annotations: { debug_url: string } }
    assert.match(annotations.debug_url, /\/debug\/local\/\{\{ \$labels\.name \| urlquery \}\}\?/)
    const label = dialog.getByRole('textbox', { name: 'Label with the container’s name' })
    await label.fill('a b')
    await dialog.getByText('Letters, digits and underscores only.').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await label.fill('container_name')
    await dialog.getByRole('tab', { name: 'Alertmanager' }).click()
    const config = parse(await copied(page)) as {
      receivers: { slack_configs: { actions: { url: string }[] }[] }[]
    }
    assert.match(
      config.receivers[0]?.slack_configs[0]?.actions[0]?.url ?? '',
      /\{\{ \.CommonLabels\.container_name \| urlquery \}\}\?toolbox=busybox&profile=auto&reason=INC-1&run=uptime$/,
    )
    assert.deepEqual(await accessibilityProblems(page), [])
  })

  it('from a session, its terminal and the palette, with its toolbox and without its reason', async () => {
    const page = await visit('/')
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`, 'about then')
    const expected = `${gateway.url}/debug/local/${target.name}?toolbox=busybox&profile=auto`
    const check = async () => {
      await eventually(async () => (await textOf(dialogOf(page))) === expected)
      await page.keyboard.press('Escape')
      await dialogOf(page).waitFor({ state: 'detached' })
    }
    await page.getByRole('button', { name: 'Terminal menu' }).click()
    await page.getByRole('menuitem', { name: 'Copy runbook link' }).click()
    await check()
    assert.equal(await terminal.run('echo still mine'), 'still mine')
    await page.goto(`${gateway.url}/sessions/${terminal.sessionId}`)
    await page.getByRole('button', { name: 'Copy runbook link' }).click()
    await check()
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Go to' }).fill('runbook link')
    await page.getByRole('option', { name: 'Copy runbook link' }).waitFor()
    await page.keyboard.press('Enter')
    await check()
  })

  it('with the process that was chosen, from the form and from the session’s terminal', async () => {
    const { name } = await gateway.target({ image: 'web-init' })
    const page = await visit(`/debug/local/${name}?reason=INC-1&process=httpd`)
    const dialog = page.getByRole('dialog', { name: `Runbook link to ${name}` })
    await page.getByText('which was chosen').waitFor()
    await page.getByRole('button', { name: 'Copy runbook link' }).click()
    const process = dialog.getByRole('combobox', { name: 'Process' })
    assert.equal(await process.inputValue(), 'httpd')
    const link = `${gateway.url}/debug/local/${name}?process=httpd&toolbox=busybox&profile=auto`
    assert.equal(await textOf(dialog), `${link}&reason=INC-1`)
    assert.deepEqual(await accessibilityProblems(page), [])
    await process.selectOption('')
    assert.equal(await textOf(dialog), `${link.replace('process=httpd&', '')}&reason=INC-1`)
    await process.selectOption('httpd')
    assert.equal(await textOf(dialog), `${link}&reason=INC-1`)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Start session' }).click()
    await page.waitForURL(/\/terminal$/)
    await page.getByRole('button', { name: 'Terminal menu' }).click()
    await page.getByRole('menuitem', { name: 'Copy runbook link' }).click()
    await eventually(async () => (await textOf(dialog)) === link)
  })

  it('on a phone, where it scrolls and can be closed', async () => {
    const page = await visit(`/debug/local/${target.name}`, 390)
    await page.getByRole('button', { name: 'Copy runbook link' }).click()
    await dialogOf(page).getByRole('tab', { name: 'Alertmanager' }).click()
    assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 390)
    await dialogOf(page).getByRole('button', { name: 'Close' }).click()
    await dialogOf(page).waitFor({ state: 'detached' })
  })
})
