import { randomBytes } from 'node:crypto'
import type { V1Deployment, V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { ensureClusterImages, namespacePrefix, type TestCluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { type ImageName, imageRef } from './images.ts'

export interface TestPodSpec {
  name?: string
  /** The image of the container `app`; `web` when none is named. */
  image?: ImageName
  command?: readonly string[]
  /** `uid` or `uid:gid` of the pod's security context; the image decides when there is none. */
  user?: string
  labels?: Readonly<Record<string, string>>
  /** Laid over the pod's specification, for everything else. */
  spec?: Partial<V1PodSpec>
}

/** A namespace of one test file, with what it makes in it; all of it goes with the namespace. */
export class TestNamespace {
  readonly cluster: TestCluster
  readonly name: string

  private constructor(cluster: TestCluster, name: string) {
    this.cluster = cluster
    this.name = name
  }

  /** `enforce` is the level of Pod Security that the namespace enforces; privileged when none is given. */
  static async create(
    cluster: TestCluster,
    { enforce, labels = {} }: { enforce?: 'baseline' | 'restricted'; labels?: Record<string, string> } = {},
  ): Promise<TestNamespace> {
    const name = `${namespacePrefix}${randomBytes(4).toString('hex')}`
    const enforced = enforce === undefined ? {} : { 'pod-security.kubernetes.io/enforce': enforce }
    await cluster.api.create('/api/v1/namespaces', { metadata: { name, labels: { ...labels, ...enforced } } })
    // Until the controller has made it, no pod is admitted.
    await eventually(() => cluster.api.get(`/api/v1/namespaces/${name}/serviceaccounts/default`), {
      what: `the service account of ${name}`,
      timeoutMs: 30_000,
    })
    return new TestNamespace(cluster, name)
  }

  /** The path of something in this namespace: `path('pods', name)`, `path('apps/deployments')`. */
  path(kind: string, name?: string, subresource?: string): string {
    const [plural = '', group] = kind.split('/').toReversed()
    const root = group === undefined ? '/api/v1' : `/apis/${group}/v1`
    return [root, 'namespaces', this.name, plural, name, subresource].filter(Boolean).join('/')
  }

  /** A pod, not waited for. */
  async createPod(spec: TestPodSpec = {}): Promise<V1Pod> {
    await ensureClusterImages(this.cluster, spec.image ?? 'web', 'toolbox')
    const name = spec.name ?? `${spec.image ?? 'web'}-${randomBytes(4).toString('hex')}`
    const labels = { app: name, ...spec.labels }
    return this.cluster.api.create(this.path('pods'), { metadata: { name, labels }, spec: podSpec(spec) })
  }

  /** A pod that is Ready, as it is then. */
  async runPod(spec: TestPodSpec = {}): Promise<V1Pod> {
    const created = await this.createPod(spec)
    return this.waitForPod(created.metadata?.name ?? '', isReady)
  }

  /** A deployment with all its replicas ready. */
  async runDeployment(spec: TestPodSpec & { name: string; replicas?: number }): Promise<V1Deployment> {
    await ensureClusterImages(this.cluster, spec.image ?? 'web', 'toolbox')
    const { name, replicas = 1 } = spec
    const labels = { app: name, ...spec.labels }
    await this.cluster.api.create(this.path('apps/deployments'), {
      metadata: { name, labels },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels }, spec: podSpec(spec) },
      },
    })
    return eventually(
      async () => {
        const now = await this.cluster.api.get<V1Deployment>(this.path('apps/deployments', name))
        return (now.status?.readyReplicas ?? 0) === replicas && now
      },
      { what: `the replicas of ${name}`, timeoutMs: 60_000 },
    )
  }

  pod(name: string): Promise<V1Pod> {
    return this.cluster.api.get<V1Pod>(this.path('pods', name))
  }

  async pods(labelSelector = ''): Promise<V1Pod[]> {
    const query = `?labelSelector=${encodeURIComponent(labelSelector)}`
    return (await this.cluster.api.get<{ items: V1Pod[] }>(`${this.path('pods')}${query}`)).items
  }

  /** The pod as soon as `condition` holds. Throws with the pod's last status when it never does. */
  async waitForPod(
    name: string,
    condition: (pod: V1Pod) => boolean,
    { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
  ): Promise<V1Pod> {
    let last: V1Pod | undefined
    try {
      return await eventually(
        async () => {
          last = await this.pod(name)
          return condition(last) && last
        },
        { what: `the pod ${name}`, timeoutMs },
      )
    } catch (cause) {
      throw new Error(`${(cause as Error).message}; it is ${JSON.stringify(last?.status)}`, { cause })
    }
  }

  async deletePod(name: string, gracePeriodSeconds = 0): Promise<void> {
    await this.cluster.api.delete(this.path('pods', name), { gracePeriodSeconds })
  }

  /** A token of a new service account, which is bound to nothing unless `rules` are given. */
  async createAccount(name: string, rules: readonly PolicyRule[] = []): Promise<string> {
    const { api } = this.cluster
    await api.create(this.path('serviceaccounts'), { metadata: { name } })
    if (rules.length > 0) {
      const group = 'rbac.authorization.k8s.io'
      await api.create(this.path(`${group}/roles`), { metadata: { name }, rules })
      await api.create(this.path(`${group}/rolebindings`), {
        metadata: { name },
        roleRef: { apiGroup: group, kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace: this.name }],
      })
    }
    const request = { spec: { expirationSeconds: 3600 } }
    const { status } = await api.create<{ status: { token: string } }>(
      this.path('serviceaccounts', name, 'token'),
      request,
    )
    return status.token
  }

  /** Has the namespace taken away with everything in it; doesn't wait for the end of it. */
  async close(): Promise<void> {
    await this.cluster.api.delete(`/api/v1/namespaces/${this.name}`)
  }
}

export interface PolicyRule {
  apiGroups: readonly string[]
  resources: readonly string[]
  verbs: readonly string[]
}

export function isReady(pod: V1Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

function podSpec({ image = 'web', command, user, spec }: TestPodSpec): V1PodSpec {
  const [uid, gid] = user?.split(':').map(Number) ?? []
  const securityContext = {
    ...(uid !== undefined && { runAsUser: uid }),
    ...(gid !== undefined && { runAsGroup: gid }),
  }
  return {
    // What ignores TERM as the first process of its namespace would hold up the end of the namespace.
    terminationGracePeriodSeconds: 1,
    securityContext,
    containers: [{ name: 'app', image: imageRef(image), ...(command && { command: [...command] }) }],
    ...spec,
  }
}
