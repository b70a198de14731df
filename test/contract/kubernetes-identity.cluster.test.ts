import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { V1PodSpec, V1SecurityContext } from '@kubernetes/client-node'
import { type Profile, profiles } from '../../server/core/vocabulary.ts'
import { testCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { type ImageName, imageRef } from '../support/images.ts'
import { kubernetesGround, podRef } from '../support/kubernetes-ground.ts'
import { deadline, DriverUser } from './driver-ground.ts'
import { toldAsItIs } from './driver-identity.ts'

interface Row {
  is: string
  image?: ImageName
  /** Of the pod. */
  pod?: Partial<V1PodSpec>
  /** Of the container. */
  context?: V1SecurityContext
  mounts?: NonNullable<V1PodSpec['containers'][number]['volumeMounts']>
  /** As whom its first process really runs. */
  runsAs: string
  /** Capabilities that `auto` must have for it. */
  needs?: readonly string[]
  /** Where a shell finds its files; process 1 is its own unless the pod shares its processes. */
  root?: string
}

const root = { runAsUser: 0, runAsGroup: 0 }
const rows: readonly Row[] = [
  { is: 'a user by number', context: { runAsUser: 65532, runAsGroup: 65532 }, runsAs: '65532:65532' },
  { is: 'a user by number without a group', context: { runAsUser: 4711 }, runsAs: '4711:0' },
  // The kubelet takes the uid alone from what the image says.
  { is: 'the user of the image', runsAs: '65532:0' },
  { is: 'a user by name, known to its own passwd alone', image: 'web-named', runsAs: '4711:4712' },
  { is: 'root', context: root, runsAs: '0:0' },
  {
    is: 'root with NET_ADMIN',
    context: { ...root, capabilities: { add: ['NET_ADMIN'] } },
    runsAs: '0:0',
    needs: ['NET_ADMIN'],
  },
  { is: 'root without capabilities', context: { ...root, capabilities: { drop: ['ALL'] } }, runsAs: '0:0' },
  {
    is: 'a user in a pod that shares its processes',
    pod: { shareProcessNamespace: true },
    context: { runAsUser: 1000, runAsGroup: 1000 },
    runsAs: '1000:1000',
    root: '$TARGET',
  },
  {
    is: 'a user with a group of the pod',
    pod: { securityContext: { fsGroup: 2000, supplementalGroups: [3000] } },
    context: { runAsUser: 1000, runAsGroup: 1000 },
    runsAs: '1000:1000',
  },
]

/** Which container can read another's files is the kernel's rule; here it is asked on a real node. */
describe('identity in a cluster', () => {
  let namespace: TestNamespace
  let user: DriverUser
  before(async () => {
    namespace = await TestNamespace.create(await testCluster())
    user = new DriverUser(await kubernetesGround(await testCluster()))
    await user.start()
  })
  afterEach(() => user.stopAll())
  after(async () => {
    await namespace.close()
    await user.close()
  })

  const targetOf = async ({ image = 'web', pod = {}, context = {}, mounts = [] }: Partial<Row>) => {
    const containers = [
      { name: 'app', image: imageRef(image), securityContext: context, volumeMounts: mounts },
    ]
    const made = await namespace.runPod({ image, spec: { securityContext: {}, ...pod, containers } })
    return await user.access.find(podRef(made), {}, deadline())
  }

  for (const row of rows) {
    it(`of ${row.is} is told as it is with each profile, and auto sees the files with no more than that takes`, async () => {
      const found = await targetOf(row)
      // The shell with sysadmin, once it is there, is a fact of the target for those that come after it.
      const target = { ...found, facts: [...(found.facts ?? []), 'privileged' as const] }
      const [auto] = await Promise.all(
        // At once, because the kubelet takes its time with each.
        profiles.map((profile) => toldAsItIs(user, target, profile, { root: row.root })),
      )
      assert.ok(auto)
      assert.equal(`${auto.uid}:${auto.gid}`, row.runsAs)
      assert.equal(auto.seesFiles, true)
      for (const name of row.needs ?? []) assert.ok(auto.capabilities.includes(name), `has ${name}`)
      for (const name of ['SYS_PTRACE', 'SYS_ADMIN', 'ALL'])
        assert.ok(!auto.capabilities.includes(name), name)
    })
  }

  it('takes the groups of the pod along', async () => {
    const pod = { securityContext: { supplementalGroups: [2000, 3000] } }
    const target = await targetOf({ pod, context: { runAsUser: 1000, runAsGroup: 1000 } })
    const { shell, identity } = await user.open({ target })
    assert.deepEqual(
      identity.groups.toSorted((left, right) => left - right),
      [2000, 3000],
    )
    assert.match(await shell.run('grep ^Groups: /proc/self/status'), /2000 3000/)
  })

  it('is that of an init as root, whose shell says what it cannot look into, and goes on', async () => {
    const target = await targetOf({ image: 'web-init' })
    const started = await user.runCommand(['/bin/sh', '-c', 'until pidof httpd; do sleep 0.1; done'], {
      target,
    })
    assert.equal((await started.command.ended).kind, 'exit')
    const { shell, identity } = await user.open({ target })
    assert.equal(identity.uid, 0)
    await shell.expect(/Process 1 is an init\. Below it process \d+ \(httpd\) runs as somebody else/)
    assert.equal(await shell.run('echo goes on'), 'goes on')
  })

  it('follows no process that is chosen, which a cluster shows nobody before the start', async () => {
    const refusal = { code: 'invalid_request', message: /in Docker only/ }
    await assert.rejects(user.access.identify(user.web, 'auto', deadline(), { process: '1' }), refusal)
    await assert.rejects(user.open({ process: { asked: '1' } }), refusal)
  })

  it("opens a pod that shares its node's processes, and has its files, only where policy has judged both", async () => {
    const volumes = [{ name: 'run', hostPath: { path: '/var/run' } }]
    const target = await targetOf({
      pod: { hostPID: true, volumes },
      mounts: [{ name: 'run', mountPath: '/host', subPath: 'containerd', readOnly: true }],
    })
    assert.deepEqual(target.facts, ['hostPid', 'hostPath', 'engineSocket'])
    for (const facts of [[], ['hostPid'], ['hostPath', 'engineSocket']] as const) {
      const opening = user.open({ target, profile: 'sysadmin', facts })
      await assert.rejects(opening, { code: 'profile_insufficient', message: /now (sees|has)/ })
    }
    for (const profile of ['auto', 'sysadmin'] as const) {
      const told = await toldAsItIs(user, target, profile, { root: '$TARGET' })
      assert.equal(told.seesFiles, true)
    }
  })

  it('asks the cluster for what kubectl debug asks with the same profile, and for nothing more', async () => {
    const target = await targetOf({ context: { runAsUser: 65532, runAsGroup: 65532 } })
    const asked = async (profile: Profile) => {
      const { container } = await user.open({ target, profile })
      const pod = await namespace.pod(target.cluster?.pod ?? '')
      const added = pod.spec?.ephemeralContainers?.find(({ name }) => container.id.endsWith(`/${name}`))
      const { capabilities = {}, privileged = false, runAsUser, runAsGroup } = added?.securityContext ?? {}
      return { capabilities, privileged, runAs: `${runAsUser}:${runAsGroup}` }
    }
    const plain = { capabilities: {}, privileged: false, runAs: '0:0' }
    assert.deepEqual(await asked('general'), { ...plain, capabilities: { add: ['SYS_PTRACE'] } })
    assert.deepEqual(await asked('baseline'), { ...plain, runAs: '65532:65532' })
    assert.deepEqual(await asked('restricted'), {
      capabilities: { drop: ['ALL'] },
      privileged: false,
      runAs: '65532:65532',
    })
    assert.deepEqual(await asked('netadmin'), { ...plain, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } })
    assert.deepEqual(await asked('sysadmin'), { ...plain, privileged: true })
  })
})
