import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkContainer, choosePod, stateOfChosen } from '../../server/drivers/kubernetes/catalog/choose.ts'
import { describePod } from '../../server/drivers/kubernetes/catalog/describe.ts'
import type { Pod } from '../../server/drivers/kubernetes/api/objects.ts'

type Spec = NonNullable<Pod['spec']>
type Status = NonNullable<Pod['status']>
type ContainerStatus = NonNullable<Status['containerStatuses']>[number]

const running = { running: { startedAt: '2026-11-24T05:00:02Z' } }
const exited = (exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error') => ({
  terminated: { exitCode, reason, startedAt: '2026-11-24T05:00:02Z', finishedAt: '2026-11-24T05:00:03Z' },
})

function status(name: string, change: Partial<ContainerStatus> = {}): ContainerStatus {
  const image = 'docker.io/library/web:1'
  return { name, image, imageID: 'sha256:1', ready: true, restartCount: 0, state: running, ...change }
}

/** As a kubelet leaves a pod with the container `app` that runs and is ready; `change` lies over it. */
function pod(
  change: { metadata?: Pod['metadata']; spec?: Partial<Spec>; status?: Partial<Status> } = {},
): Pod {
  const condition = (type: string) => ({ type, status: 'True' })
  return {
    metadata: {
      name: 'api-1',
      namespace: 'payments',
      uid: 'u1',
      creationTimestamp: '2026-11-24T05:00:00Z',
      ...change.metadata,
    },
    spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'web:1' }], ...change.spec },
    status: {
      phase: 'Running',
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
      containerStatuses: [status('app')],
      ...change.status,
    },
  }
}

const waiting = (reason: string, message?: string) => ({
  ready: false,
  state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
})
const unready = [{ type: 'Ready', status: 'False' }]

const standings: [string, Pod, string, string][] = [
  ['runs', pod(), 'running', 'Running, 1/1 ready'],
  [
    'runs after restarts',
    pod({ status: { containerStatuses: [status('app', { restartCount: 3 })] } }),
    'running',
    'Running, 1/1 ready, 3 restarts',
  ],
  [
    'is not ready',
    pod({ status: { conditions: unready, containerStatuses: [status('app', { ready: false })] } }),
    'running',
    'Running, 0/1 ready',
  ],
  [
    'crash-loops',
    pod({
      status: {
        conditions: unready,
        containerStatuses: [
          status('app', {
            ...waiting('CrashLoopBackOff', 'back-off 5m0s'),
            restartCount: 14,
            lastState: exited(1),
          }),
        ],
      },
    }),
    'restarting',
    'CrashLoopBackOff, exit code 1, 14 restarts',
  ],
  [
    'was killed for its memory and is about to start again',
    pod({
      status: {
        containerStatuses: [
          status('app', { ready: false, state: exited(137, 'OOMKilled'), restartCount: 1 }),
        ],
      },
    }),
    'restarting',
    'Crashing: exit code 137 (OOMKilled), 1 restart',
  ],
  [
    'crash-loops in one of two containers',
    pod({
      spec: { containers: [{ name: 'app' }, { name: 'proxy' }] },
      status: {
        containerStatuses: [
          status('app'),
          status('proxy', { ...waiting('CrashLoopBackOff'), lastState: exited(2) }),
        ],
      },
    }),
    'restarting',
    'proxy: CrashLoopBackOff, exit code 2',
  ],
  [
    'cannot pull',
    pod({
      status: {
        phase: 'Pending',
        containerStatuses: [status('app', waiting('ImagePullBackOff', 'Back-off pulling\n image "x"'))],
      },
    }),
    'restarting',
    'ImagePullBackOff: Back-off pulling image "x"',
  ],
  [
    'fits on no node',
    pod({
      status: {
        phase: 'Pending',
        containerStatuses: [],
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/3 nodes are available.',
          },
        ],
      },
    }),
    'created',
    'Pending: 0/3 nodes are available.',
  ],
  [
    'is being created',
    pod({ status: { phase: 'Pending', containerStatuses: [status('app', waiting('ContainerCreating'))] } }),
    'created',
    'ContainerCreating',
  ],
  [
    'is in its second init container',
    pod({
      spec: { initContainers: [{ name: 'one' }, { name: 'two' }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          status('one', { state: exited(0), ready: true }),
          status('two', { ready: false }),
        ],
        containerStatuses: [status('app', waiting('PodInitializing'))],
      },
    }),
    'created',
    'Init: 1 of 2 done, two runs',
  ],
  [
    'crash-loops in an init container',
    pod({
      spec: { initContainers: [{ name: 'migrate' }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          status('migrate', { ...waiting('CrashLoopBackOff'), lastState: exited(1), restartCount: 4 }),
        ],
        containerStatuses: [status('app', waiting('PodInitializing'))],
      },
    }),
    'restarting',
    'Init: migrate: CrashLoopBackOff, exit code 1, 4 restarts',
  ],
  ['has finished', pod({ status: { phase: 'Succeeded' } }), 'exited', 'Completed'],
  [
    'has failed',
    pod({
      spec: { restartPolicy: 'Never' },
      status: { phase: 'Failed', containerStatuses: [status('app', { ready: false, state: exited(3) })] },
    }),
    'exited',
    'Failed: exit code 3',
  ],
  [
    'was evicted',
    pod({ status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' } }),
    'exited',
    'Evicted: The node was low on resource: memory.',
  ],
  [
    'is being drained away',
    pod({
      metadata: { deletionTimestamp: '2026-11-24T06:00:00Z' },
      status: {
        conditions: [
          {
            type: 'DisruptionTarget',
            status: 'True',
            reason: 'EvictionByEvictionAPI',
            message: 'Eviction API: evicting',
          },
        ],
      },
    }),
    'removing',
    'Terminating: Eviction API: evicting',
  ],
  [
    'is on a node that fell silent',
    pod({
      status: {
        conditions: [
          { type: 'ContainersReady', status: 'True' },
          { type: 'Ready', status: 'False' },
        ],
      },
    }),
    'running',
    'Running, 1/1 ready, the node n1 does not answer',
  ],
  [
    'has a readiness gate that is shut',
    pod({
      spec: { readinessGates: [{ conditionType: 'example.com/in-service' }] },
      status: {
        conditions: [
          { type: 'ContainersReady', status: 'True' },
          { type: 'Ready', status: 'False' },
        ],
      },
    }),
    'running',
    'Running, 1/1 ready, waits for a readiness gate',
  ],
  [
    'is on a lost node',
    pod({ status: { phase: 'Unknown' } }),
    'dead',
    'Unknown: the node n1 does not answer',
  ],
]

describe('a pod that', () => {
  for (const [what, object, state, words] of standings) {
    it(`${what} is ${state}`, () => {
      const described = describePod(object)
      assert.deepEqual([described.state, described.status], [state, words])
    })
  }
})

describe('the containers of a pod', () => {
  const object = pod({
    metadata: { annotations: { 'kubectl.kubernetes.io/default-container': 'web' } },
    spec: {
      initContainers: [{ name: 'migrate' }, { name: 'mesh', restartPolicy: 'Always' }],
      containers: [
        { name: 'log', image: 'log:1' },
        {
          name: 'web',
          image: 'web:2',
          securityContext: { readOnlyRootFilesystem: true, privileged: true },
          ports: [
            { containerPort: 8080, protocol: 'TCP' },
            { containerPort: 53, hostPort: 5353, protocol: 'UDP' },
          ],
        },
      ],
      ephemeralContainers: [
        {
          name: 'hatchway-abc',
          targetContainerName: 'web',
          env: [
            { name: 'HATCHWAY_SESSION', value: 'abc' },
            { name: 'HATCHWAY_INSTALLATION', value: 'i1' },
            { name: 'OTHER', value: 'x' },
          ],
        },
        { name: 'debugger-x' },
      ],
    },
    status: {
      initContainerStatuses: [status('migrate', { state: exited(0) }), status('mesh')],
      containerStatuses: [
        status('web', { user: { linux: { uid: 65532, gid: 0 } }, restartCount: 2 }),
        status('log', { restartCount: 1 }),
      ],
      ephemeralContainerStatuses: [status('hatchway-abc', { state: exited(137), ready: false })],
    },
  })
  const described = describePod(object)

  it('are told apart, in the order of the specification', () => {
    assert.deepEqual(
      described.containers.map(({ name, kind, state }) => `${name} ${kind} ${state}`),
      [
        'migrate init terminated',
        'mesh sidecar running',
        'log app running',
        'web app running',
        'hatchway-abc debug terminated',
        'debugger-x debug waiting',
      ],
    )
  })

  it('are opened by the default that the pod names, else the first', () => {
    const { container, image, user, restarts, ports } = described
    assert.deepEqual([container, image, user, restarts], ['web', 'web:2', '65532:0', 3])
    assert.deepEqual(ports, ['8080/tcp', '5353->53/udp'])
    assert.equal(describePod({ ...object, metadata: {} }).container, 'log')
    assert.equal(describePod(object, 'log').container, 'log')
    assert.equal(describePod(object, 'none').container, undefined)
  })

  it('can be targets, but for ephemeral and unknown ones', () => {
    checkContainer(described, undefined)
    checkContainer(described, 'log')
    checkContainer(described, 'mesh')
    checkContainer(described, 'migrate')
    for (const [name, code] of [
      ['hatchway-abc', 'invalid_request'],
      ['none', 'target_not_found'],
    ] as const) {
      assert.throws(() => checkContainer(described, name), {
        code,
        message: /Choose one of migrate, mesh, log, web\.$/,
      })
    }
  })

  it('tell of the debug containers of Hatchway, and of nobody else', () => {
    const env = { HATCHWAY_SESSION: 'abc', HATCHWAY_INSTALLATION: 'i1' }
    assert.deepEqual(described.debug, [
      { name: 'hatchway-abc', target: 'web', env, state: 'terminated', exitCode: 137 },
    ])
  })

  it('warn of what a session there would meet', () => {
    assert.match(described.warnings.join('\n'), /^Read-only.*\nPrivileged/)
    const { warnings } = describePod(
      pod({
        metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } },
        spec: { hostPID: true, hostNetwork: true, shareProcessNamespace: true, hostUsers: false },
      }),
    )
    assert.equal(warnings.length, 6)
    assert.match(warnings[0] ?? '', /^A static pod/)
  })

  it('run as the specification says where the runtime tells nothing', () => {
    const user = (spec: Partial<Spec>) => describePod(pod({ spec })).user
    assert.equal(user({}), undefined)
    assert.equal(user({ securityContext: { runAsUser: 1000 } }), '1000')
    assert.equal(user({ securityContext: { runAsUser: 1000, runAsGroup: 7 } }), '1000:7')
    const containers = [{ name: 'app', securityContext: { runAsUser: 5 } }]
    assert.equal(user({ securityContext: { runAsUser: 1000, runAsGroup: 7 }, containers }), '5:7')
  })
})

describe('the choice of a pod', () => {
  const at = (name: string, minute: number, change: Parameters<typeof pod>[0] = {}) =>
    describePod(
      pod({ ...change, metadata: { name, uid: name, creationTimestamp: `2026-11-24T05:0${minute}:00Z` } }),
    )
  const broken = {
    status: { conditions: unready, containerStatuses: [status('app', waiting('CrashLoopBackOff'))] },
  }
  const slow = { status: { conditions: unready, containerStatuses: [status('app', { ready: false })] } }
  const pods = [at('old', 1), at('new', 3), at('slow', 4, slow), at('broken', 5, broken), at('older', 0)]

  it('takes the newest ready one', () => {
    const chosen = choosePod(pods, 'ready')
    assert.equal(chosen?.pod.name, 'new')
    assert.equal(chosen?.explanation, 'The newest of 3 pods that are ready, of 5.')
    assert.equal(choosePod([at('one', 1)], 'ready')?.explanation, 'Its only pod.')
  })

  it('takes an unready or a failing one when asked, and none when there is none', () => {
    assert.equal(choosePod(pods, 'unready')?.pod.name, 'slow')
    assert.equal(choosePod(pods, 'crashing')?.pod.name, 'broken')
    assert.equal(choosePod([at('old', 1)], 'crashing'), undefined)
    assert.equal(choosePod([at('old', 1)], 'unready'), undefined)
    assert.equal(choosePod([], 'ready'), undefined)
  })

  it('says so when none is ready', () => {
    const chosen = choosePod([at('broken', 5, broken), at('slow', 4, slow)], 'ready')
    assert.equal(chosen?.pod.name, 'slow')
    assert.equal(chosen?.explanation, 'None of its 2 pods is ready: Running, 0/1 ready.')
  })

  it('goes by the state of the chosen container, which may run beside one that fails', () => {
    const two = pod({
      spec: { containers: [{ name: 'app' }, { name: 'proxy' }] },
      status: { containerStatuses: [status('app'), status('proxy', waiting('CrashLoopBackOff'))] },
    })
    assert.equal(stateOfChosen(describePod(two)), 'running')
    assert.equal(stateOfChosen(describePod(two, 'proxy')), 'restarting')
  })
})
