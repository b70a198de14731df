import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { Session } from '../../server/protocol/session-api.ts'
import { accessibilityProblems } from '../support/browser-accessibility.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'

// jane looks after the tests: she ends what is left.
const policy = `
rules:
  - name: four eyes
    who: {subjects: [ada]}
    actions: [open]
    effect: require-approval
    approval: {groups: [leads], count: 1}
    breakGlass: {groups: [oncall]}
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit], effect: allow}
  - {name: lists, who: {everyone: true}, actions: [list], effect: allow}
  - {name: leads approve, who: {groups: [leads]}, actions: [approve], effect: allow}
`

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer

before(async () => {
  gateway = await BrowserGateway.start({ policy })
  gateway.gateway.groups['ada'] = ['oncall']
  gateway.gateway.groups['lea'] = ['leads']
  target = await gateway.target()
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

async function ask(reason: string): Promise<Page> {
  const page = await browser.visit({ storageState: await gateway.signedIn('ada') })
  await page.goto(`${gateway.url}/debug/local/${target.name}`)
  await page.getByText('This needs an approval by one person of leads.').waitFor()
  await page.getByRole('textbox', { name: /^Reason/ }).fill(reason)
  return page
}

async function askAndWait(reason: string): Promise<Page> {
  const page = await ask(reason)
  await page.getByRole('button', { name: 'Ask for approval' }).click()
  await page.getByRole('heading', { name: `Waiting for approval to open ${target.name}` }).waitFor()
  await page.getByText('0 of 1 approval from leads').waitFor()
  assert.equal(await page.getByText('Live', { exact: true }).count(), 0, 'nothing lives yet')
  return page
}

async function approvals(): Promise<Page> {
  const page = await browser.visit({ storageState: await gateway.signedIn('lea') })
  await page.goto(gateway.url)
  await page.getByRole('link', { name: /^Approvals 1 waiting/ }).click()
  return page
}

describe('a session that needs an approval', () => {
  it('is asked for, approved by somebody else, and goes on by itself to the terminal', async () => {
    const adas = await askAndWait('checkout is slow')
    const leas = await approvals()
    const request = leas.getByRole('article', { name: `Request of ada for local/${target.name}` })
    assert.match(await request.innerText(), /checkout is slow/)
    assert.deepEqual(await accessibilityProblems(leas), [])
    assert.deepEqual(await accessibilityProblems(adas), [])
    await request.getByRole('button', { name: 'Approve' }).click()
    await leas.getByRole('heading', { name: 'Nothing waits for you' }).waitFor()
    const terminal = new BrowserTerminal(adas)
    await terminal.prompt()
    assert.equal(await terminal.run('echo it-$((1 + 1))'), 'it-2')
    const { approval } = await gateway.gateway.api<Session>(
      'GET',
      `/sessions/${terminal.sessionId}`,
      undefined,
      'ada',
    )
    assert.equal(approval?.outcome, 'approved')
  })

  it('is not denied without a reason, and the requester reads it', async () => {
    const adas = await askAndWait('just curious')
    const leas = await approvals()
    await leas.getByRole('button', { name: 'Deny' }).click()
    await leas.getByRole('alert').getByText('Say why').waitFor()
    await leas.keyboard.type('Ask the owners first')
    await leas.getByRole('button', { name: 'Deny' }).click()
    await adas.getByRole('heading', { name: 'Request denied by lea' }).waitFor()
    await adas.getByText('Ask the owners first').waitFor()
  })

  it('is explained to who may not even ask', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn('lea') })
    await page.goto(`${gateway.url}/debug/local/${target.name}`)
    await page.getByRole('heading', { name: 'You may not open a session here' }).waitFor()
    await page.getByRole('button', { name: 'Why not?' }).click()
    await page.getByRole('region', { name: 'Why not' }).getByText('four eyes is for others').waitFor()
  })

  it('can be withdrawn', async () => {
    const adas = await askAndWait('a second thought')
    await adas.getByRole('button', { name: 'Withdraw the request' }).click()
    await adas.getByRole('heading', { name: 'Request withdrawn' }).waitFor()
  })

  it('starts at once in an emergency, with a reason and a confirmation, and is reviewed', async () => {
    const adas = await ask('')
    assert.deepEqual(await accessibilityProblems(adas), [])
    await adas.getByRole('button', { name: 'Break glass…' }).click()
    await adas.getByText('A reason is needed here.').waitFor()
    await adas.keyboard.type('the shop is down')
    await adas.getByRole('button', { name: 'Break glass…' }).click()
    await adas.getByRole('button', { name: 'Break glass and start' }).click()
    const terminal = new BrowserTerminal(adas)
    await terminal.prompt()
    await terminal.enter('exit')
    await adas.getByText('Shell exited').waitFor()

    const leas = await approvals()
    const review = leas.getByRole('article', { name: `Review of the session of ada in local/${target.name}` })
    await review.getByRole('textbox', { name: /reason/ }).fill('It was down indeed')
    await review.getByRole('button', { name: /^Justified/ }).click()
    await leas.getByRole('heading', { name: 'Nothing waits for you' }).waitFor()
    const session = await gateway.gateway.api<Session>(
      'GET',
      `/sessions/${terminal.sessionId}`,
      undefined,
      'ada',
    )
    assert.equal(session.breakGlass?.review?.verdict, 'justified')
  })
})
