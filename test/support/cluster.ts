import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { V1Namespace } from '@kubernetes/client-node'
import { ClusterApi } from './cluster-api.ts'
import { definitionHash, definitionLabel, type ImageDefinition, withArchive } from './image-archive.ts'
import { type ImageName, imageRef, images } from './images.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('../cluster/cluster.sh', import.meta.url))
const chosen = process.env['HATCHWAY_TEST_KUBECONFIG']

/** How the name of each namespace of a test starts. */
export const namespacePrefix = 'hatchway-test-'

export type ClusterPart =
  | 'etcd'
  | 'containerd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'

/** A Kubernetes cluster that tests may use, as its administrator. */
export interface TestCluster {
  api: ClusterApi
  /** The administrator's, for whatever wants a file. */
  kubeconfig: string
  /** What only the cluster of test/cluster has: a node that is this machine. */
  node?: ClusterNode
}

/** The one node and its control plane, in the hands of a test. */
export interface ClusterNode {
  start(part: ClusterPart): Promise<void>
  stop(part: ClusterPart): Promise<void>
  /** Ends it and starts it again; resolves when it answers. */
  restart(part: ClusterPart): Promise<void>
  /** The API server's audit log: one JSON event per line, level Metadata. */
  auditLog: string
  /** The path of the cluster's network namespace, for what has to listen on the node's loopback. */
  networkNamespace: string
  /** The address of this machine that pods and the control plane can reach. */
  hostAddress: string
}

/**
 * The cluster of HATCHWAY_TEST_KUBECONFIG, or the one of test/cluster, which is started when it doesn't run. Throws when
 * there is none: a missing backend is never skipped here. Never the user's own kubeconfig.
 */
export async function testCluster(): Promise<TestCluster> {
  if (chosen !== undefined && chosen !== '') {
    return { api: await ClusterApi.fromKubeconfig(chosen), kubeconfig: chosen }
  }
  await call('start')
  const kubeconfig = await call('kubeconfig')
  return {
    api: await ClusterApi.fromKubeconfig(kubeconfig),
    kubeconfig,
    node: {
      start: async (part) => void (await call('start', part)),
      stop: async (part) => void (await call('stop', part)),
      restart: async (part) => void (await call('restart', part)),
      auditLog: `${await call('logs')}/audit.log`,
      networkNamespace: await call('netns'),
      hostAddress: `10.97.${process.env['HATCHWAY_TEST_CLUSTER'] ?? '0'}.1`,
    },
  }
}

/** Whether the cluster of test/cluster runs, so that whoever finds it so can leave it so. */
export function isClusterRunning(): Promise<boolean> {
  return call('status').then(
    () => true,
    () => false,
  )
}

/** Whether a namespace of some test is in it. */
export async function isClusterUsed(): Promise<boolean> {
  const api = await ClusterApi.fromKubeconfig(await call('kubeconfig'))
  try {
    const { items } = await api.get<{ items: V1Namespace[] }>('/api/v1/namespaces')
    return items.some(
      ({ metadata, status }) => metadata?.name?.startsWith(namespacePrefix) && status?.phase === 'Active',
    )
  } finally {
    api.close()
  }
}

/** Ends the cluster of test/cluster and everything in it. */
export async function stopCluster(): Promise<void> {
  await call('stop')
}

/** The path of a kubectl of the cluster's version, built on the first call. */
export function kubectl(): Promise<string> {
  return call('kubectl')
}

/**
 * Sees to it that the nodes have these images under `imageRef(name)`, and as they are defined. Into a cluster that isn't
 * the one of test/cluster they go by HATCHWAY_TEST_IMPORT, a command that takes an archive's path as its last argument;
 * for one of kind that is `kind load image-archive --name NAME`.
 */
export async function ensureClusterImages(cluster: TestCluster, ...names: ImageName[]): Promise<void> {
  const present = cluster.node ? await call('ctr', 'images', 'list') : ''
  const isThere = (ref: string, hash: string) =>
    present.split('\n').some((line) => line.startsWith(`docker.io/${ref} `) && line.includes(hash))
  for (const name of new Set(names)) {
    const definition: ImageDefinition = images[name]
    const ref = imageRef(name)
    const hash = definitionHash(definition)
    if (imported.has(ref) || isThere(ref, hash)) continue
    await withArchive(ref, definition, (archive) => importImages(cluster, archive))
    if (cluster.node) await call('ctr', 'images', 'label', `docker.io/${ref}`, `${definitionLabel}=${hash}`)
    else imported.add(ref)
  }
}

/** What this process has given to a cluster that can't be asked. */
const imported = new Set<string>()

async function importImages(cluster: TestCluster, archive: string): Promise<void> {
  if (cluster.node) {
    await call('import', archive)
    return
  }
  const command = process.env['HATCHWAY_TEST_IMPORT']?.split(' ').filter(Boolean)
  const [program, ...args] = command ?? []
  if (program === undefined) {
    throw new Error(
      'The nodes of HATCHWAY_TEST_KUBECONFIG need the test images: name a command in HATCHWAY_TEST_IMPORT that takes an ' +
        'archive as its last argument, such as `kind load image-archive --name NAME`',
    )
  }
  await run(program, [...args, archive], { timeout: 120_000 })
}

async function call(...args: string[]): Promise<string> {
  // The deadline covers a build without any cache on a slow machine.
  const running = run(script, args, { timeout: 1_800_000, maxBuffer: 16 * 1024 ** 2 })
  // A build takes minutes and says so.
  if (args[0] === 'start') running.child.stderr?.pipe(process.stderr, { end: false })
  return (await running).stdout.trim()
}
