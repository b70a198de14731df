import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { V1EphemeralContainer } from '@kubernetes/client-node'
import { HatchwayError } from '../../server/core/errors.ts'
import type { StartProgress } from '../../server/core/driver.ts'
import { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { followEvents } from '../../server/drivers/kubernetes/debug/events.ts'
import { kubectlProfiles } from '../../server/drivers/kubernetes/debug/profiles.ts'
import { testCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { eventually } from '../support/eventually.ts'
import { imageRef } from '../support/images.ts'
import { kubernetesGround, podRef } from '../support/kubernetes-ground.ts'
import { within } from '../support/within.ts'
import { deadline, DriverUser } from './driver-ground.ts'

/** How starts go wrong on a real kubelet, and what is told of it. */
describe('starts of debug containers in a cluster', () => {
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

  const find = (pod: Parameters<typeof podRef>[0]) => user.access.find(podRef(pod), {}, deadline())

  it("tells the kubelet's words with advice while an image can't be pulled, and is given up at once", async () => {
    const heard: StartProgress[] = []
    const giveUp = new AbortController()
    const sessionId = randomUUID()
    const toolbox = { ...user.ground.toolbox, image: '127.0.0.1:1/nobody/toolbox:1' }
    const opening = user.open({
      sessionId,
      toolbox,
      onProgress: (progress) => heard.push(progress),
      signal: giveUp.signal,
    })
    opening.catch(() => {})
    await eventually(async () => heard.some(({ advice }) => advice !== undefined), {
      what: 'a progress with advice',
      timeoutMs: 30_000,
    })
    const advised = heard.find(({ advice }) => advice !== undefined)
    assert.match(advised?.detail ?? '', /127\.0\.0\.1:1/)
    assert.match(advised?.advice ?? '', /reach the registry/)
    assert.match(await firstEvent(namespace.cluster.kubeconfig, user, sessionId), /127\.0\.0\.1:1/)
    giveUp.abort()
    await assert.rejects(within(opening, 'the start to be given up', 5_000), { code: 'cancelled' })
    assert.deepEqual(await user.ground.remains(sessionId), [])
  })

  it('refuses an image name that is none', async () => {
    const toolbox = { ...user.ground.toolbox, image: 'Not A Name' }
    await assert.rejects(user.open({ toolbox }), (cause) => {
      assert.ok(cause instanceof HatchwayError)
      assert.equal(cause.code, 'image_unavailable')
      return true
    })
  })

  it('says at once that a toolbox has no shell', async () => {
    const toolbox = { ...user.ground.toolbox, image: imageRef('web') }
    await assert.rejects(user.open({ toolbox }), { code: 'toolbox_unusable', message: /has no \/bin\/sh/ })
  })

  it('joins an init container that runs, and says what the others wait for', async () => {
    const image = imageRef('toolbox')
    const command = ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done']
    const pod = await namespace.createPod({
      user: '65532:65532',
      spec: {
        initContainers: [{ name: 'migrate', image, command }],
        containers: [{ name: 'app', image: imageRef('web') }],
      },
    })
    await namespace.waitForPod(
      pod.metadata?.name ?? '',
      ({ status }) => status?.initContainerStatuses?.[0]?.state?.running !== undefined,
    )
    await assert.rejects(user.open({ target: await find(pod) }), {
      code: 'target_not_running',
      message: /waits for the init container migrate, which runs: open migrate/,
    })
    const init = { ...podRef(pod), container: 'migrate' }
    const target = await user.access.find(init, {}, deadline())
    const { shell, identity } = await user.open({ target })
    assert.equal(identity.seesFiles, true)
    assert.match(await shell.run('tr "\\0" " " < /proc/1/cmdline'), /while/)
  })

  it('opens the network alone of a pod that keeps crashing, and is found again as its own', async () => {
    const pod = await namespace.createPod({ image: 'toolbox', command: ['/bin/sh', '-c', 'exit 7'] })
    const podName = pod.metadata?.name ?? ''
    const { status } = await namespace.waitForPod(
      podName,
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    )
    const target = await find(pod)
    const scopes = target.cluster?.scopes?.map(({ scope, problem }) => `${scope}: ${problem ?? 'can be had'}`)
    assert.match(
      scopes?.join('\n') ?? '',
      /^container: .*exit code was 7.*\nnetwork: can be had\ncopy: can be had$/,
    )
    await assert.rejects(user.open({ target }), { code: 'target_not_running', message: /exit code was 7/ })
    const { shell, identity, container } = await user.open({ target, networkOnly: true })
    assert.equal(identity.seesFiles, false)
    assert.match(identity.explanation, /network only/)
    assert.match(await shell.run('cat /proc/net/fib_trie'), new RegExp(`${status?.podIP}\\b`))
    assert.doesNotMatch(await shell.run('cat /proc/[0-9]*/cmdline | tr "\\0" " "'), /exit 7/)
    const owned = await user.driver.listOwned(deadline())
    assert.ok(owned.some(({ id }) => id === container.id))
    await user.driver.stop(container, deadline())
    assert.deepEqual(await user.ground.remains(container.sessionId), [])
  })

  it('gives each profile what kubectl debug gives it', async () => {
    const pod = await namespace.runPod({ image: 'web', user: '65532:65532' })
    const name = pod.metadata?.name ?? ''
    const profiles = ['general', 'baseline', 'restricted', 'netadmin', 'sysadmin'] as const
    for (const profile of profiles) {
      await kubectlDebug(namespace, name, profile)
    }
    const added = new Map<string, V1EphemeralContainer>(
      (await namespace.pod(name)).spec?.ephemeralContainers?.map((each) => [each.name, each]),
    )
    for (const profile of profiles) {
      assert.deepEqual(added.get(profile)?.securityContext ?? {}, kubectlProfiles[profile], profile)
    }
  })
})

/** What the kubelet reports first about the debug container of a session of the web target. */
async function firstEvent(kubeconfig: string, { web }: DriverUser, sessionId: string): Promise<string> {
  const source = { kind: 'kubeconfig' as const, paths: [kubeconfig] }
  const client = new KubernetesClient({ environment: 'cluster', source, impersonate: false })
  const place = {
    namespace: web.ref.kind === 'kubernetes' ? web.ref.namespace : '',
    pod: web.cluster?.pod ?? '',
    uid: web.id,
    container: `hatchway-${sessionId}`,
  }
  const { promise, resolve } = Promise.withResolvers<string>()
  try {
    void followEvents(client, place, resolve, deadline())
    return await within(promise, 'an event of the kubelet')
  } finally {
    client.close()
  }
}

async function kubectlDebug(namespace: TestNamespace, pod: string, profile: string): Promise<void> {
  const run = promisify(execFile)
  const { stdout } = await run('test/cluster/cluster.sh', ['kubectl'])
  const place = ['--kubeconfig', namespace.cluster.kubeconfig, '-n', namespace.name]
  const image = ['--image', 'hatchway-test/toolbox:1', '-c', profile]
  const debug = ['debug', pod, `--profile=${profile}`, '--target=app', ...image, '--', '/bin/true']
  await run(stdout.trim(), [...place, ...debug])
}
