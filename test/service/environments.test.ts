import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Environment } from '../../server/protocol/api.ts'
import { startApiServerDouble, writeKubeconfig, type ApiServerDouble } from '../support/api-server-double.ts'
import { makeCertificates } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { TestGateway } from '../support/gateway.ts'

/** Clusters that can't be used: each is shown with its reason, and none keeps the gateway from starting. */
describe('environments', () => {
  let directory: string
  let silent: ApiServerDouble
  let gateway: TestGateway

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-environments-'))
    silent = await startApiServerDouble(await makeCertificates(directory, 'silent'))
    silent.answer = () => {}
    const closed = { server: `https://127.0.0.1:${await freePort()}` }
    const down = await writeKubeconfig(directory, 'down', closed, { token: 'x' })
    const untrusted = await writeKubeconfig(directory, 'untrusted', { server: silent.url }, { token: 'x' })
    const trusting = { server: silent.url, 'insecure-skip-tls-verify': true }
    const hanging = await writeKubeconfig(directory, 'hanging', trusting, { token: 'x' })
    const plugin = await writeKubeconfig(directory, 'plugin', trusting, {
      exec: { command: '/no/such/plugin' },
    })
    await writeFile(join(directory, 'broken'), ': [')
    const kind = 'kubernetes'
    gateway = await TestGateway.start({
      config: {
        environments: [
          { id: 'down', kind, kubeconfig: down },
          { id: 'untrusted', kind, kubeconfig: untrusted },
          { id: 'hanging', kind, kubeconfig: hanging },
          { id: 'plugin', kind, kubeconfig: plugin },
          { id: 'missing', kind, kubeconfig: join(directory, 'nowhere') },
          { id: 'broken', kind, kubeconfig: join(directory, 'broken') },
          { id: 'context', kind, kubeconfig: down, context: 'staging' },
        ],
      },
    })
  })
  after(async () => {
    await gateway.stop()
    await silent.close()
    await rm(directory, { recursive: true })
  })

  it('tells of each cluster why it cannot be used', async () => {
    const { items } = await gateway.api<{ items: Environment[] }>('GET', '/environments')
    const reasons: Record<string, RegExp> = {
      down: /The API server of down at 127\.0\.0\.1:\d+ cannot be reached\. Nothing listens there/,
      untrusted: /certificate|authority/,
      hanging: /hanging/,
      plugin: /credential plugin plugin of plugin failed: there is no such program/,
      missing: /kubeconfig \S+nowhere of missing cannot be read: ENOENT/,
      broken: /kubeconfig \S+broken of broken cannot be read/,
      context: /no context named staging\. It has: x\./,
    }
    assert.deepEqual(
      items.map(({ id }) => id),
      Object.keys(reasons),
    )
    for (const { id, kind, reachable, problem = '' } of items) {
      assert.deepEqual([kind, reachable], ['kubernetes', false], id)
      assert.match(problem, reasons[id] ?? /^$/)
    }
  })

  it('lists what there is, and says which clusters are missing in it', async () => {
    const { items, problems = [] } = await gateway.api<{
      items: unknown[]
      problems?: { environment: string; detail: string }[]
    }>('GET', '/targets')
    assert.deepEqual(items, [])
    assert.equal(problems.length, 7)
  })
})
