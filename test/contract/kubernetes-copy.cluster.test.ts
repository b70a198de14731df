import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import type { V1Pod } from '@kubernetes/client-node'
import type { StartProgress } from '../../server/core/driver.ts'
import type { Target } from '../../server/core/target.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { TestNamespace, type TestPodSpec } from '../support/cluster-namespace.ts'
import { eventually } from '../support/eventually.ts'
import { imageRef } from '../support/images.ts'
import { kubernetesDriver, kubernetesGround, podRef } from '../support/kubernetes-ground.ts'
import { deadline, DriverUser } from './driver-ground.ts'

const readPage = 'cat /proc/1/root/www/hello.txt'

describe('a debug copy of a pod', () => {
  let cluster: TestCluster
  let user: DriverUser
  let namespace: TestNamespace
  let restricted: TestNamespace
  before(async () => {
    cluster = await testCluster()
    user = new DriverUser(await kubernetesGround(cluster))
    await user.start()
    namespace = await TestNamespace.create(cluster)
    restricted = await TestNamespace.create(cluster, { enforce: 'restricted' })
  })
  afterEach(() => user.stopAll())
  after(async () => {
    await Promise.all([namespace.close(), restricted.close()])
    await user.close()
  })

  const targetOf = (pod: V1Pod): Promise<Target> => user.access.find(podRef(pod), {}, deadline())
  const copiesIn = (where: TestNamespace) => where.pods('hatchway.session')

  /** Its command is not in its image, so that it never stays up. */
  async function crashing(where = namespace, spec: TestPodSpec = {}): Promise<V1Pod> {
    const pod = await where.createPod({ image: 'web', command: ['/no-such-command', 'serve'], ...spec })
    return await where.waitForPod(pod.metadata?.name ?? '', ({ status }) => {
      const state = status?.containerStatuses?.[0]
      return (state?.restartCount ?? 0) > 0 || state?.lastState?.terminated !== undefined
    })
  }

  it('opens beside a container that crashes, shows its files and goes with the session', async () => {
    const pod = await crashing()
    const target = await targetOf(pod)
    const progress: StartProgress[] = []
    const opened = await user.open({ target, copy: true, onProgress: (each) => progress.push(each) })
    const text = await opened.shell.run(readPage)
    assert.match(text, /hello from the target/)
    const [copy, ...others] = await copiesIn(namespace)
    assert.deepEqual(others, [])
    assert.equal(copy?.metadata?.labels?.['app'], undefined)
    assert.equal(opened.container.targetId, `${copy?.metadata?.uid}/app`)
    assert.match(opened.notices.join('\n'), /debug copy.*\/no-such-command serve/)
    assert.equal(progress.filter(({ phase }) => phase === 'resolving').length, 1)
    await eventually(
      async () => {
        const listed = await user.access.list({ namespace: namespace.name }, deadline())
        const own = listed.find(({ name }) => name === copy?.metadata?.name)
        return own?.ownSession === opened.container.sessionId
      },
      { what: 'the copy in the list, as its session’s own' },
    )
    await user.driver.stop(opened.container, deadline())
    assert.deepEqual(await copiesIn(namespace), [])
    assert.equal((await namespace.pod(target.name)).metadata?.uid, pod.metadata?.uid)
    await user.driver.stop(opened.container, deadline())
  })

  it('opens beside one that has finished, after telling as whom', async () => {
    const pod = await namespace.createPod({
      image: 'toolbox',
      user: '65532:65532',
      command: ['/bin/true'],
      spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1 },
    })
    await namespace.waitForPod(pod.metadata?.name ?? '', ({ status }) => status?.phase === 'Succeeded')
    const target = await targetOf(pod)
    assert.equal((await user.access.identify(target, 'auto', deadline())).uid, 65532)
    const { shell } = await user.open({ target, copy: true })
    assert.match(await shell.run('id -u'), /65532/)
  })

  it('is found and removed by another gateway of the installation, and attached to again before', async () => {
    const opened = await user.open({ target: await targetOf(await crashing()), copy: true })
    const next = kubernetesDriver(cluster, user.installation)
    try {
      const owned = await eventually(
        async () => {
          const all = await next.listOwned(deadline())
          return all.find(({ sessionId }) => sessionId === opened.container.sessionId) ?? false
        },
        { what: 'the copy among the owned' },
      )
      assert.deepEqual(owned, opened.container)
      const terminal = await next.as({ subject: 'x', groups: [] }).reattach(owned, deadline())
      terminal.detach()
      await next.stop(owned, deadline())
      assert.deepEqual(await copiesIn(namespace), [])
      assert.deepEqual(await next.listOwned(deadline()), [])
    } finally {
      next.close()
    }
  })

  it('is removed when the start is given up', async () => {
    const target = await targetOf(await crashing())
    const giveUp = new AbortController()
    const opening = user.open({
      target,
      copy: true,
      signal: giveUp.signal,
      onProgress: ({ phase }) => phase === 'creating' && giveUp.abort(),
    })
    await assert.rejects(opening, { code: 'cancelled' })
    assert.deepEqual(await copiesIn(namespace), [])
  })

  it('says that a toolbox without busybox cannot hold it still, and leaves nothing', async () => {
    const target = await targetOf(await crashing())
    const toolbox = { name: 'bare', image: imageRef('web'), shell: ['/bin/sh'] }
    await assert.rejects(user.open({ target, copy: true, toolbox }), {
      code: 'toolbox_unusable',
      message: /bare .*has no \/bin\/busybox/,
    })
    assert.deepEqual(await copiesIn(namespace), [])
  })

  it('is admitted where its original is, and else tells the rule', async () => {
    const securityContext = {
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    }
    const image = imageRef('web')
    const app = { name: 'app', image, command: ['/no-such-command'], securityContext }
    const pod = await crashing(restricted, { spec: { containers: [app] } })
    const opened = await user.open({ target: await targetOf(pod), copy: true })
    assert.match(await opened.shell.run(readPage), /hello from the target/)

    const other = await TestNamespace.create(cluster)
    try {
      const lax = await crashing(other)
      const path = `/api/v1/namespaces/${other.name}`
      await cluster.api.patch(path, {
        metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      })
      await assert.rejects(
        user.open({ target: await targetOf(lax), copy: true, sessionId: randomUUID() }),
        (error: Error & { code?: string }) =>
          error.code === 'admission_refused' && /allowPrivilegeEscalation/.test(error.message),
      )
      assert.deepEqual(await copiesIn(other), [])
    } finally {
      await other.close()
    }
  })
})
