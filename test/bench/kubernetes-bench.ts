import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureClusterImages, testCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { TestGateway } from '../support/gateway.ts'
import { imageRef } from '../support/images.ts'
import { clusterAttachLane, type EphemeralTarget } from './cluster-attach-lane.ts'
import { gatewayLane } from './gateway-lane.ts'
import { kubectlDebugLane } from './kubectl-lane.ts'
import type { Report } from './report.ts'
import { benchTerminals } from './terminal-bench.ts'

/** The gateway beside `kubectl debug -it` and beside the bare API server: the same image, profile and identity in the same pod. */
export async function benchKubernetes({ report, rounds }: { report: Report; rounds: number }): Promise<void> {
  const cluster = await testCluster()
  await ensureClusterImages(cluster, 'web', 'toolbox')
  const namespace = await TestNamespace.create(cluster, { enforce: 'restricted' })
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-bench-'))
  const { kubeconfig, api } = cluster
  const gateway = await TestGateway.start({
    config: { environments: [{ id: 'cluster', kind: 'kubernetes', kubeconfig }] },
  })
  try {
    const { gitVersion } = await api.get<{ gitVersion: string }>('/version')
    report.machine(`Kubernetes ${gitVersion}`)
    const target = await startEphemeralTarget(namespace, api, kubeconfig)
    const lanes = [
      gatewayLane(gateway, `cluster/${target.namespace}/pod/${target.pod}/${target.container}`),
      clusterAttachLane(target),
      await kubectlDebugLane(target, directory),
    ]
    // Containers that have ended stay in the pod, so there is a limit to rounds in one pod; and all output is in their log.
    await benchTerminals({ lanes, report, rounds, keys: 100, bulkBytes: 8_000_000, pauseMs: 4000 })
  } finally {
    await gateway.stop()
    await namespace.close()
    api.close()
    await rm(directory, { recursive: true })
  }
}

/** A pod under the restricted standard, for debug containers of the same identity. */
export async function startEphemeralTarget(
  namespace: TestNamespace,
  api: EphemeralTarget['api'],
  kubeconfig: string,
): Promise<EphemeralTarget> {
  const [uid, gid] = [65532, 65532]
  const securityContext = {
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: gid,
    seccompProfile: { type: 'RuntimeDefault' },
  }
  const pod = await namespace.runPod({
    spec: {
      securityContext,
      containers: [
        {
          name: 'app',
          image: imageRef('web'),
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  })
  const name = pod.metadata?.name ?? ''
  const place = { namespace: namespace.name, pod: name, container: 'app' }
  return { api, kubeconfig, ...place, image: imageRef('toolbox'), uid, gid }
}
