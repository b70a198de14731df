import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { focusOf } from '../support/browser-accessibility.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal, openInBrowser } from '../support/browser-terminal.ts'
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

const hasFocus = (element: unknown): boolean => {
  const inside = globalThis as unknown as { document: { activeElement: unknown } }
  return inside.document.activeElement === element
}
const visit = async () => browser.visit({ storageState: await gateway.signedIn() })

describe('a session in a container without a shell', () => {
  it('is chosen, explained and started by the keyboard alone', async () => {
    const page = await visit()
    await page.goto(gateway.url)
    await page.getByRole('link', { name: target.name }).waitFor()
    const menu = page.getByRole('button', { name: /^User menu/ })
    const place = await menu.boundingBox()
    await page.keyboard.press('/')
    await page.keyboard.type(target.name)
    const rows = page.getByRole('table', { name: 'Targets' }).getByRole('row')
    // The head is a row too.
    await eventually(async () => (await rows.count()) === 2, { timeoutMs: 20_000 })
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')

    await page.getByRole('heading', { name: target.name }).waitFor()
    const what = page.getByRole('region', { name: 'What will happen' })
    await what.waitFor()
    const words = await what.innerText()
    assert.match(words, /65532:65532/)
    assert.match(words, /cd \$TARGET/)
    assert.match(words, /Everything that the terminal shows is recorded/)
    assert.ok(words.includes(target.name))

    await page.keyboard.type('looking for the 502')
    assert.equal(await page.getByRole('textbox', { name: 'Reason' }).inputValue(), 'looking for the 502')
    await page.keyboard.press('Enter')
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    assert.deepEqual(await menu.boundingBox(), place, 'the top bar stands still')

    assert.equal(await terminal.run('id -u; id -g'), '65532\n65532')
    assert.match(await terminal.run('ps'), /^ *1 \S+ +\/httpd -f -p 8080/m)
    assert.equal(await terminal.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    assert.equal(await terminal.run('wget -qO- 127.0.0.1:8080/hello.txt'), 'hello from the target')
    const session = await gateway.gateway.api<{ reason: string }>('GET', `/sessions/${terminal.sessionId}`)
    assert.equal(session.reason, 'looking for the 502')
  })
  it('follows the window’s size, passes Ctrl-P to the shell, and ends in a replay', async () => {
    const page = await visit()
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    const before = await terminal.run('stty size')
    assert.equal(
      Number(before.split(' ')[0]),
      (await terminal.rows()).length,
      'the first prompt has the size too',
    )
    await page.setViewportSize({ width: 900, height: 500 })
    const sizes = await eventually(
      async () => {
        const now = await terminal.run('stty size')
        return now !== before && now
      },
      { timeoutMs: 30_000, what: 'another size' },
    )
    const [rows = 0, columns = 0] = sizes.split(' ').map(Number)
    const [rowsBefore = 0, columnsBefore = 0] = before.split(' ').map(Number)
    assert.ok(rows < rowsBefore && columns < columnsBefore, `${before}, then ${sizes}`)
    assert.equal((await terminal.rows()).length, rows)

    await terminal.enter('clear; echo $((40 + 2))')
    await terminal.until(/^42$/m)
    await terminal.enter('clear')
    await terminal.prompt()
    await page.keyboard.press('Control+p')
    await page.keyboard.press('Control+p')
    await terminal.until(/clear; echo \$\(\(40 \+ 2\)\)$/)
    await page.keyboard.press('Enter')
    await terminal.until(/^42$/m)

    await terminal.enter('exit 3')
    await page.getByText('Shell exited (code 3)').waitFor()
    const again = page.getByRole('link', { name: 'Start again' })
    await eventually(async () => again.evaluate(hasFocus), {
      timeoutMs: 20_000,
      what: 'the focus at the end',
    })
    assert.match(await terminal.screen(), /^42$/m, 'the last screen stays')
    await page.getByRole('link', { name: 'Replay' }).click()
    await page.waitForURL(/\/replay$/)
    await page.getByRole('heading', { name: target.name, level: 1 }).waitFor()
    await page.getByRole('button', { name: 'Download' }).waitFor()
  })

  it('lets the keyboard out by F6 and back, and gives programs that key with Shift', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn(), allow: [/net::ERR_FAILED/] })
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    await page.route('**/api/v1/auth/session', (route) => route.abort())
    await page.getByRole('button', { name: /^User menu/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click()
    await page.getByText('Not signed out').waitFor()
    // What is said in passing takes no key.
    await terminal.input.focus()
    await page.keyboard.press('F6')
    assert.match((await focusOf(page))?.what ?? '', /^button Details/)
    await page.keyboard.press('Enter')
    await page.getByRole('complementary', { name: 'Session details' }).waitFor()
    await page.keyboard.press('F6')
    assert.equal(await terminal.input.evaluate(hasFocus), true)
    await page.keyboard.press('F6')
    assert.match((await focusOf(page))?.what ?? '', /^button Close details/, 'the panel comes before the bar')
    await page.keyboard.press('F6')
    await page.keyboard.press('F6')
    await terminal.enter('clear; cat -v')
    await page.keyboard.press('Shift+F6')
    await page.keyboard.press('Enter')
    await terminal.until(/^\^\[\[17~$/m)
    await page.keyboard.press('Control+c')
    await terminal.enter('clear; for n in 1 2 3; do echo straw $n; done')
    await terminal.until(/^straw 3$/m)
    await page.keyboard.press('Control+Shift+F')
    await page.keyboard.type('straw')
    await page.getByText('3 of 3').waitFor()
    await page.keyboard.press('Escape')
    assert.equal(await terminal.input.evaluate(hasFocus), true)

    await page.getByRole('button', { name: 'Terminate', exact: true }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Terminate this session?' }).waitFor()
    await page.keyboard.press('Enter')
    const again = page.getByRole('link', { name: 'Start again' })
    await eventually(async () => again.evaluate(hasFocus), {
      timeoutMs: 20_000,
      what: 'the focus at the end',
    })
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    assert.equal(await again.evaluate(hasFocus), true, 'also when the dialog has faded away')
    const close = new RegExp(`^Close ${target.name}(?!.* goes on)`)
    await page.getByRole('button', { name: close }).waitFor()
    await terminal.input.focus()
    await page.keyboard.press('Tab')
    assert.match((await focusOf(page))?.what ?? '', /^a Replay/, 'an ended terminal holds no Tab')
  })

  it('leaves the keys in the search field when it ends', async () => {
    const page = await visit()
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    await page.keyboard.press('Control+Shift+F')
    const search = page.getByRole('textbox', { name: 'Search in the terminal' })
    await search.fill('what was')
    await gateway.gateway.api('DELETE', `/sessions/${terminal.sessionId}`, { reason: 'seen enough' })
    await page.getByRole('link', { name: 'Start again' }).waitFor()
    await page.keyboard.type(' it')
    assert.equal(await search.inputValue(), 'what was it')
  })

  it('is read out in screen reader mode, which the browser remembers', async () => {
    const page = await visit()
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    const spoken = page.getByRole('listitem').filter({ hasText: /^seven hills$/ })
    await terminal.enter("clear; printf 'seven %s\\n' hills")
    await terminal.until(/^seven hills$/m)
    assert.equal(await spoken.count(), 0)
    await page.getByRole('button', { name: 'Terminal menu' }).click()
    await page.getByRole('menuitemcheckbox', { name: 'Screen reader mode' }).click()
    await spoken.waitFor()
    await page.reload()
    await spoken.waitFor()
  })

  it('makes colours readable unless they are to be exact, which the browser remembers', async () => {
    const page = await browser.visit({ storageState: await gateway.signedIn(), colorScheme: 'light' })
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    const orange = page.locator('.xterm-rows span').filter({ hasText: /^orange$/ })
    const colour = () =>
      orange.evaluate((element) => {
        const inside = globalThis as unknown as { getComputedStyle(of: unknown): { color: string } }
        return inside.getComputedStyle(element).color
      })
    await terminal.enter("clear; printf '\\033[38;2;255;100;0morange\\033[m\\n'")
    await orange.waitFor()
    assert.notEqual(await colour(), 'rgb(255, 100, 0)')
    await page.getByRole('button', { name: 'Terminal menu' }).click()
    await page.getByRole('menuitemcheckbox', { name: 'Exact colours' }).click()
    await eventually(async () => (await colour()) === 'rgb(255, 100, 0)', { timeoutMs: 20_000 })
    await page.reload()
    await orange.waitFor()
    assert.equal(await colour(), 'rgb(255, 100, 0)')
  })
})

describe('a part of the app whose code does not come', () => {
  const lost = [/net::ERR_FAILED/, /Failed to fetch dynamically imported module/, /status of 404/]
  const lossy = async () => browser.visit({ storageState: await gateway.signedIn(), allow: lost })

  it('says so in its own place, leaves the live terminal alone, and comes when it is asked for again', async () => {
    const page = await lossy()
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    const layers = [
      ['command-palette', () => page.getByRole('button', { name: /^Go to/ }).click(), 'Go to'],
      [
        'link-dialog',
        async () => {
          await page.getByRole('button', { name: 'Terminal menu' }).click()
          await page.getByRole('menuitem', { name: 'Copy runbook link' }).click()
        },
        `Runbook link to ${target.name}`,
      ],
    ] as const
    for (const [chunk, open, dialog] of layers) {
      await page.route(`**/assets/${chunk}-*.js`, (route) => route.abort())
      await open()
      const words = page.getByRole('dialog', { name: 'This part could not be loaded' })
      await words.getByRole('button', { name: 'Close' }).click()
      await words.waitFor({ state: 'hidden' })
      assert.equal(await terminal.run('echo still mine'), 'still mine')
      await open()
      await page.unroute(`**/assets/${chunk}-*.js`)
      await words.getByRole('button', { name: 'Try again' }).click()
      await page.getByRole('dialog', { name: dialog }).waitFor()
      await page.keyboard.press('Escape')
    }
    await page.route('**/assets/sessions-page-*.js', (route) => route.abort())
    await page.getByRole('link', { name: 'Sessions', exact: true }).click()
    await page.getByRole('heading', { name: 'This part could not be loaded' }).waitFor()
    await page.goBack()
    assert.equal(await terminal.run('echo there again'), 'there again')
  })

  it('is said to belong to an older version when the gateway has another, and the page waits for its reader', async () => {
    const page = await lossy()
    const terminal = await openInBrowser(page, gateway.url, `local/${target.name}`)
    await page.route('**/assets/command-palette-*.js', (route) => route.fulfill({ status: 404, body: '' }))
    await page.route(`${gateway.url}/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<script type="module" src="/assets/next.js">' }),
    )
    await page.getByRole('button', { name: /^Go to/ }).click()
    const words = page.getByRole('dialog', { name: 'Hatchway was updated' })
    await words.getByText('Reload when you are ready').waitFor()
    await words.getByRole('button', { name: 'Close' }).click()
    assert.equal(await terminal.run('echo still mine'), 'still mine')
  })
})
