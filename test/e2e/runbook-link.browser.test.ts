import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { Session } from '../../server/protocol/session-api.ts'
import { accessibilityProblems, focusOf } from '../support/browser-accessibility.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'
import { imageRef } from '../support/images.ts'

// jane looks after the tests: she ends what is left.
const policy = `
rules:
  - name: on-call with a ticket
    who: {groups: [sre-oncall]}
    actions: [open, watch]
    toolboxes: [busybox]
    effect: allow
    requireReason: true
    requireTicket: true
    ticketPattern: 'INC-[0-9]+'
  - name: four eyes
    who: {subjects: [bea]}
    actions: [open]
    effect: require-approval
    approval: {groups: [leads], count: 1}
  - {name: leads approve, who: {groups: [leads]}, actions: [approve], effect: allow}
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit], effect: allow}
  - {name: lists, who: {subjects: [joe]}, actions: [list], effect: allow}
`

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer

before(async () => {
  gateway = await BrowserGateway.start({
    policy,
    config: {
      runbooks: [
        { name: 'heap', steps: [{ text: 'Which process is large?', command: 'ps -o pid,rss,args' }] },
      ],
      toolboxes: ['busybox', 'netshoot'].map((name) => ({
        name,
        image: imageRef('toolbox'),
        shell: ['/bin/sh'],
      })),
    },
  })
  gateway.gateway.groups['ada'] = ['sre-oncall', 'leads']
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

const link = (query: Record<string, string>, name = target.name) =>
  `/debug/local/${name}?${new URLSearchParams(query)}`
const visit = async (who = 'ada', allow: RegExp[] = []) =>
  browser.visit({ storageState: await gateway.signedIn(who), allow })
const what = (page: Page) => page.getByRole('region', { name: 'What will happen' })
const sessions = async () =>
  (await gateway.gateway.api<{ items: Session[] }>('GET', '/sessions?limit=200')).items

describe('a runbook link', () => {
  it('leads a stranger through the sign-in to exactly the prepared form, which Enter starts', async (t) => {
    const page = await browser.visit()
    const path = link({
      toolbox: 'busybox',
      profile: 'auto',
      reason: '502 in „Kasse“ & Co: 100%, not 50%26',
      ticket: 'INC-42',
      run: 'heap',
    })
    await page.goto(`${gateway.url}${path}`)
    await page.getByRole('textbox', { name: /Token/ }).fill(await gateway.gateway.token('ada'))
    const before = performance.now()
    await page.keyboard.press('Enter')
    await what(page).waitFor()
    t.diagnostic(`sign-in to prepared form: ${Math.round(performance.now() - before)} ms`)
    const { pathname, search } = new URL(page.url())
    assert.equal(pathname + search, path)
    const reason = page.getByRole('textbox', { name: 'Reason' })
    assert.equal(await reason.inputValue(), '502 in „Kasse“ & Co: 100%, not 50%26')
    assert.equal(await page.getByRole('textbox', { name: 'Ticket' }).inputValue(), 'INC-42')
    const words = await what(page).innerText()
    assert.match(words, /heap opens beside the terminal\. Nothing is typed\./)
    assert.match(words, /on-call with a ticket/)
    assert.equal(await page.getByRole('alert').count(), 0)
    assert.match((await focusOf(page))?.what ?? '', /Reason/)
    assert.deepEqual(await accessibilityProblems(page), [])

    await reason.press('Enter')
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    const panel = page.getByRole('complementary', { name: 'Runbooks' })
    await panel.getByText('Which process is large?').waitFor()
    assert.match(await terminal.screen(), /[#$]$/, 'nothing was typed')
    const session = await gateway.gateway.api<Session>(
      'GET',
      `/sessions/${terminal.sessionId}`,
      undefined,
      'ada',
    )
    assert.deepEqual(
      [session.reason, session.ticket, session.toolbox, session.target.resolved.id],
      ['502 in „Kasse“ & Co: 100%, not 50%26', 'INC-42', 'busybox', target.id],
    )
    // It belongs to this session alone: the viewer did not choose it.
    await page.reload()
    await panel.waitFor()
    assert.equal(await page.evaluate("localStorage.getItem('hatchway.runbooks')"), null)
  })

  it('may name a process of the container, which then decides who the session runs as, and never makes it root', async () => {
    const { name } = await gateway.target({ image: 'web-init' })
    const page = await visit('ada', [/status of 503/])
    const asks = { reason: 'a reason', ticket: 'INC-7' }
    await page.goto(`${gateway.url}${link({ ...asks, process: 'init' }, name)}`)
    await page.getByText('The profile auto does not go with this process').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Start session' }).isDisabled())
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.getByLabel('Process to look at').focus()
    await page.keyboard.press('ArrowUp')
    await page.getByText(/Looks at httpd \(process \d+, user 65532:65532\), started by init/).waitFor()
    // What could not be asked of a process is not said of it, and not started.
    await page.route(/api.v1.targets.*process=/, (route) => route.fulfill({ status: 503 }))
    await page.goto(`${gateway.url}${link({ ...asks, process: 'httpd' }, name)}`)
    await page.getByRole('alert').filter({ hasText: 'Unexpected answer (503)' }).waitFor()
    assert.equal(await what(page).count(), 0)
    await page.getByRole('button', { name: 'Start session' }).click()
    assert.equal(new URL(page.url()).pathname, `/debug/local/${name}`)
    await page.unroute(/api.v1.targets.*process=/)
    await what(page)
      .getByText(/^Runs as 65532:65532 like the target's httpd, process \d+, which was chosen/)
      .waitFor()
    await page.getByRole('button', { name: 'Start session' }).click()
    await page.waitForURL(/\/terminal$/)
    assert.equal((await sessions())[0]?.process, 'httpd')
  })

  it('starts nothing by itself, whatever it says', async () => {
    const page = await visit()
    const before = (await sessions()).length
    const query = {
      reason: 'x',
      ticket: 'INC-1',
      run: 'reboot\r\n',
      start: '1',
      autostart: 'true',
      command: 'reboot',
    }
    await page.goto(`${gateway.url}${link(query)}#start`)
    await what(page).waitFor()
    await page.getByRole('button', { name: 'Start session' }).waitFor()
    // The form asks for its target every five seconds: another answer, and still nothing has begun.
    await page.waitForResponse(/\/api\/v1\/targets\/local\//)
    assert.equal(new URL(page.url()).pathname, `/debug/local/${target.name}`)
    assert.equal((await sessions()).length, before)
  })

  it('says what it could not bring: characters that nobody sees, a toolbox that is gone or not allowed', async () => {
    const page = await visit()
    const run = 'echo \u202Egnp\u200B\n\u001B]0;x\u0007 ok\r'
    const query = { reason: 'a\u202Eb', ticket: 'INC-1\n', toolbox: 'netshoot', profile: 'root\u0000', run }
    await page.goto(`${gateway.url}${link(query)}`)
    const alerts = page.getByRole('alert')
    await alerts.filter({ hasText: 'The link’s reason had characters that cannot be shown' }).waitFor()
    await alerts.filter({ hasText: 'The link’s text for the prompt had line ends' }).waitFor()
    await alerts.filter({ hasText: 'asks for the toolbox “netshoot”, which is not available' }).waitFor()
    await alerts.filter({ hasText: 'asks for the profile “root”, which is not available' }).waitFor()
    assert.equal(await page.getByRole('textbox', { name: 'Reason' }).inputValue(), 'ab')
    assert.deepEqual(await accessibilityProblems(page), [])
    await page.keyboard.press('Enter')
    const terminal = new BrowserTerminal(page)
    const screen = await terminal.until(/[#$] echo gnp ]0;x {2}ok$/)
    assert.doesNotMatch(screen, /^gnp/m)
  })

  it('wants what policy wants before it sends anything, and leads to the field that was refused', async () => {
    const page = await visit('ada', [/status of 403/])
    await page.goto(`${gateway.url}${link({ reason: 'x' })}`)
    const ticket = page.getByRole('textbox', { name: /^Ticket/ })
    await page.getByText('All of it has to match INC-[0-9]+.').waitFor()
    const sent: string[] = []
    page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()))
    await page.keyboard.press('Enter')
    await page.getByText('A ticket is needed here').waitFor()
    assert.match((await focusOf(page))?.what ?? '', /Ticket/)
    assert.deepEqual(sent, [])
    await page.keyboard.type('urgent')
    await page.keyboard.press('Enter')
    await page.getByText(/wants another ticket .* all of it must match INC-\[0-9\]\+/).waitFor()
    assert.equal(await ticket.getAttribute('aria-invalid'), 'true')
    assert.match((await focusOf(page))?.what ?? '', /Ticket/)
    assert.deepEqual(await accessibilityProblems(page), [])
    await ticket.fill('INC-7')
    assert.equal(await ticket.getAttribute('aria-invalid'), null)
    await page.keyboard.press('Enter')
    await new BrowserTerminal(page).prompt()
  })

  it('says to whom it is not allowed what is missing, as whom they came, and whom to ask', async () => {
    const page = await visit('joe')
    await page.goto(`${gateway.url}${link({ reason: 'x', run: 'heap' })}`)
    await page.getByRole('heading', { name: 'You may not open a session here' }).waitFor()
    const words = await page.getByRole('main').innerText()
    assert.match(words, /"on-call with a ticket" would allow it for members of sre-oncall/)
    assert.match(words, /You are signed in as joe, a member of no group/)
    assert.match(words, /ask somebody who may, or whoever maintains the policy/)
    assert.ok(!words.includes('Which process is large?'))
  })

  it('waits with its text for the approval that policy wants, and types it then', async () => {
    const page = await visit('bea')
    await page.goto(`${gateway.url}${link({ reason: 'x', run: 'echo $((40 + 2))' })}`)
    await page.getByText('This needs an approval by one person of leads.').waitFor()
    await page.getByRole('textbox', { name: 'Reason' }).press('Enter')
    await page.getByRole('heading', { name: `Waiting for approval to open ${target.name}` }).waitFor()
    const terminal = new BrowserTerminal(page)
    const decision = { decision: 'approve', reason: 'go' }
    await gateway.gateway.api('POST', `/sessions/${terminal.sessionId}/decision`, decision, 'ada')
    const screen = await terminal.until(/[#$] echo \$\(\(40 \+ 2\)\)$/)
    assert.doesNotMatch(screen, /^42$/m)
  })

  it('shows what its environment may not know, where that matters', async () => {
    const page = await visit()
    // A cluster behind its watch is not to be had here; everything but this answer is real.
    const notice = 'The list of pods is older than a minute.'
    const items = [{ id: 'local', kind: 'docker', reachable: true, notices: [notice] }]
    await page.route(/\/api\/v1\/environments$/, (route) => route.fulfill({ json: { items } }))
    await page.goto(`${gateway.url}${link({})}`)
    await page.getByText('local may not show everything, or show what was.').waitFor()
    await page.getByRole('main').getByText(notice).waitFor()
    await page.getByRole('button', { name: /^Environments/ }).click()
    await page.getByRole('listitem').filter({ hasText: notice }).waitFor()
  })

  it('resolves to the container that has the name now, and says when none has', async () => {
    const page = await visit('ada', [/status of 404/])
    const name = `${target.name}-replaced`
    const first = await gateway.target({ name })
    await page.goto(`${gateway.url}${link({ reason: 'x', ticket: 'INC-1' }, name)}`)
    await what(page).waitFor()
    await first.container.remove({ force: true })
    await page.getByRole('heading', { name: 'There is no such container now' }).waitFor()
    await page.getByText('You are signed in as ada, a member of sre-oncall, leads').waitFor()
    const second = await gateway.target({ name })
    await page.getByRole('button', { name: 'Try again' }).click()
    await what(page).waitFor()
    await page.getByRole('textbox', { name: 'Reason' }).press('Enter')
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    const { target: opened } = await gateway.gateway.api<Session>(
      'GET',
      `/sessions/${terminal.sessionId}`,
      undefined,
      'ada',
    )
    assert.equal(opened.resolved.id, second.id)
  })

  it('that names no target asks the gateway for nothing, and stays on the site', async () => {
    const page = await visit()
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    for (const path of [
      '/debug/..%2Fme',
      '/debug/local%2f..%2f..%2fme',
      '/debug//evil.example/x',
      '/debug/prod//deployment/api',
      '/debug/https:%2F%2Fevil.example',
      '/debug/local/%E2%80%AEweb',
    ]) {
      await page.goto(`${gateway.url}${path}`)
      await page.getByRole('heading', { name: 'This link names no target' }).waitFor()
    }
    const targets = asked.filter((url) => /\/api\/v1\/targets\//.test(url))
    assert.deepEqual(targets, [])
    assert.ok(asked.every((url) => url.startsWith(gateway.url)))
  })

  it('does not lead off the site by way of the sign-in', async () => {
    const token = await gateway.gateway.token('ada')
    for (const next of [
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      '/.//evil.example',
      'https://evil.example',
    ]) {
      const page = await browser.visit()
      await page.goto(`${gateway.url}/signin?next=${encodeURIComponent(next)}`)
      await page.getByRole('textbox', { name: /Token/ }).fill(token)
      await page.keyboard.press('Enter')
      await eventually(() => new URL(page.url()).pathname === '/')
      assert.equal(new URL(page.url()).origin, gateway.url)
    }
  })
})
