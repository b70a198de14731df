import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'

/** A process of a pod as the node sees it. */
export interface PodProcess {
  pid: number
  /** The name of its container, or `sandbox`. */
  container: string
  command: string
  uid: number
}

/**
 * Every process in the containers of a pod, from the node's control groups: whatever was started there is in it, also
 * when it has left its session, its parent or its process namespace. Only on the cluster of test/cluster.
 */
export async function processesIn(pod: V1Pod): Promise<PodProcess[]> {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {}
  const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses]
  const names = new Map(statuses.map(({ containerID, name }) => [containerID?.split('//')[1], name]))
  const found: PodProcess[] = []
  for await (const directory of glob(join(await hierarchy(), `{,*/}pod${pod.metadata?.uid}/*/`))) {
    const container = names.get(directory.split('/').findLast(Boolean)) ?? 'sandbox'
    for (const pid of await processIds(directory)) {
      const process = await describe(pid)
      if (process) found.push({ pid, container, ...process })
    }
  }
  return found
}

/** Where the kubelet keeps its pods' groups: one of the hierarchies of version 1, or the only one of version 2. */
async function hierarchy(): Promise<string> {
  const isUnified = await readFile('/sys/fs/cgroup/cgroup.controllers').then(
    () => true,
    () => false,
  )
  const cluster = `hatchway-cluster-${process.env['HATCHWAY_TEST_CLUSTER'] ?? '0'}`
  return join('/sys/fs/cgroup', isUnified ? '' : 'pids', cluster, 'kubepods')
}

async function processIds(directory: string): Promise<number[]> {
  const ids: number[] = []
  // A container may have made groups below its own.
  for await (const file of glob([join(directory, 'cgroup.procs'), join(directory, '**/cgroup.procs')])) {
    ids.push(...(await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number))
  }
  return [...new Set(ids)]
}

/** Undefined for one that has ended in between, and for a zombie. */
async function describe(pid: number): Promise<{ command: string; uid: number } | undefined> {
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim()
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    if (command === '') return undefined
    return { command, uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) }
  } catch {
    return undefined
  }
}
