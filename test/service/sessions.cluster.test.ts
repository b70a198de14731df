import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Session, Verification } from '../../server/protocol/session-api.ts'
import type { TargetDetail, TargetList } from '../../server/protocol/target-api.ts'
import { closeCodes } from '../../server/protocol/terminal.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { startClusterGateway, type ClusterGateway } from '../support/cluster-gateway.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { processesIn } from '../support/cluster-processes.ts'
import { eventually } from '../support/eventually.ts'
import type { TestGateway } from '../support/gateway.ts'
import { markersOf, outputOf } from '../support/recordings.ts'

let cluster: TestCluster
let space: TestNamespace
let running: ClusterGateway
let gateway: TestGateway

before(async () => {
  cluster = await testCluster()
  space = await TestNamespace.create(cluster)
  await space.runDeployment({ name: 'api', user: '65532:65532' })
  running = await startClusterGateway(cluster)
  gateway = running.gateway
})
after(async () => {
  await running.stop()
  await space.close()
  cluster.api.close()
})

const ref = () => `prod/${space.name}/deployment/api`
const podOf = async (session: Session): Promise<V1Pod> => space.pod(session.target.resolved.pod ?? '')
const fresh = (id: string) => gateway.api<Session>('GET', `/sessions/${id}`)

async function ended(id: string): Promise<Session> {
  return await eventually(
    async () => {
      const session = await fresh(id)
      return session.state === 'ended' && session.recording.state === 'sealed' && session
    },
    { what: 'the session to be over and its recording sealed', timeoutMs: 30_000 },
  )
}

async function sealedRecording(id: string): Promise<string> {
  await ended(id)
  const { whole, unaltered } = await gateway.api<Verification>('GET', `/sessions/${id}/verification`)
  assert.deepEqual({ whole, unaltered }, { whole: true, unaltered: true })
  return (await gateway.fetch('GET', `/sessions/${id}/recording`)).text()
}

/** Nothing but the pod's own containers has a process in it. */
async function nothingLeft(pod: V1Pod): Promise<void> {
  await eventually(
    async () => {
      const now = await space.pod(pod.metadata?.name ?? '')
      const own = new Set(now.spec?.containers.map(({ name }) => name))
      const left = (await processesIn(now)).filter(
        ({ container }) => container !== 'sandbox' && !own.has(container),
      )
      return left.length === 0
    },
    { what: 'no process of the session to be left in the pod', timeoutMs: 15_000 },
  )
}

describe('a session in a cluster', () => {
  it('opens a workload in the right pod, records what is seen, and leaves nothing running', async () => {
    const { session, terminal } = await gateway.open(ref(), { body: { reason: 'INC-7' } })
    const now = await fresh(session.id)
    const pod = await podOf(now)
    assert.equal(now.target.resolved.id, pod.metadata?.uid)
    assert.equal(now.target.resolved.container, 'app')
    assert.equal(now.target.namespace, space.name)
    assert.equal(now.target.resolved.node, pod.spec?.nodeName)
    assert.equal(now.identity?.uid, 65_532)
    assert.equal(now.identity?.seesFiles, true)
    assert.match(await terminal.run('ps'), /\/httpd -f -p 8080/)
    assert.equal(await terminal.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
    assert.equal(await terminal.run('wget -qO- http://127.0.0.1:8080/hello.txt'), 'hello from the target')
    terminal.type('exit 3\n')
    const { end } = await terminal.message('exit')
    assert.deepEqual({ reason: end.reason, exitCode: end.exitCode }, { reason: 'exit', exitCode: 3 })
    assert.ok(outputOf(await sealedRecording(session.id)).equals(terminal.bytes))
    await nothingLeft(pod)
  })

  it('ends the shell when it is terminated, also one that ignores signals', async () => {
    const { session, terminal } = await gateway.open(ref())
    const pod = await podOf(await fresh(session.id))
    await terminal.run("trap '' HUP INT TERM QUIT; (while :; do sleep 1; done) & sleep 0")
    await gateway.api('DELETE', `/sessions/${session.id}`, { reason: 'enough' })
    assert.equal((await ended(session.id)).end?.reason, 'terminated')
    await nothingLeft(pod)
  })

  it('lists the workload and its pod, and tells which pod a workload would open', async () => {
    const { items, namespaces } = await gateway.api<TargetList>('GET', `/targets?namespace=${space.name}`)
    assert.ok(items.some((item) => item.ref === ref() && item.pods?.ready === 1))
    const pods = await gateway.api<TargetList>('GET', `/targets?namespace=${space.name}&kind=pod`)
    assert.deepEqual(
      pods.items.map(({ workload }) => workload),
      ['pod'],
    )
    assert.ok(namespaces.some(({ namespace }) => namespace === space.name))
    const detail = await gateway.api<TargetDetail>('GET', `/targets/${ref()}`)
    assert.equal(detail.choice?.pods.length, 1)
    assert.equal(detail.pod, detail.choice?.pods[0]?.name)
    assert.equal(detail.options?.profiles.find(({ name }) => name === 'auto')?.identity?.seesFiles, true)
  })
})

describe('a network that is lost', () => {
  it('between gateway and cluster: the same shell goes on when it is back, and the recording says so', async () => {
    const { session, terminal } = await gateway.open(ref())
    const pid = await terminal.run('echo $$; x=kept')
    running.network.breakOff()
    await terminal.message('notice', ({ text }) => /lost/.test(text))
    running.network.heal()
    await terminal.message('notice', ({ text }) => text.startsWith('Connected again'), 30_000)
    assert.equal(await terminal.run('echo $$'), pid)
    assert.equal(await terminal.run('echo $x'), 'kept')
    terminal.type('exit\n')
    await terminal.message('exit')
    const recording = await sealedRecording(session.id)
    assert.ok(markersOf(recording).some((label) => label.startsWith('reattached')))
  })

  it('between browser and gateway: nothing is missing', async () => {
    const { session, terminal } = await gateway.open(ref())
    await terminal.run('echo before')
    terminal.cut()
    const again = await gateway.connect(session.id, { offset: terminal.offset })
    assert.equal(await again.run('echo after'), 'after')
    again.type('exit\n')
    await again.message('exit')
    const whole = Buffer.concat([terminal.bytes, again.bytes])
    assert.ok(outputOf(await sealedRecording(session.id)).equals(whole))
  })
})

describe('a restart of the gateway', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`by ${signal} leaves the shell in the pod running; the viewer goes on where it was`, async () => {
      const { session, terminal } = await gateway.open(ref())
      const pid = await terminal.run('echo $$; x=kept')
      await gateway.down(signal)
      const { code } = await terminal.closed
      assert.equal(code, signal === 'SIGTERM' ? closeCodes.restart : 1006)
      await gateway.up()
      const again = await eventually(() => gateway.connect(session.id, { offset: terminal.offset }), {
        what: 'the session to be taken over',
        timeoutMs: 20_000,
      })
      assert.equal(await again.run('echo $$'), pid)
      assert.equal(await again.run('echo $x'), 'kept')
      again.type('exit\n')
      await again.message('exit')
      const recording = await sealedRecording(session.id)
      assert.ok(markersOf(recording).some((label) => label.startsWith('gateway restarted')))
    })
  }

  it('while a session starts ends it, and what it had begun in the pod', async () => {
    const session = await gateway.api<Session>('POST', '/sessions', { target: ref() })
    const pod = await podOf(session)
    await gateway.down('SIGKILL')
    await gateway.up()
    // It may have been killed before there was a recording to seal.
    const over = await eventually(
      async () => {
        const now = await fresh(session.id)
        return now.state === 'ended' && now
      },
      { what: 'the session to be over', timeoutMs: 30_000 },
    )
    assert.equal(over.end?.reason, 'failed')
    await nothingLeft(pod)
  })
})

describe('a pod that goes', () => {
  it('is told as what it was, with the exit code of its container', async () => {
    const pod = await space.runPod({
      image: 'toolbox',
      user: '65532:65532',
      command: ['/bin/sh', '-c', "trap 'exit 7' TERM; while :; do sleep 0.05; done"],
      spec: { restartPolicy: 'Never' },
    })
    const name = pod.metadata?.name ?? ''
    const { session, terminal } = await gateway.open(`prod/${space.name}/pod/${name}`)
    await terminal.run('echo seen before the end')
    terminal.type('kill -TERM 1\n')
    await terminal.message('exit', () => true, 30_000)
    const { end } = await ended(session.id)
    assert.equal(end?.reason, 'target-exited')
    assert.match(end?.detail ?? '', /\b7\b/)
    assert.match(outputOf(await sealedRecording(session.id)).toString(), /seen before the end/)
  })

  it('is deleted: the session says so and its recording is whole', async () => {
    const pod = await space.runPod({ user: '65532:65532' })
    const name = pod.metadata?.name ?? ''
    const { session, terminal } = await gateway.open(`prod/${space.name}/pod/${name}`)
    await terminal.run('echo seen')
    await space.deletePod(name, 1)
    await terminal.message('exit', () => true, 30_000)
    const { end } = await ended(session.id)
    assert.equal(end?.reason, 'target-exited')
    assert.match(end?.detail ?? '', /delet/i)
    assert.match(outputOf(await sealedRecording(session.id)).toString(), /seen/)
  })

  it('is evicted as a drain does it: the session says so, and the workload opens its next pod', async () => {
    await space.runDeployment({ name: 'moved', user: '65532:65532' })
    const moved = `prod/${space.name}/deployment/moved`
    const { session, terminal } = await gateway.open(moved)
    const first = (await fresh(session.id)).target.resolved.pod ?? ''
    await cluster.api.create(space.path('pods', first, 'eviction'), {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: first, namespace: space.name },
    })
    await terminal.message('exit', () => true, 30_000)
    assert.equal((await ended(session.id)).end?.reason, 'target-exited')
    await eventually(
      async () => {
        const now = await cluster.api.get<V1Deployment>(space.path('apps/deployments', 'moved'))
        return now.status?.readyReplicas === 1
      },
      { what: 'the next pod', timeoutMs: 30_000 },
    )
    const next = await gateway.open(moved)
    assert.notEqual((await fresh(next.session.id)).target.resolved.pod, first)
    next.terminal.type('exit\n')
    await next.terminal.message('exit')
  })
})

describe('the cluster decides for whom', () => {
  let acting: ClusterGateway
  before(async () => {
    acting = await startClusterGateway(cluster, { impersonate: true })
    const group = 'rbac.authorization.k8s.io'
    await cluster.api.create(space.path(`${group}/roles`), {
      metadata: { name: 'debugger' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: [''], resources: ['pods/ephemeralcontainers'], verbs: ['patch'] },
        { apiGroups: [''], resources: ['pods/attach'], verbs: ['get', 'create'] },
      ],
    })
    await cluster.api.create(space.path(`${group}/rolebindings`), {
      metadata: { name: 'debugger' },
      roleRef: { apiGroup: group, kind: 'Role', name: 'debugger' },
      subjects: [{ kind: 'User', name: 'jane', apiGroup: group }],
    })
  })
  after(() => acting.stop())

  it('lets in whom its own rules let in, and its audit log names them', async () => {
    const { session, terminal } = await acting.gateway.open(ref())
    assert.match(await terminal.run('ps'), /httpd/)
    terminal.type('exit\n')
    await terminal.message('exit')
    const { node } = cluster
    if (node === undefined) return
    const lines = createInterface({ input: createReadStream(node.auditLog) })
    const named: string[] = []
    for await (const line of lines) {
      if (!line.includes(space.name) || !line.includes('"impersonatedUser"')) continue
      const event = JSON.parse(line) as {
        impersonatedUser?: { username: string }
        objectRef?: { subresource?: string }
      }
      if (event.impersonatedUser?.username === 'jane') named.push(event.objectRef?.subresource ?? '')
    }
    assert.ok(
      named.includes('ephemeralcontainers'),
      `${session.id}: the audit log names jane for the debug container`,
    )
    assert.ok(named.includes('attach'))
  })

  it('shows nothing and opens nothing to whom its rules do not know, in the words of what does not exist', async () => {
    const { items } = await acting.gateway.api<TargetList>('GET', '/targets', undefined, 'mallory')
    assert.deepEqual(items, [])
    const refused = await acting.gateway.fetch('POST', '/sessions', { target: ref() }, 'mallory')
    const unknown = await acting.gateway.fetch(
      'POST',
      '/sessions',
      { target: `prod/${space.name}/deployment/nope` },
      'mallory',
    )
    assert.deepEqual([refused.status, unknown.status], [404, 404])
    const [one, two] = [
      (await refused.json()) as { detail: string },
      (await unknown.json()) as { detail: string },
    ]
    assert.equal(one.detail.replace('/api', '/nope'), two.detail)
    const { items: events } = await acting.gateway.api<AuditList>('GET', '/audit?user=mallory')
    assert.ok(!events.some(({ kind }) => kind === 'opened'))
  })
})
