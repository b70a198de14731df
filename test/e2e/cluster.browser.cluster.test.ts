import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Session } from '../../server/protocol/session-api.ts'
import { TestBrowser } from '../support/browser.ts'
import { missingImage, startBrowserGateway } from '../support/browser-cluster.ts'
import type { BrowserGateway } from '../support/browser-gateway.ts'
import { BrowserTerminal, openInBrowser } from '../support/browser-terminal.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { eventually } from '../support/eventually.ts'

let cluster: TestCluster
let space: TestNamespace
let gateway: BrowserGateway
let browser: TestBrowser

before(async () => {
  cluster = await testCluster()
  space = await TestNamespace.create(cluster)
  await space.runDeployment({ name: 'api', user: '65532:65532', replicas: 2 })
  gateway = await startBrowserGateway(cluster)
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
  await space.close()
  cluster.api.close()
})

const visit = async () => browser.visit({ storageState: await gateway.signedIn() })
const list = () => `${gateway.url}/?namespace=${space.name}`

describe('a cluster in the browser', () => {
  it('is searched, explained and opened by the keyboard alone', async () => {
    const page = await visit()
    await page.goto(list())
    await page.getByRole('link', { name: `${space.name}/api`, exact: true }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('api')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')

    const pods = page.getByRole('group', { name: 'Pod', exact: true }).getByRole('radio')
    await pods.first().waitFor()
    assert.equal(await pods.count(), 2)
    const chosen = await page.getByRole('radio', { name: /^api-/, checked: true }).getAttribute('value')
    const words = await page.getByRole('region', { name: 'What will happen' }).innerText()
    assert.ok(words.includes(chosen ?? 'no pod'), words)
    assert.match(words, /65532:65532/)

    await page.keyboard.type('looking for the 502')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/sessions\/[^/]+\/terminal$/)
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    assert.match(await terminal.run('ps'), /\/httpd -f -p 8080/)
    assert.equal(await terminal.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    const { target } = await gateway.gateway.api<Session>('GET', `/sessions/${terminal.sessionId}`)
    assert.equal(target.resolved.pod, chosen)

    // What is true of every session here is read once for each browser.
    const notice = page.getByText(/also in the log of its container/)
    await page.locator('.ws-notice', { has: notice }).getByRole('button', { name: 'Dismiss' }).click()
    await notice.waitFor({ state: 'detached' })
    await page.reload()
    await terminal.prompt()
    assert.equal(await notice.count(), 0)
  })

  it('has runbook links that name the workload, and says when a link names a container that is not there', async () => {
    const [pod] = await space.pods('app=api')
    const name = pod?.metadata?.name ?? ''
    const page = await browser.visit({ storageState: await gateway.signedIn(), allow: [/status of 404/] })
    await page.goto(`${gateway.url}/debug/prod/${space.name}/pod/${name}?reason=INC-1`)
    await page.getByRole('button', { name: 'Copy runbook link' }).click()
    const dialog = page.getByRole('dialog', { name: 'Runbook link to api' })
    const link = await dialog.getByRole('tabpanel').locator('pre').innerText()
    const deployment = `${gateway.url}/debug/prod/${space.name}/deployment/api`
    assert.equal(link, `${deployment}?toolbox=busybox&profile=auto&reason=INC-1`)
    await dialog.getByRole('combobox', { name: 'Leads to' }).selectOption({ label: `this pod, ${name}` })
    await dialog.page().getByText('Stale as soon as the pod is replaced.').waitFor()
    await page.getByRole('tab', { name: 'Prometheus' }).click()
    const label = page.getByRole('textbox', { name: 'Label with the pod’s name' })
    assert.equal(await label.inputValue(), 'pod')

    await page.goto(`${link}&container=proxy`)
    await page.getByRole('heading', { name: /^There is no container proxy in api-\S+ now$/ }).waitFor()
    await page.getByRole('button', { name: 'Debug app' }).click()
    await page.getByRole('region', { name: 'What will happen' }).waitFor()
    assert.equal(new URL(page.url()).searchParams.get('container'), 'app')
    assert.equal(await page.getByRole('textbox', { name: 'Reason' }).inputValue(), 'INC-1')
  })

  it('shows what the kubelet says of a toolbox that it cannot pull, and gives it up when told to', async () => {
    const page = await visit()
    await page.goto(`${gateway.url}/debug/prod/${space.name}/deployment/api?toolbox=missing`)
    await page.getByRole('textbox', { name: 'Reason' }).fill('end-to-end test')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/sessions\/[^/]+\/terminal$/)
    const said = page.locator('.ws-start-detail').filter({ hasText: missingImage })
    await said.filter({ hasText: /pull/i }).waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'The start in api was cancelled' }).waitFor()
  })

  it('tells of a pod that is deleted, and opens the one that came after it', async () => {
    const page = await visit()
    const terminal = await openInBrowser(page, gateway.url, `prod/${space.name}/deployment/api`)
    await terminal.run('echo seen')
    const { target } = await gateway.gateway.api<Session>('GET', `/sessions/${terminal.sessionId}`)
    await space.deletePod(target.resolved.pod ?? '', 1)
    await page
      .getByText(/deleted/)
      .first()
      .waitFor()
    await page.getByRole('link', { name: 'Open the current pod' }).click()
    // What was known before is shown until the answer is there.
    const next = page.getByRole('radio', { name: /^api-/, checked: true })
    await eventually(async () => (await next.getAttribute('value')) !== target.resolved.pod, {
      what: 'another pod to be chosen',
    })
  })

  it('shows a pod that keeps crashing as failing, and its files in a debug copy that goes away again', async () => {
    await space.createPod({ name: 'worker', image: 'toolbox', command: ['/bin/sh', '-c', 'exit 3'] })
    await space.waitForPod(
      'worker',
      ({ status }) => {
        const own = status?.containerStatuses?.[0]
        return (own?.restartCount ?? 0) > 0 && own?.state?.running === undefined
      },
      { timeoutMs: 60_000 },
    )
    const page = await visit()
    await page.goto(list())
    const rows = page.getByRole('table', { name: 'Targets' }).getByRole('row')
    await rows.filter({ hasText: 'worker' }).filter({ hasText: /crash/i }).waitFor()
    await page.getByRole('checkbox', { name: /failing/i }).check()
    await rows.filter({ hasText: 'api' }).waitFor({ state: 'detached' })
    assert.equal(await rows.filter({ hasText: 'worker' }).count(), 1)

    await page.goto(`${gateway.url}/debug/prod/${space.name}/pod/worker`)
    await page.getByRole('radio', { name: /in a copy/ }).check()
    await page.getByRole('textbox', { name: 'Reason' }).fill('why does it exit with 3?')
    await page.getByRole('button', { name: 'Copy the pod and start' }).click()
    await page.waitForURL(/\/sessions\/[^/]+\/terminal$/)
    const terminal = new BrowserTerminal(page)
    await terminal.prompt()
    assert.match(await terminal.run('cat /proc/1/root/etc/passwd'), /^root:x:0:0/)
    const copies = async () =>
      (await space.pods()).filter(({ metadata }) => metadata?.name?.startsWith('worker-hatchway'))
    assert.equal((await copies()).length, 1)
    await gateway.gateway.api('DELETE', `/sessions/${terminal.sessionId}`, { reason: 'seen enough' })
    await eventually(async () => (await copies()).length === 0, { what: 'the copy to be gone' })
  })
})
