import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import { formatTargetRef, parseTargetRef } from '../../server/core/target-ref.ts'
import type { Actor } from '../../server/core/driver.ts'
import type { Target } from '../../server/core/target.ts'
import { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { KubernetesTargets } from '../../server/drivers/kubernetes/catalog/targets.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { testCluster, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { deadline } from './driver-ground.ts'

const engineer: Actor = { subject: 'engineer@example.com', groups: ['engineers'] }

describe('the targets of a cluster', () => {
  let cluster: TestCluster
  let space: TestNamespace
  const closing: (() => void)[] = []

  function connect(options: { impersonate?: boolean; namespaces?: string[] } = {}): KubernetesTargets {
    const { impersonate = false, ...rest } = options
    const source = { kind: 'kubeconfig' as const, paths: [cluster.kubeconfig] }
    const client = new KubernetesClient({ environment: 'prod', source, impersonate })
    const targets = new KubernetesTargets(client, rest)
    closing.push(() => {
      targets.close()
      client.close()
    })
    return targets
  }

  const list = (targets: KubernetesTargets, actor = engineer, namespace: string | undefined = space.name) =>
    targets.list(namespace === '' ? {} : { namespace }, actor, deadline())
  const find = (targets: KubernetesTargets, path: string, pick?: 'ready' | 'unready' | 'crashing') =>
    targets.find(
      parseTargetRef(`prod/${space.name}/${path}`),
      pick === undefined ? {} : { pick },
      engineer,
      deadline(),
    )
  const pathOf = ({ ref }: Target) => formatTargetRef(ref).split('/').slice(2).join('/')
  /** The row as soon as `fits` says so. */
  const row = (targets: KubernetesTargets, path: string, fits: (target: Target) => boolean) =>
    eventually(
      async () => {
        const found = (await list(targets)).find((target) => pathOf(target) === path)
        return found !== undefined && fits(found) && found
      },
      { what: `the row of ${path}`, timeoutMs: 60_000 },
    )

  before(async () => {
    cluster = await testCluster()
    space = await TestNamespace.create(cluster)
  })
  after(async () => {
    for (const close of closing) close()
    await space.close()
    cluster.api.close()
  })

  it('are workloads and their pods, with who they run as and what they are part of', async () => {
    const targets = connect()
    await space.runDeployment({ name: 'api', replicas: 2, user: '65532:65532' })
    const workload = await row(targets, 'deployment/api', ({ cluster }) => cluster?.pods?.ready === 2)
    assert.deepEqual([workload.state, workload.status], ['running', '2/2 ready'])
    assert.equal(workload.user, '65532:65532')
    const pods = (await list(targets)).filter(({ name }) => name.startsWith('api-'))
    assert.equal(pods.length, 2)
    for (const pod of pods) {
      const names = pod.cluster?.names ?? []
      assert.match(names.join(' '), /^pod\/api-\S+ replicaset\/api-\S+ deployment\/api$/)
      assert.deepEqual([pod.state, pod.status, pod.user], ['running', 'Running, 1/1 ready', '65532:65532'])
    }
    const found = await find(targets, 'deployment/api')
    assert.equal(found.cluster?.names[0], 'deployment/api')
    assert.equal(found.cluster?.choice?.explanation, 'The newest of 2 pods that are ready, of 2.')
    assert.deepEqual([found.cluster?.container, found.state], ['app', 'running'])
    const replicas = found.cluster?.names.find((name) => name.startsWith('replicaset/')) ?? ''
    assert.ok((await find(targets, replicas)).cluster?.names.includes('deployment/api'))
    await assert.rejects(find(targets, 'deployment/api', 'crashing'), { code: 'target_not_found' })
    assert.deepEqual(targets.problems(), [])
  })

  it('are found as soon as they are created, and gone as soon as they are deleted', async () => {
    const targets = connect()
    await list(targets)
    const { metadata } = await space.createPod({ name: 'newborn' })
    const found = await find(targets, 'pod/newborn')
    assert.equal(found.id, metadata?.uid)
    await space.waitForPod('newborn', (pod) => pod.status?.phase === 'Running')
    await space.deletePod('newborn')
    await eventually(
      () =>
        find(targets, 'pod/newborn').then(
          () => false,
          () => true,
        ),
      { what: 'its end' },
    )
    await assert.rejects(find(targets, 'pod/newborn'), { code: 'target_not_found' })
    await assert.rejects(find(targets, 'deployment/none'), { code: 'target_not_found' })
  })

  it('are not what they only claim to be part of', async () => {
    const targets = connect()
    const { metadata } = await space.runPod({ name: 'plain' })
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'api',
      uid: metadata?.uid,
      controller: true,
    }
    // The garbage collector removes what is owned by nothing: the finalizer holds it for as long as the test looks at it.
    const finalizers = ['hatchway.test/looks-at-it']
    await cluster.api.create(space.path('pods'), {
      metadata: { name: 'forged', ownerReferences: [owner], finalizers },
      spec: { containers: [{ name: 'app', image: 'none:1' }], nodeSelector: { none: 'such' } },
    })
    const forged = await find(targets, 'pod/forged')
    assert.deepEqual(forged.cluster?.names, ['pod/forged'])
    assert.deepEqual(forged.cluster?.claims, ['deployment/api'])
    assert.deepEqual((await row(targets, 'pod/forged', () => true)).cluster?.names, ['pod/forged'])
    const workload = await find(targets, 'deployment/api')
    assert.ok(!workload.cluster?.choice?.pods.some(({ name }) => name === 'forged'))
    await cluster.api.patch(space.path('pods', 'forged'), { metadata: { finalizers: null } }, 'merge')
  })

  it('say how they fail, wait and end', async () => {
    const targets = connect()
    const command = ['sh', '-c', 'exit 3']
    const toolbox = { image: 'toolbox' as const, command }
    await space.createPod({ ...toolbox, name: 'crash' })
    await space.createPod({ ...toolbox, name: 'failed', spec: { restartPolicy: 'Never' } })
    await space.createPod({ ...toolbox, name: 'done', command: ['true'], spec: { restartPolicy: 'Never' } })
    await space.createPod({ name: 'stuck', spec: { nodeSelector: { none: 'such' } } })
    const crash = await row(targets, 'pod/crash', ({ status }) => status.startsWith('CrashLoopBackOff'))
    assert.equal(crash.state, 'restarting')
    assert.match(crash.status, /^CrashLoopBackOff, exit code 3, [1-9]\d* restarts?$/)
    const failed = await row(targets, 'pod/failed', ({ state }) => state === 'exited')
    assert.equal(failed.status, 'Failed: exit code 3')
    assert.equal((await row(targets, 'pod/done', ({ state }) => state === 'exited')).status, 'Completed')
    const stuck = await row(targets, 'pod/stuck', ({ status }) => status.startsWith('Pending: '))
    assert.equal(stuck.state, 'created')
    assert.match(stuck.status, /nodes are available/)
  })

  it('choose among containers: the annotated one, the one asked for, never an init container', async () => {
    const targets = connect()
    const { image } = (await space.runPod({ name: 'probe' })).spec?.containers[0] ?? {}
    await cluster.api.create(space.path('pods'), {
      metadata: { name: 'two', annotations: { 'kubectl.kubernetes.io/default-container': 'main' } },
      spec: {
        initContainers: [{ name: 'side', image, restartPolicy: 'Always' }],
        containers: [
          { name: 'log', image, command: ['/none'] },
          { name: 'main', image, env: [{ name: 'PORT', value: '8081' }] },
        ],
      },
    })
    await space.waitForPod('two', ({ status }) => (status?.containerStatuses?.length ?? 0) > 1)
    assert.equal((await find(targets, 'pod/two')).cluster?.container, 'main')
    assert.equal((await find(targets, 'pod/two/log')).cluster?.container, 'log')
    assert.equal((await find(targets, 'pod/two/side')).cluster?.container, 'side')
    // The cluster takes a sidecar for a target, too.
    const debug = { name: 'probe', image: 'none:1', targetContainerName: 'side' }
    const ephemeral = `${space.path('pods', 'two', 'ephemeralcontainers')}?dryRun=All`
    await cluster.api.patch(ephemeral, { spec: { ephemeralContainers: [debug] } })
    await assert.rejects(find(targets, 'pod/two/none'), {
      code: 'target_not_found',
      message: /side, log, main/,
    })
  })

  it('can be a workload without a ready pod, or without any', async () => {
    const targets = connect()
    const template = (name: string, replicas: number) => ({
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'app', image: '127.0.0.1:9/none:1' }] },
        },
      },
    })
    await cluster.api.create(space.path('apps/deployments'), template('pulling', 1))
    await cluster.api.create(space.path('apps/statefulsets'), template('empty', 0))
    await row(targets, 'deployment/pulling', ({ state }) => state === 'restarting')
    const pulling = await find(targets, 'deployment/pulling')
    assert.match(
      pulling.cluster?.choice?.explanation ?? '',
      /^Its only pod is not ready: \w*(ImagePull|ErrImage)/,
    )
    assert.notEqual(pulling.state, 'running')
    assert.equal((await find(targets, 'deployment/pulling', 'crashing')).cluster?.pod, pulling.cluster?.pod)
    const empty = await find(targets, 'statefulset/empty')
    assert.deepEqual([empty.state, empty.status, empty.cluster?.pod], ['exited', 'Scaled to 0', undefined])
  })

  it('are only those of the configured namespaces', async () => {
    const targets = connect({ namespaces: [space.name, 'kube-node-lease'] })
    const places = new Set(
      (await list(targets, engineer, '')).map(({ ref }) => ref.kind === 'kubernetes' && ref.namespace),
    )
    assert.deepEqual([...places], [space.name])
    const elsewhere = parseTargetRef('prod/kube-system/deployment/api')
    await assert.rejects(targets.find(elsewhere, {}, engineer, deadline()), { code: 'target_not_found' })
  })

  it('are what the cluster lets a person see, when it is told who asks', async () => {
    const targets = connect({ impersonate: true })
    const path = parseTargetRef(`prod/${space.name}/deployment/api`)
    const asked = (actor: Actor) => targets.find(path, {}, actor, deadline()).then(({ name }) => name)
    assert.deepEqual(await list(targets, engineer, ''), [])
    await assert.rejects(asked(engineer), { code: 'target_not_found' })
    const group = 'rbac.authorization.k8s.io'
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]
    await cluster.api.create(space.path(`${group}/roles`), { metadata: { name: 'see' }, rules })
    await cluster.api.create(space.path(`${group}/rolebindings`), {
      metadata: { name: 'see' },
      roleRef: { apiGroup: group, kind: 'Role', name: 'see' },
      subjects: [{ apiGroup: group, kind: 'Group', name: 'readers' }],
    })
    const reader: Actor = { subject: 'reader@example.com', groups: ['readers'] }
    const seen = await eventually(
      async () => {
        const seen = await list(connect({ impersonate: true }), reader, '')
        return seen.length > 0 && seen
      },
      { what: 'what the reader may see', timeoutMs: 20_000 },
    )
    const places = new Set(seen.map(({ ref }) => ref.kind === 'kubernetes' && ref.namespace))
    assert.deepEqual([...places], [space.name])
    assert.equal(await asked(reader), 'api')
    await assert.rejects(asked(engineer), { code: 'target_not_found' })
  })

  it('are pods alone, and it says what is missing, where an account may list nothing else', async () => {
    const verbs = ['get', 'list', 'watch']
    const token = await space.createAccount('pods-only', [{ apiGroups: [''], resources: ['pods'], verbs }])
    const targets = await connectAs(token)
    const names = (await list(targets)).map(pathOf)
    assert.ok(names.includes('pod/plain') && names.every((name) => name.startsWith('pod/')), names.join())
    assert.match(targets.problems().join('\n'), /list deployments of apps/)
    const api = (await list(targets)).find(({ name }) => name.startsWith('api-'))
    assert.match(api?.cluster?.claims?.join(' ') ?? '', /^replicaset\/api-\S+ deployment\/api$/)
    await assert.rejects(find(targets, 'deployment/api'), { code: 'backend_forbidden' })
  })

  async function connectAs(token: string): Promise<KubernetesTargets> {
    const config = parse(await readFile(cluster.kubeconfig, 'utf8')) as { users: { user: object }[] }
    for (const each of config.users) each.user = { token }
    const folder = await mkdtemp(join(tmpdir(), 'hatchway-targets-'))
    const path = join(folder, 'kubeconfig')
    await writeFile(path, stringify(config), { mode: 0o600 })
    const source = { kind: 'kubeconfig' as const, paths: [path] }
    const client = new KubernetesClient({ environment: 'prod', source, impersonate: false })
    const targets = new KubernetesTargets(client, { namespaces: [space.name] })
    closing.push(() => {
      targets.close()
      client.close()
      void rm(folder, { recursive: true })
    })
    return targets
  }

  it('go with their namespace', async () => {
    const targets = connect()
    const other = await TestNamespace.create(cluster)
    await other.runPod({ name: 'short' })
    await eventually(async () => (await list(targets, engineer, other.name)).length === 1, {
      what: 'its pod',
    })
    await other.close()
    await eventually(async () => (await list(targets, engineer, other.name)).length === 0, {
      what: 'the end of its pod',
      timeoutMs: 60_000,
    })
  })
})
