import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ensureClusterImages, type TestCluster, testCluster } from '../support/cluster.ts'
import { type PolicyRule, TestNamespace } from '../support/cluster-namespace.ts'
import {
  rightsIn,
  shippedRules,
  startOrRefusal,
  withoutVerb,
  writeKubeconfig,
} from '../support/cluster-rights.ts'
import { TestGateway } from '../support/gateway.ts'

const group = '/apis/rbac.authorization.k8s.io/v1'
/** Each is missed by a person of its own. */
const people: { resource: string; verb: string; words: RegExp }[] = [
  // Who may not look is not told that there is something.
  { resource: 'pods', verb: 'get', words: /target_not_found|get pods/ },
  {
    resource: 'pods/ephemeralcontainers',
    verb: 'patch',
    words: /that is you\) patch pods\/ephemeralcontainers/,
  },
  { resource: 'pods/attach', verb: 'get', words: /get pods\/attach/ },
  { resource: 'pods/attach', verb: 'create', words: /create pods\/attach/ },
]

describe('with impersonation', () => {
  let cluster: TestCluster
  let namespace: TestNamespace
  let gateway: TestGateway
  let directory = ''
  let pod = ''
  let role = ''
  let humans: readonly PolicyRule[] = []
  const nameOf = ({ resource, verb }: { resource: string; verb: string }) =>
    `no-${verb}-${resource.replace('/', '-')}`

  before(async () => {
    cluster = await testCluster()
    await ensureClusterImages(cluster, 'web', 'toolbox')
    directory = await mkdtemp(join(tmpdir(), 'hatchway-rbac-'))
    namespace = await TestNamespace.create(cluster)
    role = namespace.name
    pod = (await namespace.runPod({ user: '65532:65532' })).metadata?.name ?? ''
    const token = await namespace.createAccount('gateway', await shippedRules('rbac.yaml', 'hatchway'))
    await allowImpersonation()
    humans = await shippedRules('rbac-people.yaml', 'hatchway-debugger')
    await bind('debuggers', humans, 'Group', 'sre-oncall')
    for (const each of people) {
      await bind(nameOf(each), withoutVerb(humans, each.resource, each.verb), 'User', nameOf(each))
    }
    const kubeconfig = await writeKubeconfig(cluster, directory, 'gateway', token)
    const place = { kind: 'kubernetes', kubeconfig, namespaces: [namespace.name] }
    gateway = await TestGateway.start({
      config: {
        environments: [
          { id: 'chosen', ...place, impersonate: { groups: ['engineering', 'sre-oncall'] } },
          { id: 'all', ...place, impersonate: true },
        ],
      },
    })
  })
  after(async () => {
    await gateway.stop()
    await cluster.api.delete(`${group}/clusterrolebindings/${role}`)
    await cluster.api.delete(`${group}/clusterroles/${role}`)
    await namespace.close()
    cluster.api.close()
    await rm(directory, { recursive: true })
  })

  /** The rules of rbac-impersonation.yaml for the account of this test. */
  async function allowImpersonation(): Promise<void> {
    const rules = await shippedRules('rbac-impersonation.yaml', 'hatchway-impersonation')
    await cluster.api.create(`${group}/clusterroles`, { metadata: { name: role }, rules })
    await cluster.api.create(`${group}/clusterrolebindings`, {
      metadata: { name: role },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: 'gateway', namespace: namespace.name }],
    })
  }

  async function bind(
    name: string,
    rules: readonly PolicyRule[],
    kind: string,
    subject: string,
  ): Promise<void> {
    const apiGroup = 'rbac.authorization.k8s.io'
    await cluster.api.create(namespace.path(`${apiGroup}/roles`), { metadata: { name }, rules })
    await cluster.api.create(namespace.path(`${apiGroup}/rolebindings`), {
      metadata: { name },
      roleRef: { apiGroup, kind: 'Role', name },
      subjects: [{ apiGroup, kind, name: subject }],
    })
  }

  /** What comes of opening: `running`, or why not. */
  async function open(environment: string, subject: string, groups: string[] = []): Promise<string> {
    const target = `${environment}/${namespace.name}/pod/${pod}`
    const settled = await startOrRefusal(gateway, target, await gateway.token(subject, { groups }))
    return typeof settled === 'string' ? settled : (settled.end?.detail ?? settled.state)
  }

  it('the shipped rules let a person of the group in, whatever other groups the token names', async () => {
    assert.equal(await open('chosen', 'jane', ['sre-oncall', 'another-group']), 'running')
  })

  it('nobody else gets in, and nobody else is told of the pod', async () => {
    assert.match(await open('chosen', 'eve', ['engineering']), /target_not_found/)
  })

  it('a group that the account may not impersonate is named where it is passed on', async () => {
    assert.match(await open('all', 'jane', ['sre-oncall', 'another-group']), /impersonate groups/)
  })

  for (const each of people) {
    it(`a person needs ${each.verb} on ${each.resource}`, async () => {
      assert.match(await open('chosen', nameOf(each)), each.words)
    })
  }

  it('a person needs list on pods to find them in the list', async () => {
    await bind('no-list-pods', withoutVerb(humans, 'pods', 'list'), 'User', 'no-list-pods')
    const listed = async (subject: string, groups: string[]) => {
      const authorization = `Bearer ${await gateway.token(subject, { groups })}`
      const address = `${gateway.url}/api/v1/targets?environment=chosen`
      return (await (await fetch(address, { headers: { authorization } })).text()).includes(pod)
    }
    assert.equal(await listed('jane', ['sre-oncall']), true)
    assert.equal(await listed('no-list-pods', []), false)
  })

  it('these are all the rights that a person needs', () => {
    const tried = new Set(['list pods', ...people.map(({ resource, verb }) => `${verb} ${resource}`)])
    assert.deepEqual(rightsIn(humans), tried)
  })
})
