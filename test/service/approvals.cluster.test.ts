import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ApprovalList, Session } from '../../server/protocol/session-api.ts'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { startClusterGateway, type ClusterGateway } from '../support/cluster-gateway.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { eventually } from '../support/eventually.ts'
import type { TestGateway } from '../support/gateway.ts'

const policy = `
rules:
  - name: four eyes on the deployment
    who: {groups: [engineers]}
    actions: [open]
    where: {targets: [deployment/*]}
    effect: require-approval
    approval: {groups: [leads], count: 1}
  - {name: leads approve, who: {groups: [leads]}, actions: [approve], effect: allow}
  - {name: house, who: {subjects: [jane]}, actions: [list, terminate, read-audit], effect: allow}
`

let cluster: TestCluster
let space: TestNamespace
let running: ClusterGateway
let gateway: TestGateway

before(async () => {
  cluster = await testCluster()
  space = await TestNamespace.create(cluster)
  await space.runDeployment({ name: 'api', user: '65532:65532' })
  running = await startClusterGateway(cluster, { policy })
  gateway = running.gateway
  Object.assign(gateway.groups, { ada: ['engineers'], lea: ['leads'] })
})
after(async () => {
  await running.stop()
  await space.close()
  cluster.api.close()
})

const get = (id: string) => gateway.api<Session>('GET', `/sessions/${id}`, undefined, 'ada')
const approve = (id: string) =>
  gateway.api<Session>('POST', `/sessions/${id}/decision`, { decision: 'approve' }, 'lea')

async function ask(target: string): Promise<Session> {
  const session = await gateway.api<Session>('POST', '/sessions', { target, reason: 'INC-7' }, 'ada')
  assert.equal(session.state, 'pending-approval')
  return session
}

async function debugContainersIn(pod: string): Promise<string[]> {
  const { spec } = await space.pod(pod)
  return (spec?.ephemeralContainers ?? []).map(({ name }) => name)
}

/** The pod with this name is gone, and the deployment has another one that is ready. */
async function replacePod(name: string): Promise<string> {
  await space.deletePod(name)
  return eventually(
    async () => {
      const pods = await space.pods('app=api')
      const ready = pods.find(
        ({ metadata, status }) =>
          metadata?.deletionTimestamp === undefined &&
          metadata?.name !== name &&
          status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
      )
      return ready?.metadata?.name ?? false
    },
    { what: 'another pod of the deployment', timeoutMs: 60_000 },
  )
}

describe('a request for a session in a cluster', () => {
  it('touches nothing while it waits; approved it starts by itself in the pod that was shown', async () => {
    const { id, target } = await ask(`prod/${space.name}/deployment/api`)
    const pod = target.resolved.pod ?? ''
    const terminal = await gateway.connect(id, { who: 'ada' })
    const { requests } = await gateway.api<ApprovalList>('GET', '/approvals', undefined, 'lea')
    const [shown] = requests
    assert.deepEqual([shown?.id, shown?.target.resolved.pod], [id, pod])
    assert.equal(shown?.identity?.uid, 65_532)
    assert.deepEqual(await debugContainersIn(pod), [])
    await approve(id)
    await terminal.expect(/[#$] /, 30_000)
    assert.match(await terminal.run('ps'), /\/httpd -f -p 8080/)
    assert.equal(await terminal.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    const started = await get(id)
    assert.deepEqual([started.target.resolved.pod, started.approval?.outcome], [pod, 'approved'])
    assert.deepEqual(await debugContainersIn(pod), [`hatchway-${id}`])
    terminal.type('exit\n')
    await terminal.message('exit')
  })

  it('starts in another pod of the workload when the one that was shown is gone, and says so', async () => {
    const { id, target } = await ask(`prod/${space.name}/deployment/api`)
    const terminal = await gateway.connect(id, { who: 'ada' })
    const gone = target.resolved.pod ?? ''
    const next = await replacePod(gone)
    await eventually(async () => {
      const { status } = await gateway.fetch('GET', `/targets/prod/${space.name}/pod/${gone}`)
      return status === 404
    })
    await approve(id)
    await terminal.message('notice', ({ text }) => text.includes(gone) && text.includes(next), 30_000)
    await terminal.expect(/[#$] /, 30_000)
    assert.equal((await get(id)).target.resolved.pod, next)
    const { items } = await gateway.api<AuditList>('GET', `/audit?session=${id}&kind=opened`)
    assert.match(String(items[0]?.detail?.['resolvedAgain']), new RegExp(gone))
    terminal.type('exit\n')
    await terminal.message('exit')
  })

  it('for a pod by its name ends when that pod is gone, and starts in no other', async () => {
    const pods = await space.pods('app=api')
    const name = pods.find(({ metadata }) => metadata?.deletionTimestamp === undefined)?.metadata?.name ?? ''
    const { id } = await ask(`prod/${space.name}/pod/${name}`)
    const next = await replacePod(name)
    await approve(id)
    const session = await eventually(async () => {
      const now = await get(id)
      return now.state === 'ended' && now
    })
    assert.equal(session.end?.reason, 'failed')
    assert.match(session.end?.detail ?? '', /The pod that the request was for is gone/)
    assert.equal(session.approval?.outcome, 'void')
    assert.deepEqual(await debugContainersIn(next), [])
  })
})
