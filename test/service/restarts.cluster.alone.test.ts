import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Session, Verification } from '../../server/protocol/session-api.ts'
import { testCluster, type ClusterNode, type TestCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { markersOf } from '../support/recordings.ts'

/** What upgrades of a cluster do to its sessions: each of these parts holds one end of a terminal's stream. */
describe('a session while the cluster restarts', () => {
  let cluster: TestCluster
  let node: ClusterNode
  let space: TestNamespace
  let gateway: TestGateway
  before(async () => {
    cluster = await testCluster()
    assert.ok(
      cluster.node,
      'needs the cluster of test/cluster: the parts of a foreign one are not ours to restart',
    )
    node = cluster.node
    space = await TestNamespace.create(cluster)
    await space.runDeployment({ name: 'api', user: '65532:65532' })
    const { kubeconfig } = cluster
    gateway = await TestGateway.start({
      config: { environments: [{ id: 'prod', kind: 'kubernetes', kubeconfig }] },
    })
  })
  after(async () => {
    await gateway.stop()
    await space.close()
    cluster.api.close()
  })

  for (const part of ['kube-apiserver', 'kubelet', 'containerd'] as const) {
    it(`its ${part}: the same shell goes on, and the recording says when it was not there`, async () => {
      const { session, terminal } = await gateway.open(`prod/${space.name}/deployment/api`)
      const pid = await terminal.run('echo $$; x=kept')
      await node.restart(part)
      await terminal.message('notice', ({ text }) => text.startsWith('Connected again'), 60_000)
      assert.equal(await terminal.run('echo $$'), pid)
      assert.equal(await terminal.run('echo $x'), 'kept')
      terminal.type('exit 7\n')
      const { end } = await terminal.message('exit', () => true, 60_000)
      assert.deepEqual([end.reason, end.exitCode], ['exit', 7])
      await eventually(
        async () =>
          (await gateway.api<Session>('GET', `/sessions/${session.id}`)).recording.state === 'sealed',
        { what: 'the recording to be sealed', timeoutMs: 30_000 },
      )
      const found = await gateway.api<Verification>('GET', `/sessions/${session.id}/verification`)
      assert.deepEqual([found.whole, found.unaltered], [true, true])
      const recording = await (await gateway.fetch('GET', `/sessions/${session.id}/recording`)).text()
      assert.ok(markersOf(recording).some((label) => label.startsWith('reattached')))
    })
  }
})
