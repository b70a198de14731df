import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Page, Route } from 'playwright-core'
import { TestBrowser } from '../support/browser.ts'
import { TestContainers, type TestContainer } from '../support/containers.ts'
import { defaultEngine, defaultSocket } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { within } from '../support/within.ts'

const main = fileURLToPath(new URL('../../server/main.ts', import.meta.url))

let browser: TestBrowser
let containers: TestContainers
let web: TestContainer
let other: TestContainer
let directory: string
let gateway: ChildProcess | undefined

before(async () => {
  containers = new TestContainers(await defaultEngine())
  web = await containers.start({ image: 'web' })
  other = await containers.start({ image: 'toolbox', cmd: ['/bin/sleep', '3600'] })
  browser = await TestBrowser.start()
  directory = await mkdtemp(join(tmpdir(), 'hatchway-first-run-'))
})
afterEach(async () => {
  try {
    await browser.closeVisits()
  } finally {
    await endGateway()
  }
})
after(async () => {
  await browser.close()
  await containers.removeAll()
  await rm(directory, { recursive: true, force: true })
})

/** `hatchway serve` with nothing but a port, and the link that it prints. */
async function serveUnconfigured(): Promise<string> {
  const env = {
    ...process.env,
    HATCHWAY_PORT: String(await freePort()),
    DOCKER_HOST: `unix://${defaultSocket}`,
  }
  const child = spawn(process.execPath, [main, 'serve'], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  gateway = child
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  return eventually(
    () => {
      if (child.exitCode !== null) throw new Error(`The gateway ended: ${printed}`)
      return /^ {2}(http:\S+)$/m.exec(printed)?.[1] ?? false
    },
    { timeoutMs: 30_000, what: 'the sign-in link' },
  )
}

async function endGateway(): Promise<void> {
  if (gateway === undefined || gateway.exitCode !== null) return
  const exited = once(gateway, 'exit')
  gateway.kill()
  await within(exited, 'the gateway to end', 20_000)
}

const targetLinks = (page: Page) =>
  page.getByRole('table', { name: 'Targets' }).getByRole('row').getByRole('link')

const targetsRequest = /\/api\/v1\/targets\?/

/** An engine without a single container is not to be had here; everything but this list is real. */
function answerNothing(route: Route): Promise<void> {
  const nothing = { items: [], total: 0, namespaces: [], states: {}, problems: [] }
  return route.fulfill({ json: nothing, headers: { 'cache-control': 'no-store' } })
}

describe('the first run', () => {
  it('signs in by the printed link, once, and shows the engine’s containers', async () => {
    const link = await serveUnconfigured()
    const page = await browser.visit()
    await page.goto(link)
    const targets = page.getByRole('table', { name: 'Targets' })
    const row = targets.getByRole('row').filter({ hasText: web.name })
    await row.waitFor()
    assert.equal(new URL(page.url()).hash, '', 'the code stays neither in the address nor in the history')
    await eventually(async () => /no shell/.test(await row.innerText()), { timeoutMs: 30_000 })
    const words = await row.innerText()
    for (const fact of [/65532/, /\bUp\b/, /hatchway-test\/web:1|web:1/]) assert.match(words, fact)
    await targets.getByRole('row').filter({ hasText: other.name }).waitFor()

    const late = await browser.visit()
    await late.goto(link)
    const refusal = late.getByRole('alert')
    await refusal.waitFor()
    assert.match(await refusal.innerText(), /This sign-in link no longer works/)
    await late.getByRole('textbox', { name: /Token or one-time link/ }).waitFor()
    assert.equal(await late.getByRole('table').count(), 0)
  })

  it('narrows the list with each letter, and says when nothing fits', async () => {
    const link = await serveUnconfigured()
    const page = await browser.visit()
    await page.goto(link)
    const search = page.getByRole('searchbox', { name: 'Search targets' })
    await search.waitFor()
    const counts = [await targetLinks(page).count()]
    await search.focus()
    for (const letter of web.name) {
      await page.keyboard.type(letter)
      counts.push(await targetLinks(page).count())
    }
    await eventually(async () => (await targetLinks(page).count()) === 1, { timeoutMs: 20_000 })
    assert.ok(
      counts.every((count, index) => count >= 1 && count <= (counts[index - 1] ?? count)),
      counts.join(', '),
    )
    assert.equal(await targetLinks(page).innerText(), web.name)
    // A longer list is searched by the gateway, with what the address says.
    await eventually(() => new URL(page.url()).searchParams.get('q') === web.name)
    await page.keyboard.type('-which-nobody-has')
    await page.getByRole('heading', { name: 'No target fits' }).waitFor()
    await page.getByRole('button', { name: 'Clear the search' }).click()
    await targetLinks(page).filter({ hasText: other.name }).waitFor()
    assert.equal(await search.inputValue(), '')
  })

  it('offers a sample where there is nothing to debug, and leads to its form', async () => {
    const link = await serveUnconfigured()
    const page = await browser.visit()
    await page.route(targetsRequest, answerNothing)
    await page.goto(link)
    await page.getByRole('heading', { name: 'Nothing to debug yet' }).waitFor()
    await page.getByRole('button', { name: 'Start a sample container' }).click()
    try {
      await page.waitForURL(/\/debug\/local\/hatchway-sample$/)
      await page.getByRole('heading', { name: 'hatchway-sample', level: 1 }).waitFor()
      await page.getByRole('button', { name: 'Start session' }).waitFor()
    } finally {
      const sample = await sampleId()
      if (sample !== undefined) await containers.remove(sample)
    }
  })

  it('shows the first target as it comes, and that there is none when the last one goes', async () => {
    const link = await serveUnconfigured()
    const page = await browser.visit()
    await page.route(targetsRequest, answerNothing)
    await page.goto(link)
    const nothing = page.getByRole('heading', { name: 'Nothing to debug yet' })
    await nothing.waitFor()
    await page.unroute(targetsRequest)
    await targetLinks(page).filter({ hasText: web.name }).waitFor()
    await page.route(targetsRequest, answerNothing)
    await nothing.waitFor()
    assert.equal(await page.getByRole('table').count(), 0)
  })
})

async function sampleId(): Promise<string | undefined> {
  const found = await containers.engine.docker.listContainers({
    all: true,
    filters: { name: ['^/hatchway-sample$'] },
  })
  return found[0]?.Id
}
