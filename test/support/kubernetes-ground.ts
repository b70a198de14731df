import { readFile } from 'node:fs/promises'
import type { V1Pod } from '@kubernetes/client-node'
import type { TargetRef } from '../../server/core/target-ref.ts'
import { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { KubernetesTargets } from '../../server/drivers/kubernetes/catalog/targets.ts'
import { KubernetesDriver } from '../../server/drivers/kubernetes/driver.ts'
import type { DriverGround } from '../contract/driver-ground.ts'
import type { TestCluster } from './cluster.ts'
import { ensureClusterImages } from './cluster.ts'
import { TestNamespace } from './cluster-namespace.ts'
import { processesIn } from './cluster-processes.ts'
import { mortalCommand, testToolbox } from './docker-ground.ts'
import { eventually } from './eventually.ts'

/** A driver as a gateway of that installation has one, with the administrator's rights. */
export function kubernetesDriver(cluster: TestCluster, installation: string): KubernetesDriver {
  const client = new KubernetesClient({
    environment: 'cluster',
    source: { kind: 'kubeconfig', paths: [cluster.kubeconfig] },
    impersonate: false,
  })
  const targets = new KubernetesTargets(client)
  return new KubernetesDriver({ environment: 'cluster', client, installation, targets })
}

/** The reference of a pod of a test. */
export function podRef({ metadata }: V1Pod): TargetRef {
  const { name = '', namespace = '' } = metadata ?? {}
  return { kind: 'kubernetes', environment: 'cluster', namespace, workload: 'pod', name }
}

/** A namespace of a cluster as ground for the driver's contract. */
export async function kubernetesGround(cluster: TestCluster): Promise<DriverGround> {
  const namespace = await TestNamespace.create(cluster)
  await ensureClusterImages(cluster, 'toolbox')
  const ref = (name: string) => podRef({ metadata: { name, namespace: namespace.name } })
  return {
    environment: 'cluster',
    toolbox: testToolbox,
    knowsShells: false,
    // From the kubelet to the API server, and from there to us.
    onTheWay: 2 * (await connectionBuffers()),
    unknown: ref('no-such-pod'),
    connect: async (installation) => kubernetesDriver(cluster, installation),
    async startWeb() {
      // A token of its account would be among the target's files.
      const spec = { automountServiceAccountToken: false }
      const pod = await namespace.runPod({ image: 'web', user: '65532:65532', spec })
      return { ref: podRef(pod), end: () => namespace.deletePod(pod.metadata?.name ?? '') }
    },
    async startMortal() {
      const pod = await namespace.runPod({
        image: 'toolbox',
        user: '65532:65532',
        command: mortalCommand,
        spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 10 },
      })
      const name = pod.metadata?.name ?? ''
      return { ref: podRef(pod), end: () => endFirstProcess(namespace, name) }
    },
    async createStopped() {
      const pod = await namespace.createPod({
        image: 'toolbox',
        command: ['/bin/true'],
        spec: { restartPolicy: 'Never' },
      })
      const name = pod.metadata?.name ?? ''
      await namespace.waitForPod(name, ({ status }) => status?.phase === 'Succeeded')
      return { ref: podRef(pod), end: async () => {} }
    },
    async remains(sessionId) {
      const name = `hatchway-${sessionId}`
      const pods = (await namespace.pods()).filter(({ spec }) =>
        spec?.ephemeralContainers?.some((each) => each.name === name),
      )
      const found = await Promise.all(pods.map((pod) => processesOf(pod, sessionId)))
      return found.flat()
    },
    marks: (listed) =>
      listed.flatMap(({ cluster: place }) =>
        (place?.containers ?? []).flatMap(({ name, kind }) =>
          kind === 'debug' && name.startsWith('hatchway-') ? [name.slice('hatchway-'.length)] : [],
        ),
      ),
    close: () => namespace.close(),
  }
}

/** What runs of the session, by the node's own control groups; the API's status is a second late. */
async function processesOf(pod: V1Pod, sessionId: string): Promise<string[]> {
  const apps = new Set(pod.spec?.containers.map(({ name }) => name))
  const processes = await processesIn(pod)
  const named = processes.filter(({ container }) => container === `hatchway-${sessionId}`)
  // The status may not know the container yet: then its group is nobody's, and only its shell tells.
  const unnamed = processes.filter(
    ({ container, command }) =>
      !apps.has(container) && !container.startsWith('hatchway-') && command.includes('hatchway'),
  )
  return [...named, ...unnamed].map(({ pid, command }) => `${pid} ${command}`)
}

async function endFirstProcess(namespace: TestNamespace, name: string): Promise<void> {
  const pod = await namespace.pod(name)
  const first = (await processesIn(pod)).filter(({ container }) => container === 'app')
  const shell = first.find(({ command }) => command.includes('trap'))
  if (shell === undefined) throw new Error(`${name} has no first process`)
  process.kill(shell.pid, 'SIGTERM')
  await eventually(
    async () => (await namespace.pod(name)).status?.containerStatuses?.[0]?.state?.terminated !== undefined,
    { what: `${name} to end`, timeoutMs: 20_000 },
  )
}

/** What the kernel lets a TCP connection's two ends hold, in bytes: tcp(7), the last figures of tcp_rmem and tcp_wmem. */
async function connectionBuffers(): Promise<number> {
  const limits = ['tcp_rmem', 'tcp_wmem'].map(async (name) => {
    const figures = await readFile(`/proc/sys/net/ipv4/${name}`, 'utf8')
    return Number(figures.trim().split(/\s+/).at(-1))
  })
  return (await Promise.all(limits)).reduce((sum, each) => sum + each)
}
