import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { HatchwayError } from '../../server/core/errors.ts'
import type { Target } from '../../server/core/target.ts'
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
    await assert.rejects(user.open({ target, profile: 'general' }), (cause: HatchwayError) => {
      assert.equal(cause.code, 'admission_refused')
      assert.deepEqual(cause.profiles, ['auto'])
      assert.match(cause.message, /baseline:latest.*SYS_PTRACE.*admitted there is auto/s)
      return true
    })
  })

  it('adds none to a pod that took the name since the target was found', async () => {
    const { namespace, target } = await webIn()
    const name = target.cluster?.pod ?? ''
    const found = () => user.access.find({ ...target.ref }, {}, deadline())
    const old = await found()
    await namespace.deletePod(name)
    await namespace.runPod({ image: 'web', name })
    const isRefused = async (before: Target) => {
      await assert.rejects(user.open({ target: before }), (cause: Error & { code?: string }) => {
        assert.equal(cause.code, 'target_not_found')
        assert.match(cause.message, /recreated.*Open the target again/)
        return true
      })
    }
    await isRefused(old)
    const fresh = await found()
    await namespace.deletePod(name)
    await namespace.createPod({ image: 'web', name })
    // What was read then is fresh enough to start from, so it is the API server that tells them apart.
    await isRefused(fresh)
    assert.deepEqual((await namespace.pod(name)).spec?.ephemeralContainers ?? [], [])
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
