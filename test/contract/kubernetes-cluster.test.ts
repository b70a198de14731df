import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import type { V1Pod } from '@kubernetes/client-node'
import { type TestCluster, testCluster } from '../support/cluster.ts'
import { isReady, TestNamespace } from '../support/cluster-namespace.ts'
import { processesIn } from '../support/cluster-processes.ts'
import { eventually } from '../support/eventually.ts'
import { type SimulatedState, simulatePods } from '../support/simulated-pods.ts'

/** What the other tests take for granted of their cluster: without it they would prove nothing. */
describe('the test cluster', () => {
  let cluster: TestCluster
  let open: TestNamespace
  before(async () => {
    cluster = await testCluster()
    open = await TestNamespace.create(cluster)
  })
  after(async () => {
    await open.close()
    cluster.api.close()
  })

  it('runs a pod, tells the ids of its processes, and shows them', async () => {
    const pod = await open.runPod({ image: 'web', user: '65532:65532' })
    const [status] = pod.status?.containerStatuses ?? []
    assert.equal(status?.user?.linux?.uid, 65532)
    assert.equal(status.user.linux.gid, 65532)
    const page = await fetch(`http://${pod.status?.podIP}:8080/hello.txt`)
    assert.match(await page.text(), /hello/)
    const found = await processesIn(pod)
    const [app] = found.filter(({ container }) => container === 'app')
    assert.match(app?.command ?? '', /^\/httpd -f/)
    assert.equal(app?.uid, 65532)
    assert.equal(found.length, 2, 'the program and the sandbox')
  })

  it('runs a deployment', async () => {
    const deployment = await open.runDeployment({ name: 'api', replicas: 2 })
    assert.equal(deployment.status?.readyReplicas, 2)
    assert.equal((await open.pods('app=api')).length, 2)
  })

  it('refuses what no role allows, and names what is missing', async () => {
    const nobody = cluster.api.as('nobody')
    await assert.rejects(nobody.get(open.path('pods')), {
      status: 403,
      message: /User "nobody" cannot list resource "pods"/,
    })
  })

  it('refuses what the level of Pod Security of a namespace forbids', async () => {
    const restricted = await TestNamespace.create(cluster, { enforce: 'restricted' })
    try {
      await assert.rejects(restricted.createPod({ image: 'web' }), {
        status: 403,
        message: /violates PodSecurity "restricted/,
      })
    } finally {
      await restricted.close()
    }
  })

  it('shows simulated pods as what they say they are, and takes them away', async () => {
    const states: SimulatedState[] = ['running', 'crashing', 'pending', 'finished']
    const simulation = await simulatePods(cluster, {
      pods: 20,
      deployments: true,
      state: (index) => states[index % states.length] ?? 'running',
    })
    const path = `/api/v1/namespaces/${simulation.namespaces[0]}/pods`
    const { items } = await cluster.api.get<{ items: V1Pod[] }>(path)
    assert.deepEqual(Map.groupBy(items, ({ status }) => status?.phase).size, 3)
    assert.equal(items.filter(isReady).length, 5)
    assert.equal(
      items.every(({ metadata }) => metadata?.ownerReferences?.[0]?.kind === 'ReplicaSet'),
      true,
    )
    await simulation.close()
    await assert.rejects(cluster.api.get(`/api/v1/nodes/${simulation.node}`), { status: 404 })
  })

  it('writes who acted for whom into its audit log', async () => {
    const log = cluster.node?.auditLog
    if (log === undefined) return
    await assert.rejects(cluster.api.as('ada', 'team-a').get(open.path('pods', 'unseen')), { status: 403 })
    const event = await eventually(
      async () =>
        (await readFile(log, 'utf8'))
          .split('\n')
          .filter((line) => line.includes(`${open.name}/pods/unseen`))
          .map((line) => JSON.parse(line) as AuditEvent)[0] ?? false,
      { what: 'the event' },
    )
    assert.equal(event.user.username, 'hatchway-test-admin')
    assert.deepEqual(event.impersonatedUser.groups, ['team-a', 'system:authenticated'])
    assert.equal(event.impersonatedUser.username, 'ada')
  })
})

interface AuditEvent {
  user: { username: string }
  impersonatedUser: { username: string; groups: string[] }
}
