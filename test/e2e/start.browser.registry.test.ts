import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { Session } from '../../server/protocol/session-api.ts'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal } from '../support/browser-terminal.ts'
import type { TestContainer } from '../support/containers.ts'
import { defaultEngine } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { images } from '../support/images.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { startSlowProxy, type SlowProxy } from '../support/slow-proxy.ts'

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer
let registry: TestRegistry
let proxy: SlowProxy
let image: string

before(async () => {
  const { docker } = await defaultEngine()
  registry = await startRegistry()
  const files = { ...images.toolbox.files, '/junk': { bytes: randomBytes(6 * 1024 * 1024) } }
  const ref = await registry.publish(docker, 'browser', { ...images.toolbox, files })
  // Slow enough to be watched, until it is healed.
  proxy = await startSlowProxy({ to: registry.port, bytesPerSecond: 800_000 })
  image = ref.replace(String(registry.port), String(proxy.port))
  gateway = await BrowserGateway.start({
    config: { toolboxes: [{ name: 'remote', image, shell: ['/bin/sh'] }] },
  })
  target = await gateway.target()
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
  const { docker } = await defaultEngine()
  await docker
    .getImage(image)
    .remove({ force: true })
    .catch(() => {})
  await proxy.close()
  await registry.close()
})

async function start(): Promise<Page> {
  const page = await browser.visit({ storageState: await gateway.signedIn() })
  await page.goto(`${gateway.url}/debug/local/${target.name}`)
  await page.getByRole('button', { name: 'Start session' }).click()
  await page.getByRole('heading', { name: `Opening ${target.name}` }).waitFor()
  return page
}

const present = (page: Page) => page.getByRole('listitem').and(page.locator('[aria-current="step"]'))

describe('a start that takes its time', () => {
  it('can be cancelled, says so, and leaves nothing behind', async () => {
    const page = await start()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: `The start in ${target.name} was cancelled` }).waitFor()
    await page.getByRole('link', { name: 'Start again' }).waitFor()
    const { sessionId } = new BrowserTerminal(page)
    const session = await gateway.gateway.api<Session>('GET', `/sessions/${sessionId}`)
    assert.equal(session.end?.reason, 'terminated')
    const { docker } = await defaultEngine()
    await eventually(async () => {
      const filters = { label: [`hatchway.session=${sessionId}`] }
      return (await docker.listContainers({ all: true, filters })).length === 0
    })
  })

  it('shows its steps and how far the image has come, then the prompt', async () => {
    const page = await start()
    const bar = page.getByRole('progressbar', { name: `Getting ${image}` })
    await bar.waitFor()
    assert.match(await present(page).innerText(), /Getting the toolbox image/)
    const percent = async () => Number(await bar.getAttribute('aria-valuenow'))
    const first = await eventually(async () => (await percent()) || false, { timeoutMs: 30_000 })
    await eventually(async () => (await percent()) > first, { timeoutMs: 30_000 })
    assert.match(await present(page).innerText(), /[\d.]+ [KM]iB of [\d.]+ MiB/)
    proxy.heal()
    const terminal = new BrowserTerminal(page)
    await terminal.prompt(60_000)
    assert.equal(await terminal.run('id -u'), '65532')
    const [rows] = (await terminal.run('stty size')).split(' ')
    assert.equal(
      Number(rows),
      (await terminal.rows()).length,
      'the size that the window got during the start',
    )
  })
})
