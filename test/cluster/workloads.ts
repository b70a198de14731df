/*
 * Every test image and a few workloads of every kind, to look at by hand:
 *
 *   npx node test/cluster/workloads.ts       starts the cluster when it doesn't run; idempotent
 *
 * The namespace `payments` has a deployment that serves, one that crashes, one whose image nobody has, one that never
 * gets ready, a finished pod and a finished job; `vault` enforces the level `restricted` of Pod Security.
 */
import type { V1PodSpec } from '@kubernetes/client-node'
import { ensureClusterImages, testCluster } from '../support/cluster.ts'
import { ClusterApiError } from '../support/cluster-api.ts'
import { eventually } from '../support/eventually.ts'
import { imageRef, type ImageName, images } from '../support/images.ts'

const compliant = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  runAsUser: 65532,
  runAsGroup: 65532,
  seccompProfile: { type: 'RuntimeDefault' },
}
const web = { name: 'app', image: imageRef('web') }
const toolbox = { name: 'app', image: imageRef('toolbox') }
const crash = { ...toolbox, command: ['/bin/sh', '-c', 'echo no database; exit 1'] }

const cluster = await testCluster()
await ensureClusterImages(cluster, ...(Object.keys(images) as ImageName[]))
await namespace('payments', {})
await namespace('vault', { 'pod-security.kubernetes.io/enforce': 'restricted' })
await deployment('payments', 'api', 3, { containers: [web] })
await deployment('payments', 'worker', 1, { containers: [crash] })
await deployment('payments', 'report', 1, { containers: [{ ...web, image: '127.0.0.1:9/none:1' }] })
await pod('payments', 'migration', {
  containers: [{ ...toolbox, command: ['/bin/true'] }],
  restartPolicy: 'Never',
})
await deployment('payments', 'cache', 1, {
  containers: [{ ...web, readinessProbe: { exec: { command: ['/bin/false'] } } }],
})
await unlessThere('/apis/batch/v1/namespaces/payments/jobs', {
  metadata: { name: 'invoices', labels: { app: 'invoices' } },
  spec: {
    template: { spec: { containers: [{ ...toolbox, command: ['/bin/true'] }], restartPolicy: 'Never' } },
  },
})
await deployment('vault', 'api', 1, { containers: [{ ...web, securityContext: compliant }] })
cluster.api.close()
process.stdout.write(`payments and vault are in the cluster of ${cluster.kubeconfig}\n`)

async function namespace(name: string, labels: Record<string, string>): Promise<void> {
  await unlessThere('/api/v1/namespaces', { metadata: { name, labels } })
  await eventually(() => cluster.api.get(`/api/v1/namespaces/${name}/serviceaccounts/default`), {
    what: `the service account of ${name}`,
    timeoutMs: 30_000,
  })
}

async function pod(within: string, name: string, spec: V1PodSpec): Promise<void> {
  await unlessThere(`/api/v1/namespaces/${within}/pods`, { metadata: { name }, spec })
}

async function deployment(within: string, name: string, replicas: number, spec: V1PodSpec): Promise<void> {
  const labels = { app: name }
  await unlessThere(`/apis/apps/v1/namespaces/${within}/deployments`, {
    metadata: { name, labels },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  })
}

async function unlessThere(path: string, body: unknown): Promise<void> {
  await cluster.api.create(path, body).catch((cause: unknown) => {
    if (!(cause instanceof ClusterApiError) || cause.reason !== 'AlreadyExists') throw cause
  })
}
