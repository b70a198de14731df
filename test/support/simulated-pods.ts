import { randomBytes } from 'node:crypto'
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { namespacePrefix, type TestCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { imageRef } from './images.ts'

/** What a simulated pod says of itself. */
export type SimulatedState = 'running' | 'unready' | 'crashing' | 'unpullable' | 'pending' | 'finished'

export interface SimulationOptions {
  pods: number
  /** Over this many namespaces, evenly; 1 when not given. */
  namespaces?: number
  /** Deployments of ten make the pods, by the real controllers: owners and names are right, and it takes several times as long. */
  deployments?: boolean
  /** What each pod says, by its number from 0; running when not given. */
  state?: (index: number) => SimulatedState
}

export interface Simulation {
  namespaces: readonly string[]
  node: string
  /** How long it took to make them, in milliseconds. */
  tookMs: number
  /** Takes pods, namespaces and node away; resolves when no pod is left. */
  close(): Promise<void>
}

/** Requests at a time: more than this the API server and etcd of a small machine only queue. */
const concurrency = 16

/**
 * Pods in the real API server, bound to a node that does not exist: they can be listed, watched and looked at, and what
 * they say of themselves is what a kubelet would have written. Ten of them have the same label `app`.
 */
export async function simulatePods(cluster: TestCluster, options: SimulationOptions): Promise<Simulation> {
  const started = performance.now()
  const id = randomBytes(4).toString('hex')
  const node = `simulated-${id}`
  const namespaces = Array.from({ length: options.namespaces ?? 1 }, (_, n) => `${namespacePrefix}${id}-${n}`)
  await createNode(cluster, node)
  const beating = setInterval(() => void beat(cluster, node).catch(() => {}), 10_000).unref()
  await inParallel(namespaces, (name) => createNamespace(cluster, name))
  const tens = Array.from({ length: Math.ceil(options.pods / 10) }, (_, number) => number)
  await inParallel(tens, async (number) => {
    const namespace = namespaces[number % namespaces.length] ?? ''
    const count = Math.min(10, options.pods - number * 10)
    const make = options.deployments === true ? deployTen : createTen
    const names = await make(cluster, namespace, { number, count, node })
    for (const [offset, name] of names.entries()) {
      const index = number * 10 + offset
      const status = statusOf(options.state?.(index) ?? 'running', index)
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`
      if (status) await cluster.api.patch(path, { status }, 'merge')
    }
  })
  return {
    namespaces,
    node,
    tookMs: performance.now() - started,
    async close() {
      clearInterval(beating)
      await inParallel(namespaces, (name) => cluster.api.delete(`/api/v1/namespaces/${name}`))
      await eventually(async () => (await podsOn(cluster, node)) === 0, {
        what: 'the end of the simulated pods',
        timeoutMs: 180_000,
      })
      await cluster.api.delete(`/api/v1/nodes/${node}`)
    },
  }
}

interface Ten {
  number: number
  count: number
  node: string
}

async function createNamespace({ api }: TestCluster, name: string): Promise<void> {
  await api.create('/api/v1/namespaces', { metadata: { name } })
  await eventually(() => api.get(`/api/v1/namespaces/${name}/serviceaccounts/default`), {
    what: `the service account of ${name}`,
    timeoutMs: 30_000,
  })
}

async function createTen({ api }: TestCluster, namespace: string, ten: Ten): Promise<string[]> {
  const { labels, spec } = template(ten)
  const names = Array.from({ length: ten.count }, (_, offset) => `${labels.app}-${offset}`)
  for (const name of names) {
    await api.create(`/api/v1/namespaces/${namespace}/pods`, { metadata: { name, labels }, spec })
  }
  return names
}

async function deployTen({ api }: TestCluster, namespace: string, ten: Ten): Promise<string[]> {
  const { labels, spec } = template(ten)
  await api.create(`/apis/apps/v1/namespaces/${namespace}/deployments`, {
    metadata: { name: labels.app, labels },
    spec: {
      replicas: ten.count,
      selector: { matchLabels: { app: labels.app } },
      template: { metadata: { labels }, spec },
    },
  })
  const query = `labelSelector=app%3D${labels.app}&resourceVersion=0`
  return eventually(
    async () => {
      const { items } = await api.get<{ items: V1Pod[] }>(`/api/v1/namespaces/${namespace}/pods?${query}`)
      return items.length === ten.count && items.map(({ metadata }) => metadata?.name ?? '')
    },
    { what: `the pods of ${labels.app}`, timeoutMs: 120_000 },
  )
}

async function podsOn({ api }: TestCluster, node: string): Promise<number> {
  const selector = encodeURIComponent(`spec.nodeName=${node}`)
  const { items, metadata } = await api.get<{ items: V1Pod[]; metadata: { remainingItemCount?: number } }>(
    `/api/v1/pods?fieldSelector=${selector}&limit=1`,
  )
  return items.length + (metadata.remainingItemCount ?? 0)
}

/** Nothing else is put on it, and its lease is renewed: the pods of a lost node would be marked as not ready. */
async function createNode(cluster: TestCluster, name: string): Promise<void> {
  const taints = [{ key: 'hatchway.test/simulated', effect: 'NoSchedule' }]
  await cluster.api.create('/api/v1/nodes', { metadata: { name }, spec: { taints } })
  await cluster.api.create('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', {
    metadata: { name },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() },
  })
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'simulated' }]
  await cluster.api.patch(`/api/v1/nodes/${name}/status`, { status: { conditions } }, 'merge')
}

async function beat({ api }: TestCluster, node: string): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`
  await api.patch(path, { spec: { renewTime: microTime() } }, 'merge')
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z')
}

function template({ number, node }: Ten) {
  const image = imageRef('web')
  return {
    labels: { app: `app-${String(number).padStart(4, '0')}`, tier: `tier-${number % 3}` },
    spec: {
      nodeName: node,
      // There is no kubelet that would confirm its end.
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        { name: 'app', image },
        { name: 'proxy', image },
      ],
    },
  }
}

/** Undefined for a pod that no kubelet has seen. */
function statusOf(state: SimulatedState, index: number): V1Pod['status'] {
  if (state === 'pending') return undefined
  const ready = state === 'running'
  const since = new Date(Date.now() - 3_600_000).toISOString() as unknown as Date
  const condition = (type: string, isTrue: boolean) => ({
    type,
    status: isTrue ? 'True' : 'False',
    lastTransitionTime: since,
  })
  const phase = {
    running: 'Running',
    unready: 'Running',
    crashing: 'Running',
    unpullable: 'Pending',
  } as const
  return {
    phase: state === 'finished' ? 'Succeeded' : phase[state],
    startTime: since,
    podIP: `10.200.${index >> 8}.${index & 255}`,
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('ContainersReady', ready),
      condition('Ready', ready),
    ],
    containerStatuses: ['app', 'proxy'].map((name) => containerStatus(name, state, index, since)),
  }
}

function containerStatus(
  name: string,
  state: Exclude<SimulatedState, 'pending'>,
  index: number,
  since: Date,
): V1ContainerStatus {
  const ended = {
    exitCode: state === 'finished' ? 0 : 1,
    reason: 'Error',
    startedAt: since,
    finishedAt: since,
  }
  const isRunning = state === 'running' || state === 'unready'
  const states = {
    running: { running: { startedAt: since } },
    unready: { running: { startedAt: since } },
    crashing: {
      waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s restarting failed container' },
    },
    unpullable: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } },
    finished: { terminated: { ...ended, reason: 'Completed' } },
  }
  const hasRun = state !== 'unpullable'
  return {
    name,
    image: `docker.io/${imageRef('web')}`,
    imageID: hasRun ? `sha256:${'0'.repeat(64)}` : '',
    ready: state === 'running',
    started: isRunning,
    restartCount: state === 'crashing' ? 42 : 0,
    state: states[state],
    ...(state === 'crashing' && { lastState: { terminated: ended } }),
    ...(hasRun && {
      containerID: `containerd://${index.toString(16).padStart(64, '0')}`,
      user: { linux: { uid: 65532, gid: 65532, supplementalGroups: [65532] } },
    }),
  }
}

/** Stops at the first failure. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values()
  const lane = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
}
