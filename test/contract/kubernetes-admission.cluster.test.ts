import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { testCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { kubernetesGround, podRef } from '../support/kubernetes-ground.ts'
import { deadline, DriverUser } from './driver-ground.ts'

/** What Pod Security lets pass, and what a user is told when it doesn't. */
describe('admission of a debug container', () => {
  const namespaces: TestNamespace[] = []
  let user: DriverUser
  before(async () => {
    user = new DriverUser(await kubernetesGround(await testCluster()))
    await user.start()
  })
  afterEach(() => user.stopAll())
  after(async () => {
    await Promise.all(namespaces.map((each) => each.close()))
    await user.close()
  })

  const webIn = async (enforce?: 'baseline' | 'restricted') => {
    const namespace = await TestNamespace.create(
      await testCluster(),
      enforce === undefined ? {} : { enforce },
    )
    namespaces.push(namespace)
    const securityContext = {
      runAsUser: 65532,
      runAsGroup: 65532,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    }
    const containers = [{ name: 'app', image: 'hatchway-test/web:1', securityContext }]
    const pod = await namespace.runPod({ image: 'web', spec: { securityContext: {}, containers } })
    return { namespace, target: await user.access.find(podRef(pod), {}, deadline()) }
  }

  it('opens with auto under restricted, and sees the files', async () => {
    const { target } = await webIn('restricted')
    const { shell } = await user.open({ target })
    assert.equal(await shell.run('cat /proc/1/root/www/hello.txt'), 'hello from the target')
  })

  it('says which rule refuses a profile, and the strongest that is admitted', async () => {
    const { target } = await webIn('baseline')
    await assert.rejects(user.open({ target, profile: 'general' }), (cause: Error & { code?: string }) => {
      assert.equal(cause.code, 'admission_refused')
      assert.match(cause.message, /baseline:latest.*SYS_PTRACE.*admitted there is auto/s)
      return true
    })
  })

  it('says that an earlier debug container is in the way', async () => {
    const { namespace, target } = await webIn()
    await user.open({ target, profile: 'general' })
    await namespace.cluster.api.patch(`/api/v1/namespaces/${namespace.name}`, {
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    })
    await assert.rejects(user.open({ target }), (cause: Error & { code?: string }) => {
      assert.equal(cause.code, 'admission_refused')
      assert.match(cause.message, /earlier one in it that breaks its rules \(hatchway-/)
      return true
    })
  })
})
