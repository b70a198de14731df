import { readFile } from 'node:fs/promises'
import type { ResolvedUser } from './user-database.ts'

/**
 * The ids of a container's first process from this host's own /proc (proc(5)), which takes no time; undefined when the
 * gateway does not share the engine's process table, as inside a container. That the process is the container's is
 * read from its cgroup, never assumed: a pid means something only where it was given out.
 */
export async function userFromProc(pid: number, containerId: string): Promise<ResolvedUser | undefined> {
  if (pid <= 0) return undefined
  try {
    const [cgroup, status] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ])
    return cgroup.includes(containerId) ? parseStatus(status) : undefined
  } catch {
    return undefined
  }
}

/** Effective ids and supplementary groups of a /proc/<pid>/status; undefined when they are not in it. */
export function parseStatus(status: string): ResolvedUser | undefined {
  // Each line has four ids: real, effective, saved, file system.
  const uid = effective(/^Uid:\t(.*)$/m.exec(status)?.[1])
  const gid = effective(/^Gid:\t(.*)$/m.exec(status)?.[1])
  const groups = /^Groups:\t(.*)$/m.exec(status)?.[1]?.trim()
  if (uid === undefined || gid === undefined || groups === undefined) return undefined
  const ids = groups === '' ? [] : groups.split(' ').map(Number)
  return { uid, gid, groups: ids.filter((group) => group !== gid) }
}

function effective(ids: string | undefined): number | undefined {
  const id = Number(ids?.split('\t')[1] ?? Number.NaN)
  return Number.isSafeInteger(id) ? id : undefined
}
