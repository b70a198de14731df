import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { Run } from '../../server/protocol/run-api.ts'
import { accessibilityProblems, focusOf } from '../support/browser-accessibility.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'

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

const run = (script: string) =>
  gateway.gateway.api<Run>('POST', '/runs', {
    target: `local/${target.name}`,
    command: ['/bin/sh', '-c', script],
    timeoutSeconds: 60,
  })

async function visit(path: string): Promise<Page> {
  const page = await browser.visit({ storageState: await gateway.signedIn() })
  await page.goto(`${gateway.url}${path}`)
  return page
}

describe('a run in the web app', () => {
  it('shows its command, its exit code and its recording', async () => {
    const { id } = await run("echo 'it is done'; exit 3")
    const page = await visit('/sessions')
    const row = page.getByRole('row').filter({ hasText: 'exit 3' })
    await row.getByText('Command exited (code 3)').waitFor()
    await row.getByText('run', { exact: true }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await row.getByRole('link', { name: `local/${target.name}`, exact: true }).click()
    await page.waitForURL(`**/sessions/${id}`)
    await page.getByText(`/bin/sh -c "echo 'it is done'; exit 3"`).waitFor()
    await page.getByText('Exit code', { exact: true }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByRole('link', { name: 'Replay' }).click()
    await page.getByText('it is done', { exact: true }).first().waitFor()
  })

  it('offers no terminal while it runs, and can be terminated', async () => {
    const running = run('echo begun; sleep 50')
    const page = await visit('/sessions?state=pending-approval,starting,running')
    const row = page.getByRole('row').filter({ hasText: 'sleep 50' })
    await row.getByText('Running').waitFor()
    const links = await row.getByRole('link').allTextContents()
    assert.deepEqual(links, [`local/${target.name}`])
    await row.getByRole('link').click()
    await page.getByRole('button', { name: 'Terminate…' }).waitFor()
    assert.equal(await page.getByRole('link', { name: /Open terminal|Watch/ }).count(), 0)
    const home = await visit('/')
    await home.getByRole('link', { name: target.name }).first().waitFor()
    assert.equal(await home.getByText('Your live sessions').count(), 0)
    await page.getByRole('button', { name: 'Terminate…' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Terminate/ })
      .click()
    assert.equal((await running).end.reason, 'terminated')
    await eventually(async () => /^a (Replay|Start again)/.test((await focusOf(page))?.what ?? ''), {
      timeoutMs: 20_000,
      what: 'the focus on what is left to do',
    })
  })
})
