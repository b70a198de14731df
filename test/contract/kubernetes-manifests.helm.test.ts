import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { kubectl, testCluster, type TestCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { type Manifest, manifestsOf, renderChart } from '../support/helm.ts'

const folder = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url))

// The API server checks every field, and Pod Security what the pods ask for; nothing of it is stored.
describe('the API server takes', () => {
  let cluster: TestCluster
  let namespace: TestNamespace
  before(async () => {
    cluster = await testCluster()
    const labels = { 'pod-security.kubernetes.io/warn': 'restricted' }
    namespace = await TestNamespace.create(cluster, { enforce: 'restricted', labels })
  })
  after(async () => {
    await namespace.close()
    cluster.api.close()
  })

  /** As `kubectl apply`, without a word of warning. */
  async function dryRun(manifests: readonly Manifest[]): Promise<string> {
    const program = await kubectl()
    const args = [
      'apply',
      '--dry-run=server',
      '--validate=strict',
      '--filename=-',
      `--kubeconfig=${cluster.kubeconfig}`,
    ]
    const running = promisify(execFile)(program, args, { timeout: 60_000 })
    running.child.stdin?.end(manifests.map((manifest) => stringify(manifest)).join('---\n'))
    const { stdout, stderr } = await running
    assert.equal(stderr, '')
    return stdout
  }

  /** What a controller would make of the template, which Pod Security enforces only then. */
  async function admitPod(manifests: readonly Manifest[]): Promise<void> {
    const deployment = manifests.find(({ kind }) => kind === 'Deployment')
    assert.ok(deployment)
    const { template } = deployment['spec'] as { template: { metadata: object; spec: object } }
    const pod = {
      metadata: { ...template.metadata, name: 'gateway' },
      spec: { ...template.spec, serviceAccountName: 'default' },
    }
    await cluster.api.create(`${namespace.path('pods')}?dryRun=All`, pod)
  }

  it("what the chart makes of its default values, in a namespace that enforces Pod Security's restricted level", async () => {
    const manifests = await renderChart({}, namespace.name)
    assert.match(await dryRun(manifests), /deployment.apps\/hatchway created/)
    await admitPod(manifests)
  })

  it('everything that the chart can make', async () => {
    const manifests = await renderChart(
      {
        publicUrl: 'https://hatchway.example.com',
        cluster: {
          namespaces: [namespace.name],
          debugCopies: true,
          execFallback: true,
          impersonate: { enabled: true, groups: ['engineering'], users: ['ada@example.com'] },
        },
        secretEnv: [{ name: 'METRICS_TOKEN', secret: 'hatchway', key: 'metrics' }],
        secretFiles: ['kubeconfigs'],
        imagePullSecrets: [{ name: 'registry' }],
        persistence: { storageClass: 'fast' },
        ingress: { enabled: true, className: 'nginx', tlsSecret: 'hatchway-tls', annotations: { a: 'b' } },
        networkPolicy: { from: [{ namespaceSelector: { matchLabels: { name: 'ingress' } } }] },
        serviceAccount: { annotations: { a: 'b' } },
        podAnnotations: { a: 'b' },
        podLabels: { team: 'platform' },
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        tolerations: [{ key: 'dedicated', operator: 'Exists' }],
        affinity: { nodeAffinity: {} },
        priorityClassName: 'system-cluster-critical',
      },
      namespace.name,
    )
    await dryRun(manifests)
    await admitPod(manifests)
  })

  it('the plain manifests, every file of them', async () => {
    const { stdout } = await promisify(execFile)(await kubectl(), ['kustomize', folder])
    const whole = manifestsOf(stdout).filter(({ kind }) => kind !== 'Namespace')
    await dryRun(whole.map(moved))
    for (const name of [
      'rbac-namespaces.yaml',
      'rbac-impersonation.yaml',
      'rbac-extras.yaml',
      'rbac-people.yaml',
    ]) {
      await dryRun(manifestsOf(await readFile(`${folder}/${name}`, 'utf8')).map(moved))
    }
  })

  /** Into the namespace of this test, whatever namespace it is for. */
  function moved(manifest: Manifest): Manifest {
    if (manifest.metadata.namespace === undefined) return manifest
    return { ...manifest, metadata: { ...manifest.metadata, namespace: namespace.name } }
  }
})
