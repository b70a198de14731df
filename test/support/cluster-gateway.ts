import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type TestCluster, ensureClusterImages } from './cluster.ts'
import { TestGateway, type GatewayOptions } from './gateway.ts'
import { imageRef } from './images.ts'
import { startSlowProxy, type SlowProxy } from './slow-proxy.ts'

export interface ClusterGatewayOptions extends GatewayOptions {
  impersonate?: boolean
  /** A service account's token in place of the administrator's certificate. */
  token?: string
}

/** A gateway in front of the test cluster, as environment `prod`, with a network between them that can be taken away. */
export interface ClusterGateway {
  gateway: TestGateway
  network: SlowProxy
  stop(): Promise<void>
}

export async function startClusterGateway(
  cluster: TestCluster,
  { impersonate = false, token, ...options }: ClusterGatewayOptions = {},
): Promise<ClusterGateway> {
  await ensureClusterImages(cluster, 'toolbox', 'web')
  const given = parse(await readFile(cluster.kubeconfig, 'utf8')) as Kubeconfig
  const [entry] = given.clusters
  if (entry === undefined) throw new Error(`${cluster.kubeconfig} names no cluster`)
  const server = new URL(entry.cluster.server)
  const network = await startSlowProxy({ to: Number(server.port || '443'), host: server.hostname })
  entry.cluster = {
    ...entry.cluster,
    server: `https://127.0.0.1:${network.port}`,
    'tls-server-name': server.hostname,
  }
  if (token !== undefined) given.users = given.users.map((user) => ({ ...user, user: { token } }))
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-kubeconfig-'))
  const kubeconfig = join(directory, 'kubeconfig')
  await writeFile(kubeconfig, stringify(given))
  await chmod(kubeconfig, 0o600)
  const gateway = await TestGateway.start({
    ...options,
    config: {
      environments: [{ id: 'prod', kind: 'kubernetes', kubeconfig, impersonate }],
      toolboxes: [{ name: 'busybox', image: imageRef('toolbox'), shell: ['/bin/sh'] }],
      ...options.config,
    },
  })
  return {
    gateway,
    network,
    async stop() {
      network.heal()
      await gateway.stop()
      await network.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'tls-server-name'?: string } }[]
  users: { user: object }[]
}
