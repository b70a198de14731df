import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DebugSpec } from '../../server/core/debug-container.ts'
import { copyName, sessionOfCopy } from '../../server/drivers/kubernetes/catalog/copy-name.ts'
import { copyNotices, copyPod, holderName } from '../../server/drivers/kubernetes/debug/copy-pod.ts'
import { readCopyStart } from '../../server/drivers/kubernetes/debug/copy-start.ts'
import type { Pod } from '../../server/drivers/kubernetes/api/objects.ts'
import type { PodFacts } from '../../server/drivers/kubernetes/catalog/pod.ts'

const sessionId = '0123456789abcdef0123'
const spec: DebugSpec = {
  sessionId,
  installation: 'installation-1',
  user: 'engineer@example.com',
  toolbox: { name: 'tools', image: 'example.com/tools:1', shell: ['/bin/sh'] },
  profile: 'auto',
  size: { cols: 80, rows: 24 },
  maxDurationMs: 60_000,
}
const security = { runAsNonRoot: true, capabilities: { drop: ['ALL'] } }
const original: Pod = {
  metadata: {
    name: 'api-1',
    namespace: 'payments',
    uid: 'u-1',
    labels: { app: 'api' },
    annotations: { note: 'yes' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'api', uid: 'u-2', controller: true },
    ],
    finalizers: ['example.com/wait'],
  },
  spec: {
    nodeName: 'node-1',
    serviceAccountName: 'api',
    priority: 7,
    restartPolicy: 'Always',
    securityContext: { fsGroup: 2000 },
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'kube-api-access-x1', projected: { sources: [] } },
    ],
    initContainers: [{ name: 'migrate', image: 'example.com/migrate:1' }],
    ephemeralContainers: [{ name: 'hatchway-old', image: 'example.com/tools:1' }],
    containers: [
      {
        name: 'app',
        image: 'example.com/api:1',
        command: ['/api', '--name', "it's"],
        args: ['serve'],
        env: [{ name: 'MODE', value: 'x' }],
        ports: [{ containerPort: 80, hostPort: 80 }],
        livenessProbe: { tcpSocket: { port: 80 } },
        lifecycle: { preStop: { sleep: { seconds: 5 } } },
        resources: { limits: { memory: '64Mi' } },
        securityContext: security,
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'kube-api-access-x1', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
        ],
      },
      { name: 'proxy', image: 'example.com/proxy:1' },
    ],
  },
}

describe('a debug copy of a pod', () => {
  const copy = copyPod(original, 'app', spec)

  it('is nobody else’s: no labels, annotations, owners or finalizers of the original', () => {
    assert.deepEqual(copy.metadata?.labels, {
      'hatchway.session': sessionId,
      'hatchway.installation': 'installation-1',
    })
    const { 'hatchway.deadline': until, ...others } = copy.metadata?.annotations ?? {}
    assert.deepEqual(others, { 'hatchway.user': 'engineer@example.com', 'hatchway.copy-of': 'api-1' })
    assert.ok(Date.parse(until ?? '') > Date.now() + spec.maxDurationMs)
    assert.equal(copy.metadata?.ownerReferences, undefined)
    assert.equal(copy.metadata?.finalizers, undefined)
  })

  it('keeps what the pod may and has, and leaves the place and the rest', () => {
    const { containers, initContainers, volumes, ...rest } = copy.spec ?? { containers: [] }
    assert.deepEqual(rest, {
      serviceAccountName: 'api',
      securityContext: { fsGroup: 2000 },
      restartPolicy: 'Never',
      activeDeadlineSeconds: 660,
      terminationGracePeriodSeconds: 1,
    })
    assert.deepEqual(
      containers.map(({ name }) => name),
      ['app'],
    )
    assert.deepEqual(
      initContainers?.map(({ name }) => name),
      [holderName],
    )
    assert.deepEqual(
      volumes?.map(({ name }) => name),
      ['data', holderName],
    )
  })

  it('has the target hold still by the busybox of the toolbox', () => {
    const [app] = copy.spec?.containers ?? []
    const mountPath = `/.hatchway-${sessionId}`
    assert.deepEqual(app, {
      name: 'app',
      image: 'example.com/api:1',
      command: [`${mountPath}/busybox`, 'sleep', '660'],
      env: [{ name: 'MODE', value: 'x' }],
      resources: { limits: { memory: '64Mi' } },
      securityContext: security,
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: holderName, mountPath, readOnly: true },
      ],
    })
    const [holder] = copy.spec?.initContainers ?? []
    assert.deepEqual(holder?.command, ['/bin/busybox', 'cp', '/bin/busybox', `${mountPath}/busybox`])
    assert.deepEqual(holder?.resources, { limits: { memory: '64Mi' } })
    // The toolbox's image may be root's, which this pod forbids.
    assert.deepEqual(holder?.securityContext, { ...security, runAsUser: 65532, runAsGroup: 65532 })
  })

  it('is named after its pod and its session, in 63 characters', () => {
    assert.equal(copyName('api-1', sessionId), `api-1-hatchway-${sessionId}`)
    const long = copyName(`${'a'.repeat(32)}-.${'b'.repeat(60)}`, sessionId)
    assert.equal(long, `${'a'.repeat(32)}-hatchway-${sessionId}`)
    assert.ok(long.length <= 63)
  })

  it('is known again by its name and label together', () => {
    const labels = { 'hatchway.session': sessionId }
    assert.equal(sessionOfCopy(copyName('api-1', sessionId), labels), sessionId)
    assert.equal(sessionOfCopy('api-1', labels), undefined)
    assert.equal(sessionOfCopy(copyName('api-1', sessionId), {}), undefined)
    assert.equal(sessionOfCopy('api-1-hatchway-', { 'hatchway.session': '' }), undefined)
  })

  it('tells what is left out, and what would have run', () => {
    const text = copyNotices(original, 'app', 'api-1-copy').join('\n')
    assert.match(text, /\/api --name 'it'\\''s' serve/)
    assert.match(text, /\/proc\/1\/root/)
    assert.match(text, /leaves out the containers proxy and the init containers migrate/)
  })
})

describe('the start of a debug copy', () => {
  const read = (status: PodFacts['status']) =>
    readCopyStart(
      { metadata: { name: 'c', uid: 'u' }, ephemeralContainers: [], status },
      { container: 'app', toolbox: spec.toolbox },
    )
  const status = { name: 'app', image: '', imageID: '', ready: false, restartCount: 0 }
  const words = (state: ReturnType<typeof read>) => ('error' in state ? state.error.message : state.kind)

  it('fails for a toolbox without busybox, and for one that is not static', () => {
    const none = { terminated: { exitCode: 128, reason: 'StartError', message: 'no such file' } }
    const holder = { ...status, name: holderName }
    assert.match(
      words(read({ initContainerStatuses: [{ ...holder, state: none }] })),
      /has no \/bin\/busybox/,
    )
    const held = { ...holder, state: { terminated: { exitCode: 0 } } }
    const state = read({
      phase: 'Failed',
      initContainerStatuses: [held],
      containerStatuses: [{ ...status, state: none }],
    })
    assert.equal(state.kind, 'failed')
    assert.match(words(state), /has to be static.*StartError: no such file/)
  })

  it('waits for a node and for images with the words of who makes them wait', () => {
    const message = '0/3 nodes are available'
    const pending = read({
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
    })
    assert.equal(pending.kind === 'stuck' && pending.detail, `Unschedulable: ${message}`)
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling' }
    const pulling = read({ containerStatuses: [{ ...status, state: { waiting } }] })
    assert.equal(pulling.kind, 'stuck')
    assert.match(words(pulling), /cannot get the image of app.*Back-off pulling/)
  })
})
