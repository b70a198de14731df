import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Request } from 'playwright-core'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import type { TestContainer } from '../support/containers.ts'

// DESIGN.md 7.
const limitKiB = 250

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

describe('the first load', () => {
  it('is small, compressed, kept by the browser, and without the terminal', async (t) => {
    const page = await browser.visit({ storageState: await gateway.signedIn() })
    const finished: Request[] = []
    page.on('requestfinished', (request) => finished.push(request))
    await page.goto(gateway.url)
    await page.getByRole('link', { name: target.name }).waitFor()
    await page.waitForLoadState('networkidle')
    const loaded = await Promise.all(
      finished.map(async (request) => {
        const response = await request.response()
        const headers = (await response?.allHeaders()) ?? {}
        const { responseBodySize } = await request.sizes()
        return { path: new URL(request.url()).pathname, bytes: responseBodySize, headers }
      }),
    )
    const app = loaded.filter(({ path }) => !path.startsWith('/api/'))
    assert.ok(app.length >= 3, 'a page, a script and a style at least')
    assert.equal(app.filter(({ path }) => path.endsWith('.css')).length, 1, 'one stylesheet for all of it')
    for (const { path, bytes, headers } of app.filter((each) => each.path.startsWith('/assets/'))) {
      assert.ok(bytes < 1000 || headers['content-encoding'] === 'gzip', `${path} is compressed`)
      assert.match(headers['cache-control'] ?? '', /immutable/, `${path} is kept`)
    }
    const bytes = loaded.reduce((sum, each) => sum + each.bytes, 0)
    const list = app.map((each) => `${each.path} ${(each.bytes / 1024).toFixed(1)}`).join(', ')
    t.diagnostic(
      `first load up to the targets list: ${(bytes / 1024).toFixed(1)} KiB compressed (bar ${limitKiB} KiB): ${list}`,
    )
    assert.ok(bytes > 20_000, 'something was measured')
    assert.ok(bytes <= limitKiB * 1024, `${bytes} bytes`)
    assert.ok(
      !loaded.some(({ path }) => /terminal|player|xterm/.test(path)),
      'the terminal comes when it is opened',
    )
  })
})
