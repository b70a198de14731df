import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ensureClusterImages, type TestCluster, testCluster } from '../support/cluster.ts'
import { type PolicyRule, TestNamespace } from '../support/cluster-namespace.ts'
import { processesIn } from '../support/cluster-processes.ts'
import {
  rightsIn,
  shippedRules,
  startOrRefusal,
  withoutVerb,
  writeKubeconfig,
} from '../support/cluster-rights.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'

interface Right {
  resource: string
  verb: string
}
/** Without these no session comes about, for the reason that the words name. */
const toOpen: (Right & { words: RegExp })[] = [
  { resource: 'pods', verb: 'get', words: /get pods/ },
  { resource: 'pods/ephemeralcontainers', verb: 'patch', words: /patch pods\/ephemeralcontainers/ },
  { resource: 'pods/attach', verb: 'get', words: /get pods\/attach/ },
  { resource: 'pods/attach', verb: 'create', words: /create pods\/attach/ },
]
const kinds = ['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'jobs']
/** Without these the list is not whole, and says which right is missing. */
const toList: Right[] = ['pods', ...kinds].flatMap((resource) =>
  ['list', 'watch'].map((verb) => ({ resource, verb })),
)
/** Without these a pod's workload stays unknown until the list has it; with the list gone, too, it can't be opened. */
const toFind: Right[] = kinds.map((resource) => ({ resource, verb: 'get' }))

const idOf = ({ resource, verb }: Right) => `no-${verb}-${resource.replace('/', '-')}`

describe("the rights of the gateway's account", () => {
  let cluster: TestCluster
  let namespace: TestNamespace
  let gateway: TestGateway
  let directory = ''
  let pod = ''
  let rules: readonly PolicyRule[] = []

  before(async () => {
    cluster = await testCluster()
    await ensureClusterImages(cluster, 'web', 'toolbox')
    directory = await mkdtemp(join(tmpdir(), 'hatchway-rbac-'))
    namespace = await TestNamespace.create(cluster)
    await namespace.runDeployment({ name: 'api', user: '65532:65532' })
    pod = (await namespace.pods('app=api'))[0]?.metadata?.name ?? ''
    rules = await shippedRules('rbac.yaml', 'hatchway')
    const unlisted = withoutVerb(rules, 'deployments', 'list')
    const accounts = [
      { id: 'all', rules },
      ...[...toOpen, ...toList].map((each) => ({
        id: idOf(each),
        rules: withoutVerb(rules, each.resource, each.verb),
      })),
      { id: 'no-list-and-get-deployments', rules: withoutVerb(unlisted, 'deployments', 'get') },
    ]
    const environments = []
    for (const account of accounts) {
      const token = await namespace.createAccount(account.id, account.rules)
      const kubeconfig = await writeKubeconfig(cluster, directory, account.id, token)
      environments.push({ id: account.id, kind: 'kubernetes', kubeconfig, namespaces: [namespace.name] })
    }
    gateway = await TestGateway.start({ config: { environments } })
  })
  after(async () => {
    await gateway.stop()
    await namespace.close()
    cluster.api.close()
    await rm(directory, { recursive: true })
  })

  const podIn = (environment: string) => `${environment}/${namespace.name}/pod/${pod}`
  const deploymentIn = (environment: string) => `${environment}/${namespace.name}/deployment/api`

  /** Why no session came of it: the refusal's words, or those of the session's end. */
  async function refusalOf(target: string): Promise<string> {
    const settled = await startOrRefusal(gateway, target, await gateway.token('jane'))
    if (typeof settled === 'string') return settled
    assert.equal(settled.end?.reason, 'failed', `it is ${settled.state} without that right`)
    return settled.end.detail ?? ''
  }

  it('suffice to list, open, use and end a session, by exit and by order', async () => {
    const { items } = await gateway.api<{ items: { ref: string }[] }>('GET', '/targets?environment=all')
    assert.deepEqual(
      items.map(({ ref }) => ref),
      [deploymentIn('all')],
    )
    const first = await gateway.open(deploymentIn('all'))
    assert.match(await first.terminal.run('ps'), /httpd/)
    first.terminal.type('exit 3\n')
    const { end } = await first.terminal.message('exit')
    assert.deepEqual([end.reason, end.exitCode], ['exit', 3])
    const second = await gateway.open(podIn('all'))
    await gateway.api('DELETE', `/sessions/${second.session.id}`)
    if (cluster.node === undefined) return
    await eventually(
      async () => {
        const left = await processesIn(await namespace.pod(pod))
        return left.every(({ container }) => !container.startsWith('hatchway-'))
      },
      { what: 'the end of everything that the sessions started', timeoutMs: 20_000 },
    )
  })

  for (const each of toOpen) {
    it(`without ${each.verb} on ${each.resource} nothing is opened, and the user reads that`, async () => {
      assert.match(await refusalOf(podIn(idOf(each))), each.words)
    })
  }

  for (const each of toList) {
    it(`without ${each.verb} on ${each.resource} the list says what is missing`, async () => {
      const words = new RegExp(`${each.verb} ${each.resource}`)
      await eventually(
        async () => {
          const list = await gateway.fetch('GET', `/targets?environment=${idOf(each)}`)
          return words.test(await list.text())
        },
        { what: `the words ${words}`, timeoutMs: 20_000 },
      )
    })
  }

  it('without get on a kind of workload, one that is not listed is not found', async () => {
    const { session } = await gateway.open(deploymentIn('no-list-deployments'))
    await gateway.api('DELETE', `/sessions/${session.id}`)
    assert.match(await refusalOf(deploymentIn('no-list-and-get-deployments')), /get deployments/)
  })

  it('are all tried here', () => {
    const tried = new Set(
      [...toOpen, ...toList, ...toFind].map(({ resource, verb }) => `${verb} ${resource}`),
    )
    assert.deepEqual(rightsIn(rules), tried)
  })
})
